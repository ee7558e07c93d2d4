package dev.drover.faults;

import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.SourceReport;
import java.time.Duration;

/**
 * When the fault happens, and what makes that moment last long enough to be hit. Where the fault
 * did hit is in the results ({@link Result#hit}).
 */
enum Moment {
  /** The target's daemon is held still, so that its answer is being waited for. */
  PreMigration("") {
    @Override
    void prepare(Trial trial) {
      trial.target().daemon().pause();
    }

    @Override
    boolean await(Trial trial) {
      return trial.awaitStatus(
          s ->
              s.phaseValue() == Phase.PreMigration
                  && s.source() != null
                  && s.source().state() == SourceReport.State.Inspected);
    }

    @Override
    void injected(Trial trial) {
      trial.target().daemon().resume();
    }
  },
  /** The intention is written; the volumes are being made. */
  Reservation("") {
    @Override
    boolean await(Trial trial) {
      return trial.awaitStatus(s -> s.phaseValue() == Phase.Reservation);
    }
  },
  /** Capped, so that it takes some seconds. */
  DiskCopy("bandwidthMiBps: 6\n") {
    @Override
    boolean await(Trial trial) {
      return trial.awaitStatus(
          s ->
              s.phaseValue() == Phase.PreCopy
                  && s.progress() != null
                  && s.progress().diskProcessedBytes() > 0
                  && s.progress().memoryProcessedBytes() == 0);
    }
  },
  /** Capped, so that it takes some seconds. */
  RamCopy("bandwidthMiBps: 24\n") {
    @Override
    boolean await(Trial trial) {
      return trial.awaitStatus(
          s ->
              s.phaseValue() == Phase.PreCopy
                  && s.progress() != null
                  && s.progress().memoryProcessedBytes() > 0);
    }
  },
  /**
   * The guest stands still at the source: libvirt says so. QEMU drops every cap by then, so that
   * the line itself is slow, and the guest has written a lot.
   */
  Switchover("maxDowntimeMilliseconds: 10000\n") {
    @Override
    void prepare(Trial trial) {
      trial.guest().dirty(SWITCHED_MIB, 60);
      trial.listenTo(trial.source());
      trial.slowLink();
    }

    @Override
    boolean await(Trial trial) {
      return trial.awaitEvent("Suspended");
    }
  },
  /** The target has all of the guest and holds it; the source's process is about to end. */
  HandOver("") {
    @Override
    void prepare(Trial trial) {
      trial.listenTo(trial.target());
    }

    @Override
    boolean await(Trial trial) {
      return trial.awaitEvent("Suspended");
    }
  },
  /** The guest runs at the target, and the source is to be cleaned up. */
  Commitment("") {
    @Override
    boolean await(Trial trial) {
      return trial.awaitStatus(
          s ->
              s.phaseValue() == Phase.Commitment
                  || (s.source() != null && s.source().state() == SourceReport.State.Switched));
    }
  },
  /** The guest runs at the target, and half of its memory is at the source. */
  PostCopy(
      """
      bandwidthMiBps: 24
      maxDowntimeMilliseconds: 50
      postCopy: Allowed
      commit: Direct
      switchover: PostCopy
      """) {
    @Override
    void prepare(Trial trial) {
      trial.guest().dirty(DIRTY_MIB, 10);
    }

    @Override
    boolean await(Trial trial) {
      return trial.awaitStatus(s -> s.phaseValue() == Phase.PostCopy);
    }
  };

  static final Duration LIMIT = Duration.ofSeconds(90);
  static final int DIRTY_MIB = 48;

  /**
   * Takes a slow line a second and a half, in which the guest stands still anyway: what it may
   * stand still for in all includes them.
   */
  static final int SWITCHED_MIB = 14;

  private final String spec;

  Moment(String spec) {
    this.spec = spec;
  }

  /** What the migration's spec says beside the target, in YAML. */
  String spec() {
    return spec;
  }

  /** Before the migration is asked for. */
  void prepare(Trial trial) {}

  /** Returns at the moment; false if it has passed unseen. */
  abstract boolean await(Trial trial);

  /** Right after the fault. */
  void injected(Trial trial) {}

  /** Where a migration stands, in a word or two. */
  static String of(LiveMigrationStatus status) {
    var source = status.source() == null ? "-" : status.source().state().name();
    var target = status.target() == null ? "-" : status.target().state().name();
    return status.phaseValue() + "/" + source + "/" + target;
  }
}
