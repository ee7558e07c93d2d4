package dev.drover.node.source;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.bandwidth.BandwidthCap;
import dev.drover.node.bandwidth.MemoryPace;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.JobStatistics;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** In which order the streams of a transfer are told their shares. */
class BandwidthTunerTest {
  private static final UUID DOMAIN = UUID.fromString("0f7e5f3c-8f0d-4c39-9a55-6a3d0b1c2d3e");
  private static final Instant START = Instant.parse("2026-11-29T05:00:00Z");
  private static final long MEBIBYTE = 1 << 20;

  private final FakeHypervisor hypervisor = new FakeHypervisor(InstantSource.system());
  private final TransferSignals signals = new TransferSignals();
  private final BandwidthTuner tuner =
      new BandwidthTuner(
          hypervisor, DOMAIN, List.of("vda"), cap(8), true, true, 1, new MemoryPace(1, true));

  private static Optional<BandwidthCap> cap(int mebibytesPerSecond) {
    return Optional.of(new BandwidthCap(mebibytesPerSecond));
  }

  /** Memory is sent, and the mirror has carried that much. */
  private void look(long diskMebibytes, int second) throws HypervisorException {
    look(512, diskMebibytes, second);
  }

  private void look(long memoryMebibytes, long diskMebibytes, int second)
      throws HypervisorException {
    tuner.tune(
        new JobStatistics(
            JobStatistics.Operation.MigrationOut,
            JobStatistics.State.Active,
            second * 1000L,
            OptionalLong.empty(),
            memoryMebibytes * MEBIBYTE,
            0,
            memoryMebibytes * MEBIBYTE,
            8 * MEBIBYTE,
            0,
            0,
            1024 * MEBIBYTE,
            diskMebibytes * MEBIBYTE,
            0,
            0,
            OptionalLong.empty()),
        signals,
        START.plusSeconds(second));
  }

  private List<String> told(int from) {
    return hypervisor.calls().stream()
        .skip(from)
        .map(call -> call.replace(DOMAIN + " ", ""))
        .toList();
  }

  @Test
  void aGreaterCapIsMemorysAtOnceAlthoughTheMirrorHasToListenFirst() throws HypervisorException {
    look(0, 0);
    look(40, 5); // the guest writes: half of the cap is the mirror's
    assertThat(told(0)).endsWith("setMemoryBandwidth 4", "setDiskBandwidth vda " + 4 * MEBIBYTE);
    int before = hypervisor.calls().size();

    tuner.retune(cap(40));
    look(40, 10); // it has stopped writing

    assertThat(told(before))
        .containsExactly(
            "setMemoryBandwidth 36", "setDiskBandwidth vda " + MEBIBYTE, "setMemoryBandwidth 39");
  }

  @Test
  void whatTheCopyTookIsNotTakenForWhatTheMirrorNeeds() throws HypervisorException {
    look(0, 0, 0);
    look(0, 40, 5); // the disk is copied
    look(40, 6); // memory begins to be sent

    look(40, 7);

    assertThat(told(0)).endsWith("setDiskBandwidth vda " + MEBIBYTE, "setMemoryBandwidth 7");
  }

  @Test
  void theSumNeverExceedsTheCapWhenMemoryGetsWhatTheMirrorHad() throws HypervisorException {
    look(0, 0);
    look(40, 5);
    int before = hypervisor.calls().size();

    look(40, 10);

    assertThat(told(before))
        .containsExactly("setDiskBandwidth vda " + MEBIBYTE, "setMemoryBandwidth 7");
  }
}
