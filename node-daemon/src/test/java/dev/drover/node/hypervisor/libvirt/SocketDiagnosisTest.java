package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.PeerAddress;
import dev.drover.node.hypervisor.PeerAddress.Transport;
import dev.drover.node.hypervisor.PortRange;
import dev.drover.node.hypervisor.TransferConnections.Traffic;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** On this machine's own kernel, with sockets of this process. */
class SocketDiagnosisTest {
  private static final UUID GUEST = UUID.fromString("5b0a1e52-0000-4000-8000-000000000001");
  private final SocketOwners owners = new SocketOwners(Path.of("/proc"));
  private final PeerClaims claims = new PeerClaims(owners);
  private final long self = ProcessHandle.current().pid();
  private final List<AutoCloseable> open = new ArrayList<>();
  private ServerSocket server;

  @BeforeEach
  void listen() throws IOException {
    server = keep(new ServerSocket(0, 5, InetAddress.getLoopbackAddress()));
  }

  @AfterEach
  void close() throws Exception {
    for (var each : open.reversed()) {
      each.close();
    }
  }

  private <T extends AutoCloseable> T keep(T closeable) {
    open.add(closeable);
    return closeable;
  }

  private Socket connect() throws IOException {
    Socket client = keep(new Socket(server.getInetAddress(), server.getLocalPort()));
    keep(server.accept());
    return client;
  }

  private KernelConnections connections(PortRange ports, boolean fresh) throws HypervisorException {
    return new KernelConnections(
        GUEST,
        self,
        new PeerAddress(server.getInetAddress(), Transport.tcp),
        ports,
        fresh,
        owners,
        claims);
  }

  private PortRange thePort() {
    return new PortRange(server.getLocalPort(), server.getLocalPort());
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "::1"})
  void aSocketIsFoundByItsOtherEnd(String address) throws IOException, HypervisorException {
    InetAddress to = InetAddress.ofLiteral(address);
    try (ServerSocket there = new ServerSocket(0, 5, to);
        Socket client = new Socket(to, there.getLocalPort());
        Socket accepted = there.accept()) {
      client.getOutputStream().write(new byte[1000]);
      assertThat(accepted.getInputStream().readNBytes(1000)).hasSize(1000);
      await()
          .untilAsserted(
              () ->
                  assertThat(SocketDiagnosis.to(to))
                      .filteredOn(s -> s.localPort() == client.getLocalPort())
                      .singleElement()
                      .satisfies(
                          s -> {
                            assertThat(s.remotePort()).isEqualTo(there.getLocalPort());
                            // The handshake counts as one.
                            assertThat(s.bytesAcknowledged()).isBetween(1000L, 1001L);
                            assertThat(s.unanswered()).isZero();
                            assertThat(owners.socketsOf(self)).contains(s.inode());
                          }));
    } catch (java.net.BindException e) {
      org.junit.jupiter.api.Assumptions.abort("no IPv6 here: " + e.getMessage());
    }
  }

  @Test
  void aSocketToAnotherAddressIsNotListed() throws IOException, HypervisorException {
    connect();
    assertThat(SocketDiagnosis.to(InetAddress.ofLiteral("192.0.2.77"))).isEmpty();
  }

  @Test
  void aSocketThatIsKnownIsLookedAtByItself() throws IOException, HypervisorException {
    Socket client = connect();
    TcpSocket known =
        SocketDiagnosis.to(server.getInetAddress()).stream()
            .filter(s -> s.localPort() == client.getLocalPort())
            .findFirst()
            .orElseThrow();
    client.getOutputStream().write(new byte[1000]);
    await()
        .untilAsserted(
            () ->
                assertThat(SocketDiagnosis.again(known).orElseThrow().bytesAcknowledged())
                    .isBetween(1000L, 1001L));
    assertThat(SocketDiagnosis.again(known).orElseThrow())
        .returns(known.id(), TcpSocket::id)
        .returns(known.inode(), TcpSocket::inode);
    client.setSoLinger(true, 0); // a reset leaves nothing behind
    client.close();
    assertThat(SocketDiagnosis.again(known)).isEmpty();
  }

  @Test
  void streamsAreCountedHoweverLateTheyOpenAndWhenTheyEnd()
      throws IOException, HypervisorException {
    KernelConnections transfer = connections(thePort(), true);
    Socket first = connect();
    for (int looks = 0; looks < 5; looks++) {
      assertThat(transfer.traffic().streams()).isEqualTo(1);
    }
    first.getOutputStream().write(new byte[100_000]);
    await().untilAsserted(() -> assertThat(transfer.traffic().bytesMoved()).isGreaterThan(99_999));
    connect();
    assertThat(transfer.traffic().streams()).isEqualTo(2);
    first.close();
    await().untilAsserted(() -> assertThat(transfer.traffic().streams()).isEqualTo(1));
  }

  @Test
  void onlyWhatTheTransferHasOpenedCountsAndOnlyOnMigrationPorts()
      throws IOException, HypervisorException {
    connect(); // a network disk, say, that the guest had before
    KernelConnections transfer = connections(thePort(), true);
    assertThat(transfer.traffic()).isEqualTo(Traffic.NONE);
    Socket stream = connect();
    stream.getOutputStream().write(new byte[100]);
    await().untilAsserted(() -> assertThat(transfer.traffic().bytesMoved()).isPositive());
    assertThat(transfer.traffic().streams()).isEqualTo(1);
    assertThat(connections(new PortRange(1024, 1024), false).traffic()).isEqualTo(Traffic.NONE);
    assertThat(connections(thePort(), false).traffic().streams())
        .as("what an earlier daemon has started is told by its ports alone")
        .isEqualTo(2);
  }

  @Test
  void whatIsBrokenIsBrokenAtOnceAndNothingElseIs() throws IOException, HypervisorException {
    Socket other = connect();
    KernelConnections transfer = connections(thePort(), true);
    Socket stream = connect();
    try {
      assertThat(transfer.breakStreams()).isEqualTo(1);
    } catch (HypervisorException e) {
      assertThat(e.kind()).isEqualTo(Kind.Unsupported);
      org.junit.jupiter.api.Assumptions.abort("this needs CAP_NET_ADMIN: " + e.getMessage());
    }
    assertThatThrownBy(() -> stream.getInputStream().read()).isInstanceOf(IOException.class);
    assertThat(transfer.traffic().streams()).isZero();
    assertThat(transfer.breakStreams()).isZero();
    other.getOutputStream().write(1);
  }

  @Test
  void noConnectionOfLibvirtIsNoneToBreak() throws HypervisorException {
    assertThat(connections(thePort(), true).breakControl()).isZero();
  }

  @Test
  void anAnswerThatIsCutOffIsAnError() {
    ByteBuffer half = ByteBuffer.allocate(16).order(java.nio.ByteOrder.nativeOrder());
    half.putInt(0, 400);
    assertThatThrownBy(() -> SocketDiagnosis.take("list", half, new ArrayList<>()))
        .isInstanceOf(HypervisorException.class)
        .hasMessageContaining("cut off");
  }
}
