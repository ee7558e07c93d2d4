package dev.drover.node.source;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.State;
import dev.drover.node.report.MigrationLog;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/** Says that it is not decided where the guest is, once that has lasted. Thread-safe. */
final class Undecided {
  private static final MigrationLog LOG =
      new MigrationLog(LoggerFactory.getLogger(Undecided.class));
  private static final Duration WORTH_TELLING = Duration.ofSeconds(5);

  private final RunningTransfer transfer;
  private @Nullable Instant since;
  private @Nullable String told;

  Undecided(RunningTransfer transfer) {
    this.transfer = transfer;
  }

  synchronized void because(String reason) {
    var now = transfer.clock().instant();
    if (since == null) {
      since = now;
    }
    if (since.plus(WORTH_TELLING).isBefore(now) && !reason.equals(told)) {
      told = reason;
      LOG.warn(transfer.voice().ref()).addKeyValue("because", reason).log("Not decided yet");
      var unused =
          transfer.say(
              State.HandOverPending,
              Reason.HandOverFailed,
              reason + "; nothing is touched, and it is looked at again");
    }
  }
}
