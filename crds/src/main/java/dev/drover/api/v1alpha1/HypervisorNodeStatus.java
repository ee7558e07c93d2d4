package dev.drover.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A host as its daemon finds it; only the Ready condition is the operator's. Written when something
 * changed, not to say that the daemon lives: that is its Lease's job.
 *
 * @param migrationAddress IP address at which other hosts reach this one's libvirt and QEMU
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public record HypervisorNodeStatus(
    @Size(max = 16) @Nullable List<Condition> conditions,
    @Size(max = 45) @Nullable String migrationAddress,
    @Size(max = 36) @Nullable String hostUuid,
    @Size(max = 32) @Nullable String libvirtVersion,
    @Size(max = 32) @Nullable String qemuVersion,
    @Size(max = 32) @Nullable String architecture,
    @Size(max = 128) @Nullable String cpuModel,
    @Min(0) @Nullable Integer cpus,
    @Min(0) @Nullable Long memoryBytes,
    @JsonPropertyDescription("Memory that running guests may use.") @Min(0)
        @Nullable Long guestMemoryBytes,
    @Min(0) @Nullable Integer guests,
    @Size(max = 64) @Nullable List<Pool> pools,
    @JsonPropertyDescription(
            "How far the host's clock is ahead of the API server's, within half a second; told when it changes by a"
                + " second or more.")
        @Nullable Long clockOffsetMilliseconds,
    @JsonPropertyDescription(
            "How guests leave this host: tls, or tcp, which is neither encrypted nor authenticated.")
        @Size(max = 8)
        @Nullable String peerTransport,
    @JsonPropertyDescription(
            "Until when the host's certificates for transfers are valid, RFC 3339.")
        @Size(max = 35)
        @Nullable String certificateNotAfter) {

  /** Of a host whose clock was not compared, and of whose way to others nothing is known. */
  public HypervisorNodeStatus(
      @Nullable List<Condition> conditions,
      @Nullable String migrationAddress,
      @Nullable String hostUuid,
      @Nullable String libvirtVersion,
      @Nullable String qemuVersion,
      @Nullable String architecture,
      @Nullable String cpuModel,
      @Nullable Integer cpus,
      @Nullable Long memoryBytes,
      @Nullable Long guestMemoryBytes,
      @Nullable Integer guests,
      @Nullable List<Pool> pools) {
    this(
        conditions,
        migrationAddress,
        hostUuid,
        libvirtVersion,
        qemuVersion,
        architecture,
        cpuModel,
        cpus,
        memoryBytes,
        guestMemoryBytes,
        guests,
        pools,
        null,
        null,
        null);
  }

  /**
   * A storage pool.
   *
   * @param availableBytes rounded down to 16 MiB, so that it stays still when little happens
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Pool(
      @Required @Size(max = 253) String name,
      boolean active,
      @Min(0) long capacityBytes,
      @Min(0) long availableBytes) {}

  public Optional<Condition> condition(ConditionType type) {
    return conditions == null
        ? Optional.empty()
        : conditions.stream().filter(c -> c.type().equals(type.name())).findFirst();
  }

  /** Whether the operator has found the host to be off: an admin says so, its daemon is silent. */
  public boolean foundFenced() {
    return condition(ConditionType.Ready)
        .filter(ready -> ready.reason().equals(Reason.HostFenced.name()))
        .isPresent();
  }
}
