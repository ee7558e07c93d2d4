package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.HypervisorListener.DiskCopyEvent;
import dev.drover.node.hypervisor.HypervisorListener.DomainEvent;
import java.util.List;
import java.util.Optional;

/** libvirt's numbers for states, reasons and events, and what the port calls them. */
final class DomainStates {
  private static final int RUNNING = 1;
  private static final int BLOCKED = 2;
  private static final int PAUSED = 3;
  private static final int SHUTDOWN = 4;
  private static final int SHUTOFF = 5;
  private static final int CRASHED = 6;

  private static final int RUNNING_POSTCOPY = 10;
  private static final int RUNNING_POSTCOPY_FAILED = 11;
  private static final int PAUSED_MIGRATION = 2;
  private static final int PAUSED_STARTING_UP = 11;
  private static final int PAUSED_POSTCOPY = 12;
  private static final int PAUSED_POSTCOPY_FAILED = 13;

  private static final List<String> RUNNING_REASONS =
      List.of(
          "unknown",
          "booted",
          "migrated",
          "restored",
          "from snapshot",
          "unpaused",
          "migration canceled",
          "save canceled",
          "wakeup",
          "crashed",
          "post-copy",
          "post-copy failed");
  private static final List<String> PAUSED_REASONS =
      List.of(
          "unknown",
          "user",
          "migration",
          "save",
          "dump",
          "i/o error",
          "watchdog",
          "from snapshot",
          "shutting down",
          "snapshot",
          "crashed",
          "starting up",
          "post-copy",
          "post-copy failed",
          "api error");
  private static final List<String> SHUTDOWN_REASONS = List.of("unknown", "user");
  private static final List<String> SHUTOFF_REASONS =
      List.of(
          "unknown",
          "shutdown",
          "destroyed",
          "crashed",
          "migrated",
          "saved",
          "failed",
          "from snapshot",
          "daemon");
  private static final List<String> CRASHED_REASONS = List.of("unknown", "panicked");

  private static final int EVENT_DEFINED = 0;
  private static final int EVENT_UNDEFINED = 1;
  private static final int EVENT_STARTED = 2;
  private static final int EVENT_SUSPENDED = 3;
  private static final int EVENT_RESUMED = 4;
  private static final int EVENT_STOPPED = 5;
  private static final int SUSPENDED_MIGRATED = 1;
  private static final int SUSPENDED_POSTCOPY = 7;
  private static final int SUSPENDED_POSTCOPY_FAILED = 8;
  private static final int RESUMED_POSTCOPY_FAILED = 4;
  private static final int STOPPED_MIGRATED = 3;

  private static final int BLOCK_JOB_COMPLETED = 0;
  private static final int BLOCK_JOB_FAILED = 1;
  private static final int BLOCK_JOB_CANCELED = 2;
  private static final int BLOCK_JOB_READY = 3;

  private DomainStates() {}

  static Run run(int state, int reason) {
    return switch (state) {
      case RUNNING, BLOCKED ->
          reason == RUNNING_POSTCOPY || reason == RUNNING_POSTCOPY_FAILED
              ? Run.RunningPostCopy
              : Run.Running;
      case PAUSED ->
          switch (reason) {
            case PAUSED_MIGRATION -> Run.PausedForMigration;
            case PAUSED_STARTING_UP -> Run.StartingUp;
            case PAUSED_POSTCOPY, PAUSED_POSTCOPY_FAILED -> Run.PausedForPostCopy;
            default -> Run.Paused;
          };
      case SHUTOFF -> Run.ShutOff;
      default -> Run.Other;
    };
  }

  static String reason(int state, int reason) {
    List<String> words =
        switch (state) {
          case RUNNING, BLOCKED -> RUNNING_REASONS;
          case PAUSED -> PAUSED_REASONS;
          case SHUTDOWN -> SHUTDOWN_REASONS;
          case SHUTOFF -> SHUTOFF_REASONS;
          case CRASHED -> CRASHED_REASONS;
          default -> List.<String>of();
        };
    return reason >= 0 && reason < words.size() ? words.get(reason) : "reason " + reason;
  }

  static DomainEvent event(int event, int detail) {
    return switch (event) {
      case EVENT_DEFINED -> DomainEvent.Defined;
      case EVENT_UNDEFINED -> DomainEvent.Undefined;
      case EVENT_STARTED -> DomainEvent.Started;
      case EVENT_SUSPENDED ->
          switch (detail) {
            case SUSPENDED_MIGRATED -> DomainEvent.SuspendedForMigration;
            case SUSPENDED_POSTCOPY -> DomainEvent.SuspendedForPostCopy;
            case SUSPENDED_POSTCOPY_FAILED -> DomainEvent.PostCopyFailed;
            default -> DomainEvent.Suspended;
          };
      case EVENT_RESUMED ->
          detail == RESUMED_POSTCOPY_FAILED ? DomainEvent.PostCopyFailed : DomainEvent.Resumed;
      case EVENT_STOPPED ->
          detail == STOPPED_MIGRATED ? DomainEvent.StoppedMigrated : DomainEvent.Stopped;
      // SHUTDOWN comes a few ms before STOPPED on the source of a migration, too: it says nothing.
      default -> DomainEvent.Other;
    };
  }

  static Optional<DiskCopyEvent> diskCopyEvent(int status) {
    return switch (status) {
      case BLOCK_JOB_READY -> Optional.of(DiskCopyEvent.Ready);
      case BLOCK_JOB_COMPLETED, BLOCK_JOB_FAILED, BLOCK_JOB_CANCELED ->
          Optional.of(DiskCopyEvent.Ended);
      default -> Optional.empty();
    };
  }
}
