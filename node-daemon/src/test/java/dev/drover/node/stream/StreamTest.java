package dev.drover.node.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationSpec.AutoConverge;
import dev.drover.api.v1alpha1.LiveMigrationSpec.Compression;
import dev.drover.api.v1alpha1.LiveMigrationSpec.PostCopyPolicy;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.node.hypervisor.HostFacts;
import dev.drover.node.hypervisor.MemoryStream;
import dev.drover.node.hypervisor.MemoryStream.Throttle;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Which options are refused where, and what is chosen where nothing was asked for. */
class StreamTest {
  @ParameterizedTest
  @CsvSource({
    // libvirt, qemu, compression, connections, postCopy, what is said
    "9.0.0, 7.2.22, None, , Never, ",
    "9.0.0, 7.2.22, None, 16, Never, ",
    "9.0.0, 7.2.22, Xbzrle, , Never, ",
    "9.0.0, 7.2.22, Xbzrle, 1, Never, ",
    "9.0.0, 7.2.22, Xbzrle, , Allowed, ",
    "9.0.0, 7.2.22, Zstd, , Never, compression Zstd needs libvirt 9.4; h has 9.0.0",
    "9.3.0, 8.0.0, Zlib, 4, Never, compression Zlib needs libvirt 9.4; h has 9.3.0",
    "9.4.0, 8.0.0, Zlib, 4, Never, ",
    "10.0.0, 8.2.0, Zstd, , Never, ",
    "11.3.0, 10.0.2, Zstd, 2, Never, ",
    "11.3.0, 10.0.2, None, , Allowed, ",
    "11.3.0, 10.0.2, None, 1, Allowed, ",
    "9.0.0, 7.2.22, None, 2, Allowed, post-copy with parallel connections needs QEMU 10.1; h has 7.2.22",
    "11.3.0, 10.0.2, None, 2, Allowed, post-copy with parallel connections needs QEMU 10.1; h has 10.0.2",
    "11.3.0, 10.0.2, Zstd, , Allowed, post-copy with parallel connections (and with compression Zstd) needs QEMU 10.1; h has 10.0.2",
    "11.6.0, 10.1.0, Zstd, 8, Allowed, ",
    "12.0.0, 11.0.0, None, 8, Allowed, ",
    "11.3.0, 10.0.2, Xbzrle, 2, Never, compression Xbzrle does not work with parallel connections",
    "11.3.0, 10.0.2, Zstd, 1, Never, compression Zstd needs two connections",
  })
  void eachHostSaysWhatItCanNotDo(
      String libvirt,
      String qemu,
      Compression compression,
      @Nullable Integer connections,
      PostCopyPolicy postCopy,
      @Nullable String said) {
    var spec =
        LiveMigrationSpec.builder("web")
            .compression(compression)
            .parallelConnections(connections)
            .postCopy(postCopy)
            .build();
    var host = new HostFacts(new UUID(0, 1), "h", libvirt, qemu, "x86_64", "cpu", 8, 1L << 34);
    var blockers = StreamCheck.against(spec, host);
    if (said == null) {
      assertThat(blockers).isEmpty();
    } else {
      assertThat(blockers).extracting(Blocker::message).containsExactly(said);
      assertThat(blockers).extracting(Blocker::reason).containsOnly("OptionNotSupported");
    }
  }

  @ParameterizedTest
  @CsvSource({
    // compression, asked, link, postCopy, cores, connections (0: one plain stream)
    "None, , , false, 128, 0",
    "None, , 10000, false, 128, 0",
    "None, , 20000, false, 128, 0",
    "None, , 25000, false, 128, 2",
    "None, , 25000, false, 4, 0",
    "None, , 40000, false, 128, 3",
    "None, , 100000, false, 16, 4",
    "None, , 100000, false, 128, 8",
    "None, , 400000, false, 256, 8",
    "None, , 100000, true, 128, 0",
    "None, 1, 100000, false, 128, 0",
    "None, 16, , false, 1, 16",
    "Xbzrle, , 100000, false, 128, 0",
    "Zstd, , 1000, false, 1, 2",
    "Zstd, , 1000, false, 128, 8",
    "Zlib, , , false, 32, 8",
    "Zlib, , , true, 32, 2",
    "Zlib, 5, , false, 1, 5",
  })
  void whatIsNotAskedForIsChosen(
      Compression compression,
      @Nullable Integer asked,
      @Nullable Integer link,
      boolean postCopy,
      int cores,
      int connections) {
    var spec =
        LiveMigrationSpec.builder("web")
            .compression(compression)
            .parallelConnections(asked)
            .build();
    var speed = link == null ? OptionalInt.empty() : OptionalInt.of(link);
    var stream = StreamChoice.choose(spec, postCopy, cores, speed, 0);
    assertThat(stream.connections())
        .isEqualTo(connections == 0 ? OptionalInt.empty() : OptionalInt.of(connections));
    assertThat(stream.compression().name()).isEqualTo(compression.name());
    assertThat(stream.throttle()).isEmpty();
  }

