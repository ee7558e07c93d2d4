package dev.drover.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/**
 * A condition as Kubernetes' API conventions have it.
 *
 * @param status {@code True}, {@code False} or {@code Unknown}
 * @param lastTransitionTime RFC 3339, when {@code status} last changed
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public record Condition(
    @Required @Size(min = 1, max = 64) String type,
    @Required @Pattern("^(True|False|Unknown)$") @Size(max = 7) String status,
    @Required @Size(min = 1, max = 64) String reason,
    @JsonPropertyDescription("A sentence for people.") @Size(max = 1024) @Nullable String message,
    @Required @Size(max = 35) String lastTransitionTime,
    @Max(9007199254740991.0) @Nullable Long observedGeneration) {

  public static final String TRUE = "True";
  public static final String FALSE = "False";
  public static final String UNKNOWN = "Unknown";

  public static Condition of(
      ConditionType type,
      String status,
      Reason reason,
      String message,
      Instant now,
      @Nullable Long observedGeneration) {
    return new Condition(
        type.name(),
        status,
        reason.name(),
        Text.limit(message, 1024),
        now.truncatedTo(ChronoUnit.SECONDS).toString(),
        observedGeneration);
  }

  /** This condition, with {@code previous}' transition time if the status has not changed since. */
  public Condition replacing(@Nullable Condition previous) {
    return previous != null && previous.type.equals(type) && previous.status.equals(status)
        ? new Condition(
            type, status, reason, message, previous.lastTransitionTime, observedGeneration)
        : this;
  }

  @JsonIgnore
  public boolean isTrue() {
    return TRUE.equals(status);
  }
}
