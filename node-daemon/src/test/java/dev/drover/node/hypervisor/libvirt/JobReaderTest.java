package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.hypervisor.JobStatistics;
import dev.drover.node.hypervisor.JobStatistics.Operation;
import dev.drover.node.hypervisor.JobStatistics.State;
import dev.drover.node.hypervisor.libvirt.TypedParameters.Int;
import dev.drover.node.hypervisor.libvirt.TypedParameters.UnsignedLong64;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JobReaderTest {
  private static final TypedParameters NOTHING = new TypedParameters(List.of());

  @ParameterizedTest
  @CsvSource({"1,Active", "2,Active", "3,Completed", "4,Failed", "5,Cancelled"})
  void typesAreStates(int type, State state) {
    assertThat(JobReader.read(type, NOTHING)).map(JobStatistics::state).contains(state);
  }

  @Test
  void noJobIsNone() {
    assertThat(JobReader.read(0, NOTHING)).isEmpty();
    assertThat(JobReader.read(99, NOTHING)).isEmpty();
  }

  @Test
  void readsARunningTransfer() {
    JobStatistics job =
        JobReader.read(
                2,
                new TypedParameters(
                    List.of(
                        new Int("operation", 5),
                        new UnsignedLong64("time_elapsed", 5067),
                        new UnsignedLong64("downtime", 300),
                        new UnsignedLong64("memory_total", 268967936),
                        new UnsignedLong64("memory_processed", 12619263),
                        new UnsignedLong64("memory_remaining", 251138048),
                        new UnsignedLong64("memory_bps", 63061140),
                        new UnsignedLong64("memory_dirty_rate", 512),
                        new UnsignedLong64("memory_page_size", 4096),
                        new UnsignedLong64("memory_iteration", 2),
                        new UnsignedLong64("disk_total", 268435456),
                        new UnsignedLong64("disk_processed", 16777216),
                        new UnsignedLong64("disk_remaining", 251658240),
                        new UnsignedLong64("disk_bps", 9),
                        new Int("auto_converge_throttle", 30))))
            .orElseThrow();

    assertThat(job.operation()).isEqualTo(Operation.MigrationOut);
    assertThat(job.elapsedMilliseconds()).isEqualTo(5067);
    assertThat(job.downtimeMilliseconds()).hasValue(300);
    assertThat(job.memoryTotalBytes()).isEqualTo(268967936);
    assertThat(job.memoryProcessedBytes()).isEqualTo(12619263);
    assertThat(job.memoryRemainingBytes()).isEqualTo(251138048);
    assertThat(job.memoryBytesPerSecond()).isEqualTo(63061140);
    assertThat(job.dirtyRateBytesPerSecond()).isEqualTo(512 * 4096);
    assertThat(job.iteration()).isEqualTo(2);
    assertThat(job.diskTotalBytes()).isEqualTo(268435456);
    assertThat(job.diskProcessedBytes()).isEqualTo(16777216);
    assertThat(job.diskRemainingBytes()).isEqualTo(251658240);
    assertThat(job.diskBytesPerSecond()).isEqualTo(9);
    assertThat(job.throttlePercent()).hasValue(30);
  }

  @Test
  void whatIsNotReportedIsNotMadeUp() {
    JobStatistics job = JobReader.read(2, NOTHING).orElseThrow();

    assertThat(job.operation()).isEqualTo(Operation.Other);
    assertThat(job.downtimeMilliseconds()).isEmpty();
    assertThat(job.throttlePercent()).isEmpty();
    assertThat(job.memoryTotalBytes()).isZero();
  }
}