  /** QEMU's crash when GnuTLS makes new keys (libvirt.md 8.4). */
  @ParameterizedTest
  @CsvSource({
    // compression, asked, postCopy, GiB by TLS, connections (0: one plain stream)
    "None, , false, 0, 0",
    "None, , false, 15, 0",
    "None, , false, 16, 2",
    "None, , false, 512, 2",
    "None, 1, false, 512, 0",
    "None, , true, 512, 0",
    "Xbzrle, , false, 512, 0",
  })
  void aLargeGuestsMemoryKeepsOffTheMainConnectionOfTls(
      Compression compression,
      @Nullable Integer asked,
      boolean postCopy,
      long gibibytes,
      int connections) {
    var spec =
        LiveMigrationSpec.builder("web")
            .compression(compression)
            .parallelConnections(asked)
            .build();
    var stream = StreamChoice.choose(spec, postCopy, 2, OptionalInt.empty(), gibibytes << 30);
    assertThat(stream.connections())
        .isEqualTo(connections == 0 ? OptionalInt.empty() : OptionalInt.of(connections));
  }

  @ParameterizedTest
  @CsvSource({
    "None, 2, 23, true",
    "None, 2, 24, false",
    "None, 16, 191, true",
    "None, 16, 192, false",
    "Zstd, , 23, true",
    "Zlib, , 24, false",
    "Zstd, 4, 40, true",
    "None, , 1, false",
    "Xbzrle, 1, 1, false"
  })
  void aCapThatWouldNotHoldIsNotGivenToParallelConnections(
      Compression compression, @Nullable Integer connections, int cap, boolean refused) {
    var spec =
        LiveMigrationSpec.builder("web")
            .compression(compression)
            .parallelConnections(connections)
            .bandwidthMiBps(cap)
            .build();
    var host = new HostFacts(new UUID(0, 1), "h", "11.3.0", "10.0.2", "x86_64", "cpu", 8, 1L << 34);
    assertThat(StreamCheck.against(spec, host)).hasSize(refused ? 1 : 0);
  }

  @Test
  void aThrottleIsQemusUnlessTheSpecSaysOtherwise() {
    var spec = LiveMigrationSpec.builder("web").autoConverge(new AutoConverge(null, 30)).build();
    assertThat(StreamChoice.choose(spec, false, 2, OptionalInt.empty(), 0).throttle())
        .isEqualTo(Optional.of(new Throttle(20, 30)));
  }

  @ParameterizedTest
  @EnumSource(
      value = MemoryStream.Compression.class,
      names = {"Zstd", "Zlib"})
  void noStreamIsMadeThatCanNotWork(MemoryStream.Compression compression) {
    assertThatThrownBy(() -> new MemoryStream(OptionalInt.empty(), compression, Optional.empty()))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(
            () ->
                new MemoryStream(
                    OptionalInt.of(2), MemoryStream.Compression.Xbzrle, Optional.empty()))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @CsvSource({
    "11.3.0, 10.0.2, None, 2, false, ",
    "9.0.0, 7.2.22, None, 4, false, ",
    "8.4.0, 7.2.22, None, 4, false, zeroCopy needs libvirt 8.5 and QEMU 7.1; h has 8.4.0 and 7.2.22",
    "9.0.0, 7.0.0, None, 4, false, zeroCopy needs libvirt 8.5 and QEMU 7.1; h has 9.0.0 and 7.0.0",
    "11.3.0, 10.0.2, None, , false, 'zeroCopy needs parallel connections, and no compression'",
    "11.3.0, 10.0.2, Zstd, 2, false, 'zeroCopy needs parallel connections, and no compression'",
    "11.3.0, 10.0.2, None, 2, true, 'zeroCopy does not go with TLS, which has to touch each byte'",
  })
  void zeroCopyGoesInParallelUncompressedAndInPlainText(
      String libvirt,
      String qemu,
      Compression compression,
      @Nullable Integer connections,
      boolean encrypted,
      @Nullable String said) {
    var spec =
        LiveMigrationSpec.builder("web")
            .compression(compression)
            .parallelConnections(connections)
            .zeroCopy(true)
            .build();
    var host = new HostFacts(new UUID(0, 1), "h", libvirt, qemu, "x86_64", "cpu", 8, 1L << 34);
    assertThat(StreamCheck.against(spec, host, encrypted))
        .extracting(Blocker::message)
        .isEqualTo(said == null ? List.of() : List.of(said));
    if (said == null) {
      assertThat(StreamChoice.choose(spec, false, 8, OptionalInt.empty(), 0).zeroCopy()).isTrue();
    }
  }
}
