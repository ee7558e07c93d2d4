package dev.drover.node.hypervisor;

import java.util.OptionalLong;

/**
 * A job as libvirt reports it (virDomainGetJobStats). Bytes, ms, bytes/s; what libvirt does not
 * report is 0, or empty where 0 would say something.
 *
 * @param operation what kind of job it is
 * @param dirtyRateBytesPerSecond pages/s times page size
 * @param iteration of memory; 0 before the first has ended
 * @param downtimeMilliseconds expected while it runs, measured when it is over
 */
public record JobStatistics(
    Operation operation,
    State state,
    long elapsedMilliseconds,
    OptionalLong downtimeMilliseconds,
    long memoryTotalBytes,
    long memoryProcessedBytes,
    long memoryRemainingBytes,
    long memoryBytesPerSecond,
    long dirtyRateBytesPerSecond,
    int iteration,
    long diskTotalBytes,
    long diskProcessedBytes,
    long diskRemainingBytes,
    long diskBytesPerSecond,
    OptionalLong throttlePercent) {

  public JobStatistics withElapsedMilliseconds(long milliseconds) {
    return new JobStatistics(
        operation,
        state,
        milliseconds,
        downtimeMilliseconds,
        memoryTotalBytes,
        memoryProcessedBytes,
        memoryRemainingBytes,
        memoryBytesPerSecond,
        dirtyRateBytesPerSecond,
        iteration,
        diskTotalBytes,
        diskProcessedBytes,
        diskRemainingBytes,
        diskBytesPerSecond,
        throttlePercent);
  }

  /** What kind of job it is. */
  public enum Operation {
    MigrationOut,
    MigrationIn,
    Other
  }

  /** How far it is. */
  public enum State {
    Active,
    Completed,
    Failed,
    Cancelled
  }
}
