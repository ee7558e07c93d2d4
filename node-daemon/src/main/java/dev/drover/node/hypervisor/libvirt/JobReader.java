package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.JobStatistics;
import dev.drover.node.hypervisor.JobStatistics.Operation;
import dev.drover.node.hypervisor.JobStatistics.State;
import java.util.Optional;
import java.util.OptionalLong;

/** Reads what virDomainGetJobStats and the job-completed event report (VIR_DOMAIN_JOB_*). */
final class JobReader {
  /** virDomainJobType. */
  private interface JobType {
    int BOUNDED = 1;
    int UNBOUNDED = 2;
    int COMPLETED = 3;
    int FAILED = 4;
    int CANCELLED = 5;
  }

  /** virDomainJobOperation. */
  private interface JobOperation {
    int MIGRATION_IN = 4;
    int MIGRATION_OUT = 5;
  }

  private JobReader() {}

  /** Empty if libvirt says that there is no job (VIR_DOMAIN_JOB_NONE). */
  static Optional<JobStatistics> read(int type, TypedParameters parameters) {
    return switch (type) {
      case JobType.BOUNDED, JobType.UNBOUNDED -> Optional.of(read(State.Active, parameters));
      case JobType.COMPLETED -> Optional.of(read(State.Completed, parameters));
      case JobType.FAILED -> Optional.of(read(State.Failed, parameters));
      case JobType.CANCELLED -> Optional.of(read(State.Cancelled, parameters));
      default -> Optional.empty();
    };
  }

  static JobStatistics read(State state, TypedParameters parameters) {
    long pageSize = number(parameters, "memory_page_size");
    return new JobStatistics(
        operation(parameters),
        state,
        number(parameters, "time_elapsed"),
        parameters.number("downtime"),
        number(parameters, "memory_total"),
        number(parameters, "memory_processed"),
        number(parameters, "memory_remaining"),
        number(parameters, "memory_bps"),
        number(parameters, "memory_dirty_rate") * pageSize,
        Math.toIntExact(number(parameters, "memory_iteration")),
        number(parameters, "disk_total"),
        number(parameters, "disk_processed"),
        number(parameters, "disk_remaining"),
        number(parameters, "disk_bps"),
        parameters.number("auto_converge_throttle"));
  }

  /** A transfer that comes in: libvirt has figures of it only on the other host. */
  static JobStatistics incoming() {
    return new JobStatistics(
        Operation.MigrationIn,
        State.Active,
        0,
        OptionalLong.empty(),
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        OptionalLong.empty());
  }

  private static Operation operation(TypedParameters parameters) {
    return switch ((int) number(parameters, "operation")) {
      case JobOperation.MIGRATION_OUT -> Operation.MigrationOut;
      case JobOperation.MIGRATION_IN -> Operation.MigrationIn;
      default -> Operation.Other;
    };
  }

  private static long number(TypedParameters parameters, String field) {
    return parameters.number(field).orElse(0);
  }
}
