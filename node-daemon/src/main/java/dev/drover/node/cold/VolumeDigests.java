package dev.drover.node.cold;

import dev.drover.api.v1alpha1.DiskDigest;
import dev.drover.api.v1alpha1.TargetReport.DiskPlan;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;

/** Reads copies back from this host's storage. */
public final class VolumeDigests {
  private final Hypervisor hypervisor;

  public VolumeDigests(Hypervisor hypervisor) {
    this.hypervisor = hypervisor;
  }

  /**
   * What the copies hold. They are on the disk before they are read: the source's files are removed
   * soon after.
   *
   * @param wanted as for {@link Hypervisor#readVolume}
   */
  public List<DiskDigest> of(List<DiskPlan> copies, BooleanSupplier wanted)
      throws HypervisorException {
    hypervisor.flushStorage();
    List<DiskDigest> digests = new ArrayList<>();
    for (DiskPlan copy : copies) {
      String pool = Objects.requireNonNull(copy.pool());
      String volume = Objects.requireNonNull(copy.volume());
      var digest = new FileDigest();
      digest.read(hypervisor, pool, volume, hypervisor.fileBytes(pool, volume).orElse(0), wanted);
      digests.add(new DiskDigest(copy.target(), digest.bytes(), digest.hexadecimal()));
    }
    return List.copyOf(digests);
  }
}
