package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.node.hypervisor.HypervisorException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The protocol against a socket that answers as libvirtd does; a real one: CertificatesIT. */
class LibvirtAdminTest {
  private static final Duration SOON = Duration.ofMillis(300);
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  @TempDir Path directory;
  private final List<Integer> procedures = new CopyOnWriteArrayList<>();

  @Test
  void threeCallsAreAnswered() throws Exception {
    try (var server = listen(procedure -> answer(procedure, 0, NOTHING))) {
      assertThatCode(this::reread).doesNotThrowAnyException();
      assertThat(procedures).containsExactly(1, 18, 2);
      assertThat(server.isOpen()).isTrue();
    }
  }

  @Test
  void whatLibvirtdSaysIsPassedOn() throws Exception {
    byte[] message = "no such server".getBytes(StandardCharsets.UTF_8);
    try (var server =
        listen(
            procedure ->
                procedure == 18
                    ? answer(
                        procedure,
                        1,
                        ByteBuffer.allocate(16 + 16)
                            .putInt(38)
                            .putInt(0)
                            .putInt(1)
                            .putInt(message.length)
                            .put(message)
                            .clear())
                    : answer(procedure, 0, NOTHING))) {
      assertThatThrownBy(this::reread)
          .isInstanceOf(HypervisorException.class)
          .hasMessageContaining("no such server");
      assertThat(server.isOpen()).isTrue();
    }
  }

  @Test
  void aSilentLibvirtdIsNotWaitedForForEver() throws Exception {
    try (var server =
        listen(procedure -> procedure == 18 ? NOTHING : answer(procedure, 0, NOTHING))) {
      assertThatThrownBy(this::reread).hasMessageContaining("no answer within 300 ms");
      assertThat(server.isOpen()).isTrue();
    }
  }

  @Test
  void nobodyThere() {
    assertThatThrownBy(this::reread).isInstanceOf(HypervisorException.class);
  }

  @Test
  void nonsenseIsRefused() throws Exception {
    try (var server = listen(_ -> ByteBuffer.allocate(8).putInt(1 << 30).putInt(7).flip())) {
      assertThatThrownBy(this::reread).hasMessageContaining("an answer of 1073741824 bytes");
      assertThat(server.isOpen()).isTrue();
    }
  }

  private void reread() throws HypervisorException {
    LibvirtAdmin.rereadCertificates(directory.resolve("admin"), SOON);
  }

  private static ByteBuffer answer(int procedure, int status, ByteBuffer body) {
    return ByteBuffer.allocate(28 + body.remaining())
        .putInt(28 + body.remaining())
        .putInt(0x06900690)
        .putInt(1)
        .putInt(procedure)
        .putInt(1)
        .putInt(0)
        .putInt(status)
        .put(body)
        .flip();
  }

  /** Reads each call, and writes what is given for its procedure. */
  private ServerSocketChannel listen(IntFunction<ByteBuffer> answers) throws IOException {
    var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(directory.resolve("admin")));
    Thread.ofPlatform()
        .daemon(true)
        .name("admin-socket")
        .start(
            () -> {
              List<SocketChannel> kept = new ArrayList<>();
              try {
                var channel = server.accept();
                kept.add(channel);
                while (true) {
                  var header = read(channel, 28);
                  read(channel, header.getInt(0) - 28);
                  procedures.add(header.getInt(12));
                  channel.write(answers.apply(header.getInt(12)));
                }
              } catch (IOException e) {
                // The caller has gone, or the test is over.
              } finally {
                kept.forEach(LibvirtAdminTest::closeQuietly);
              }
            });
    return server;
  }

  private static ByteBuffer read(SocketChannel channel, int bytes) throws IOException {
    var buffer = ByteBuffer.allocate(bytes);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer) < 0) {
        throw new IOException("gone");
      }
    }
    return buffer.flip();
  }

  private static void closeQuietly(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      // It is closed.
    }
  }
}
