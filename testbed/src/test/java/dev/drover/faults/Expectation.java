package dev.drover.faults;

import dev.drover.testbed.faults.Fault;
import java.util.EnumSet;
import java.util.Set;

/** What may become of a guest when a fault hits it at a moment. */
final class Expectation {

  private Expectation() {}

  static Set<Outcome> of(Moment moment, Fault fault) {
    return switch (fault) {
      // Whoever only watches may be away.
      case OperatorKilled,
          SourceDaemonKilled,
          TargetDaemonKilled,
          BothDaemonsKilled,
          ApiServerDown30s,
          EtcdDown30s,
          SourceClockStepped,
          TargetClockStepped ->
          EnumSet.of(Outcome.Moved);
      // TCP tries again ever more rarely: after a minute's cut its next try may be a minute off,
      // and
      // until then what is being sent waits, and says so.
      case DataCut60s, LinkCut60s ->
          switch (moment) {
            case DiskCopy, RamCopy -> EnumSet.of(Outcome.Moved, Outcome.Stayed, Outcome.Waits);
            case PreMigration, Reservation, Switchover, HandOver ->
                EnumSet.of(Outcome.Moved, Outcome.Stayed);
            case PostCopy -> EnumSet.of(Outcome.Moved, Outcome.Waits);
            case Commitment -> EnumSet.of(Outcome.Moved);
          };
      // A guest that has left is at the target, or on its way there, whatever becomes of the
      // source.
      case SourceLibvirtdKilled,
          TargetLibvirtdKilled,
          TargetLibvirtdStopped40s,
          ControlCut3s,
          ControlCut60s,
          DataCut3s,
          LinkCut3s,
          TargetDiskFull ->
          switch (moment) {
            case PreMigration, Reservation, DiskCopy, RamCopy, Switchover, HandOver ->
                EnumSet.of(Outcome.Moved, Outcome.Stayed);
            case Commitment, PostCopy -> EnumSet.of(Outcome.Moved);
          };
      case SourceQemuKilled ->
          switch (moment) {
            case PreMigration, Reservation, DiskCopy, RamCopy -> EnumSet.of(Outcome.Gone);
            // What is there may run on until it misses its memory: whoever knows ends it.
            case PostCopy -> EnumSet.of(Outcome.Gone, Outcome.Waits);
            // Its process ends just then anyhow.
            case Switchover, HandOver -> EnumSet.of(Outcome.Gone, Outcome.Moved);
            case Commitment -> EnumSet.of(Outcome.Moved);
          };
      case SourceHostDead ->
          switch (moment) {
            case PreMigration, Reservation, DiskCopy, RamCopy -> EnumSet.of(Outcome.Gone);
            case PostCopy -> EnumSet.of(Outcome.Gone, Outcome.Waits);
            // The only one who knew whether the guest had left is dead: nobody may guess.
            case Switchover, HandOver -> EnumSet.of(Outcome.Gone, Outcome.Moved, Outcome.Waits);
            case Commitment -> EnumSet.of(Outcome.Moved);
          };
      case TargetQemuKilled, TargetHostDead ->
          switch (moment) {
            case PreMigration, Reservation -> EnumSet.of(Outcome.Moved, Outcome.Stayed);
            case DiskCopy, RamCopy, Switchover -> EnumSet.of(Outcome.Stayed);
            // The source may have been told that the guest has arrived.
            case HandOver -> EnumSet.of(Outcome.Stayed, Outcome.Gone);
            case Commitment, PostCopy -> EnumSet.of(Outcome.Gone);
          };
    };
  }
}
