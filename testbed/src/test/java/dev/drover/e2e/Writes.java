package dev.drover.e2e;

import dev.drover.testbed.Testbed;
import dev.drover.testbed.cluster.AuditLog.Write;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;

/**
 * What Drover's processes wrote for one migration, by kind of object and by who wrote it, from the
 * audit log.
 */
record Writes(Map<String, Long> byKind) {
  private static final String DROVER = "system:serviceaccount:drover-system:";

  static Writes since(Instant since, Testbed testbed, String migration, String virtualMachine) {
    Map<String, Long> counts = new TreeMap<>();
    testbed
        .controlPlane()
        .auditLog()
        .writes()
        .filter(Write::accepted)
        .filter(w -> w.at().isAfter(since))
        .filter(w -> w.user().startsWith(DROVER))
        .filter(
            w ->
                w.resource().equals("livemigrations") && w.name().equals(migration)
                    || w.resource().equals("virtualmachines") && w.name().equals(virtualMachine)
                    || w.resource().equals("events") && w.name().startsWith(migration + "."))
        .forEach(
            w ->
                counts.merge(
                    w.user().substring(DROVER.length())
                        + " "
                        + w.resource()
                        + (w.subresource().isEmpty() ? "" : "/" + w.subresource()),
                    1L,
                    Long::sum));
    return new Writes(counts);
  }

  long total() {
    return byKind.values().stream().mapToLong(Long::longValue).sum();
  }
}
