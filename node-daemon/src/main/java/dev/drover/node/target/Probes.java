package dev.drover.node.target;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.drover.api.v1alpha1.SourceReport.Probe;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import org.jspecify.annotations.Nullable;

/** Reads what the source's daemon has put beside a disk. */
final class Probes {
  private static final int MAX_BYTES = 1024;

  private final Hypervisor hypervisor;

  Probes(Hypervisor hypervisor) {
    this.hypervisor = hypervisor;
  }

  /** Whether this host sees the same storage as the source. */
  boolean sees(String pool, @Nullable Probe probe) throws HypervisorException {
    if (probe == null) {
      return false;
    }
    var content = hypervisor.readProbe(pool, probe.volume(), MAX_BYTES);
    return content.isPresent() && probe.content().equals(new String(content.get(), US_ASCII));
  }
}
