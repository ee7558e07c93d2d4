package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.hypervisor.MemoryStream;
import dev.drover.node.hypervisor.PeerAddress;
import dev.drover.node.hypervisor.PeerAddress.Transport;
import dev.drover.node.hypervisor.TransferRequest;
import dev.drover.node.hypervisor.libvirt.TypedParameters.Text;
import dev.drover.node.hypervisor.libvirt.TypedParameters.UnsignedLong64;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TransferCallTest {
  private static final UUID GUEST = UUID.fromString("11111111-2222-3333-4444-555555555501");

  @Test
  void aFencedTransferOfTwoDisks() throws UnknownHostException {
    TransferCall call =
        TransferCall.of(
            new TransferRequest(
                GUEST,
                peer("10.1.0.7", Transport.tcp),
                true,
                true,
                false,
                List.of("vda", "vdb"),
                Map.of(),
                OptionalInt.of(80)));

    assertThat(call.destination()).isEqualTo("qemu+tcp://10.1.0.7/system");
    // LIVE, PEER2PEER, PERSIST_DEST, UNDEFINE_SOURCE, PAUSED, NON_SHARED_DISK, ABORT_ON_ERROR
    assertThat(call.flags()).isEqualTo(1 | 2 | 8 | 16 | 32 | 64 | 4096);
    assertThat(call.parameters().parameters())
        .containsExactly(
            new Text("migrate_uri", "tcp://10.1.0.7"),
            new Text("listen_address", "10.1.0.7"),
            new Text("migrate_disks", "vda"),
            new Text("migrate_disks", "vdb"),
            new UnsignedLong64("bandwidth", 80));
  }

  @Test
  void aCompressedOneInParallelThatMaySlowTheGuestDown() throws UnknownHostException {
    TransferCall call =
        TransferCall.of(
            new TransferRequest(
                GUEST,
                peer("10.1.0.7", Transport.tcp),
                true,
                true,
                false,
                List.of(),
                Map.of(),
                OptionalInt.empty(),
                new MemoryStream(
                    OptionalInt.of(4),
                    MemoryStream.Compression.Zstd,
                    Optional.of(new MemoryStream.Throttle(30, 15)))));

    // And COMPRESSED, AUTO_CONVERGE, PARALLEL
    assertThat(call.flags()).isEqualTo(1 | 2 | 8 | 16 | 32 | 4096 | 2048 | 8192 | 131072);
    assertThat(call.parameters().parameters())
        .containsExactly(
            new Text("migrate_uri", "tcp://10.1.0.7"),
            new Text("listen_address", "10.1.0.7"),
            new TypedParameters.Int("parallel.connections", 4),
            new Text("compression", "zstd"),
            new TypedParameters.Int("auto_converge.initial", 30),
            new TypedParameters.Int("auto_converge.increment", 15));
  }

  @Test
  void withoutACopyOfEachPage() throws UnknownHostException {
    TransferCall call =
        TransferCall.of(
            new TransferRequest(
                GUEST,
                peer("10.1.0.7", Transport.tcp),
                false,
                false,
                false,
                List.of(),
                Map.of(),
                OptionalInt.empty(),
                new MemoryStream(
                    OptionalInt.of(4), MemoryStream.Compression.None, Optional.empty(), true)));
    assertThat(call.flags()).isEqualTo(1 | 2 | 4096 | 131072 | 1048576);
  }

  @Test
  void overlaysAloneOrAllOfTheDisks() throws UnknownHostException {
    for (boolean overlaysOnly : new boolean[] {false, true}) {
      TransferCall call =
          TransferCall.of(
              new TransferRequest(
                  GUEST,
                  peer("10.1.0.7", Transport.tcp),
                  false,
                  false,
                  false,
                  List.of("vda"),
                  Map.of(),
                  OptionalInt.empty(),
                  MemoryStream.PLAIN,
                  overlaysOnly,
                  Map.of(),
                  Optional.empty()));
      assertThat(call.flags() & (64 | 128)).isEqualTo(overlaysOnly ? 128 : 64);
    }
  }

  @Test
  void anEncryptedOneThatMayGoPostCopy() throws UnknownHostException {
    TransferCall call =
        TransferCall.of(
            new TransferRequest(
                GUEST,
                peer("10.1.0.7", Transport.tls),
                false,
                false,
                true,
                List.of(),
                Map.of(),
                OptionalInt.empty()));

    assertThat(call.destination()).isEqualTo("qemu+tls://10.1.0.7/system");
    assertThat(call.flags()).isEqualTo(1 | 2 | 4096 | 32768 | 65536);
    assertThat(call.parameters().text("tls.destination")).contains("10.1.0.7");
    assertThat(call.parameters().number("bandwidth")).isEmpty();
    assertThat(call.withoutPostCopy().flags()).isEqualTo(1 | 2 | 4096 | 65536);
  }

  @Test
  void version6AddressesAreBracketedInUrisOnly() throws UnknownHostException {
    TransferCall call =
        TransferCall.of(
            new TransferRequest(
                GUEST,
                peer("fd00::7", Transport.tcp),
                true,
                true,
                false,
                List.of(),
                Map.of(),
                OptionalInt.empty()));

    assertThat(call.destination()).isEqualTo("qemu+tcp://[fd00:0:0:0:0:0:0:7]/system");
    assertThat(call.parameters().text("migrate_uri")).contains("tcp://[fd00:0:0:0:0:0:0:7]");
    assertThat(call.parameters().text("listen_address")).contains("fd00:0:0:0:0:0:0:7");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7})
  void neverUnsafe(int bits) throws UnknownHostException {
    boolean paused = (bits & 1) != 0;
    TransferCall call =
        TransferCall.of(
            new TransferRequest(
                GUEST,
                peer("10.1.0.7", Transport.tls),
                paused,
                (bits & 2) != 0,
                !paused,
                (bits & 4) != 0 ? List.of("vda") : List.of(),
                Map.of(),
                OptionalInt.of(1)));

    assertThat(call.flags() & 512).isZero();
  }

  private static PeerAddress peer(String address, Transport transport) throws UnknownHostException {
    return new PeerAddress(InetAddress.getByName(address), transport);
  }
}
