package dev.drover.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Default;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What the admins say of a host. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public record HypervisorNodeSpec(
    @JsonPropertyDescription("True: no VM is moved to this host.") @Nullable Boolean unschedulable,
    @JsonPropertyDescription(
            "True: this host is off, and stays off until this is taken back; whoever sets it has made sure of that. Once its"
                + " daemon's Lease has expired, too, open migrations from and to it are settled without it.")
        @Nullable Boolean fenced,
    @JsonPropertyDescription("Migrations to this host at once.") @Default("2") @Min(0) @Max(64)
        @Nullable Integer maxIncoming,
    @JsonPropertyDescription("Migrations from this host at once.") @Default("2") @Min(0) @Max(64)
        @Nullable Integer maxOutgoing,
    @JsonPropertyDescription(
            "What guests that come here call a bridge (or device), and which one of this host takes its place. One that is"
                + " not named must be here under the same name.")
        @Size(max = 64)
        @Nullable List<Bridge> bridges,
    @JsonPropertyDescription(
            "The storage pool of this host, of files, into which network volumes are copied that a migration names in its"
                + " disks. Without it, none are.")
        @Size(min = 1, max = 253)
        @Nullable String copyPool) {

  private static final String INTERFACE_NAME = "^[A-Za-z0-9][A-Za-z0-9_.-]*$";

  /** A bridge under another name. */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Bridge(
      @JsonPropertyDescription("The name in the guest's definition, at its source.")
          @Required
          @Size(min = 1, max = 15)
          @Pattern(INTERFACE_NAME)
          String guest,
      @JsonPropertyDescription("The name on this host.")
          @Required
          @Size(min = 1, max = 15)
          @Pattern(INTERFACE_NAME)
          String host) {}

  public static final int DEFAULT_MAX_MIGRATIONS = 2;

  /** What counts for a host that no admin has said anything of. */
  public static final HypervisorNodeSpec NOTHING_SAID =
      new HypervisorNodeSpec(null, null, null, null, null, null);

  public boolean saidToBeFenced() {
    return Boolean.TRUE.equals(fenced);
  }

  public int maxIncomingOrDefault() {
    return maxIncoming == null ? DEFAULT_MAX_MIGRATIONS : maxIncoming;
  }

  /** By the guests' name. */
  public Map<String, String> bridgesByGuestName() {
    Map<String, String> map = new LinkedHashMap<>();
    if (bridges != null) {
      bridges.forEach(bridge -> map.putIfAbsent(bridge.guest(), bridge.host()));
    }
    return map;
  }

  public int maxOutgoingOrDefault() {
    return maxOutgoing == null ? DEFAULT_MAX_MIGRATIONS : maxOutgoing;
  }
}
