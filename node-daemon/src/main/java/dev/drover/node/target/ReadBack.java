package dev.drover.node.target;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.SourceReport.Cold;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.node.cold.VolumeDigests;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.report.MigrationLog;
import dev.drover.node.report.MigrationRef;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.LoggerFactory;

/**
 * Once the source has copied a cold migration's disks, reads them back here and says what they
 * hold. Reading takes its time, so each migration has a thread for it.
 */
final class ReadBack {
  private static final MigrationLog LOG = new MigrationLog(LoggerFactory.getLogger(ReadBack.class));
  private static final long RETRY_SECONDS = 2;

  private final VolumeDigests digests;
  private final TargetReports reports;
  private final Map<String, CountDownLatch> unwanted = new ConcurrentHashMap<>();

  ReadBack(Hypervisor hypervisor, TargetReports reports) {
    this.digests = new VolumeDigests(hypervisor);
    this.reports = reports;
  }

  /** Begins it if it is due and not under way. */
  void look(LiveMigration migration, TargetReport own) {
    boolean due =
        own.state() == TargetReport.State.Reserved
            && own.digests() == null
            && !own.copies().isEmpty()
            && migration
                .getStatus()
                .currentSource()
                .map(SourceReport::cold)
                .map(Cold::digests)
                .isPresent();
    // A thread of an attempt before may not have ended yet.
    var key = migration.getMetadata().getUid() + "/" + migration.getStatus().attemptNumber();
    var notWanted = new CountDownLatch(1);
    if (!due || unwanted.putIfAbsent(key, notWanted) != null) {
      return;
    }
    Thread.ofPlatform()
        .name("read-back-" + key)
        .daemon(true)
        .start(
            () -> {
              try {
                read(migration, own, notWanted);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              } finally {
                unwanted.remove(key, notWanted);
              }
            });
  }

  /** The copies are about to be removed, or the migration is over. */
  void stop(String uid) {
    unwanted.forEach(
        (key, notWanted) -> {
          if (key.startsWith(uid + "/")) {
            notWanted.countDown();
          }
        });
  }

  private void read(LiveMigration migration, TargetReport own, CountDownLatch notWanted)
      throws InterruptedException {
    while (true) {
      try {
        var read = digests.of(own.copies(), () -> notWanted.getCount() > 0);
        if (notWanted.getCount() > 0) {
          reports.sayReadBack(migration, own.disks(), read);
        }
        return;
      } catch (HypervisorException e) {
        if (notWanted.getCount() == 0) {
          LOG.info(MigrationRef.of(migration)).log("The copies need not be read back");
          return;
        }
        LOG.warn(MigrationRef.of(migration))
            .addKeyValue("error", e.getMessage())
            .log("The copies can't be read back yet");
        if (notWanted.await(RETRY_SECONDS, TimeUnit.SECONDS)) {
          return;
        }
      }
    }
  }
}
