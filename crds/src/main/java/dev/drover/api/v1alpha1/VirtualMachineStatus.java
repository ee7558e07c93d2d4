package dev.drover.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where the domain is. {@code sightings} is the ground truth, each entry applied by the daemon of
 * its node; {@code nodeName} and the conditions are derived from it by the operator.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public record VirtualMachineStatus(
    @JsonPropertyDescription("The one host that runs the VM, or holds it paused.") @Size(max = 253)
        @Nullable String nodeName,
    @Size(max = 16) @Nullable List<Condition> conditions,
    @Size(max = 64) @Nullable List<Sighting> sightings) {

  /**
   * What one daemon sees of the domain on its node.
   *
   * @param reason libvirt's reason for the state, in words: {@code booted}, {@code migrated},
   *     {@code user}, ...
   * @param since RFC 3339
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Sighting(
      @Required @Size(max = 253) String nodeName,
      @Required State state,
      @Size(max = 64) @Nullable String reason,
      boolean persistent,
      @Min(0) long memoryBytes,
      @Min(0) int vcpus,
      @Required @Size(max = 35) String since) {}

  /** A domain's state, as far as a migration cares. */
  public enum State {
    /** Its CPUs run. */
    Running,
    /** Held by a person or an error; its memory is here. */
    Paused,
    /** On its way in: a migration fills it, its CPUs have never run here. */
    Incoming,
    /** Held at the end of its way out. */
    Outgoing,
    /** Defined, with no process. */
    ShutOff,
    /** Anything else: crashed, shutting down, suspended by the guest. */
    Other
  }

  public List<Sighting> sightingsOrEmpty() {
    return sightings == null ? List.of() : sightings;
  }
}
