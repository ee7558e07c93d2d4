package dev.drover.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Default;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import org.jspecify.annotations.Nullable;

/** What the admins say of a host. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public record HypervisorNodeSpec(
    @JsonPropertyDescription("True: no VM is moved to this host.") @Nullable Boolean unschedulable,
    @JsonPropertyDescription("Migrations to this host at once.") @Default("2") @Min(0) @Max(64)
        @Nullable Integer maxIncoming,
    @JsonPropertyDescription("Migrations from this host at once.") @Default("2") @Min(0) @Max(64)
        @Nullable Integer maxOutgoing) {

  public static final int DEFAULT_MAX_MIGRATIONS = 2;

  public int maxIncomingOrDefault() {
    return maxIncoming == null ? DEFAULT_MAX_MIGRATIONS : maxIncoming;
  }

  public int maxOutgoingOrDefault() {
    return maxOutgoing == null ? DEFAULT_MAX_MIGRATIONS : maxOutgoing;
  }
}
