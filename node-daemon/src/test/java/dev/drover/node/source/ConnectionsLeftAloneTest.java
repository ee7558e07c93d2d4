package dev.drover.node.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Failure;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.TransferConnections.Traffic;
import dev.drover.node.report.RecordedReports;
import dev.drover.node.watchdog.WatchdogPolicy;
import org.junit.jupiter.api.Test;

/** {@code breakConnections: Never}. */
class ConnectionsLeftAloneTest extends SourceStage {
  @Override
  WatchdogPolicy policy() {
    return new WatchdogPolicy(false, false);
  }

  @Test
  void anAbortWhileMemoryIsSentIsAskedOfLibvirt() throws HypervisorException {
    begin();
    source.putTraffic(DOMAIN, new Traffic(1, 1000, false));
    role.handle(
        RecordedReports.migration(
            RecordedReports.spec(),
            DOMAIN,
            Phase.PreCopy,
            null,
            RESERVED,
            Failure.of(Reason.Deleted, "deleted", null, Phase.PreCopy)));
    await().until(() -> source.calls().contains("abortJob " + DOMAIN));
    assertThat(source.calls()).noneMatch(c -> c.startsWith("break"));
  }
}
