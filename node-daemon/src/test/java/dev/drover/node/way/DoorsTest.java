package dev.drover.node.way;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.hypervisor.PortRange;
import dev.drover.node.way.Doors.Found;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DoorsTest {
  private static final InetAddress HERE = InetAddress.getLoopbackAddress();
  private static final Duration PATIENCE = Duration.ofSeconds(1);

  /** Below the ports that kernels give out. */
  private static final PortRange RANGE = new PortRange(23152, 23154);

  private final Doors doors = new Doors(HERE, RANGE);

  @AfterEach
  void close() {
    doors.close();
  }

  private static ServerSocket taken(int port) throws IOException {
    var socket = new ServerSocket();
    socket.bind(new InetSocketAddress(HERE, port));
    return socket;
  }

  @Test
  void whoKnocksIsGreetedAsOftenAsHeComes() {
    var open = (Found.Open) doors.open("a");
    assertThat(open.port()).as("the last, libvirt takes the first").isEqualTo(23154);
    assertThat(Knock.at(HERE, open.port(), open.greeting(), PATIENCE)).isEmpty();
    assertThat(Knock.at(HERE, open.port(), open.greeting(), PATIENCE)).isEmpty();
  }

  @Test
  void twoDoorsAreTwoPortsAndTwoGreetings() {
    var a = (Found.Open) doors.open("a");
    var b = (Found.Open) doors.open("b");
    assertThat(b.port()).isEqualTo(23153);
    assertThat(Knock.at(HERE, a.port(), b.greeting(), PATIENCE))
        .hasValueSatisfying(why -> assertThat(why).contains("somebody else"));
  }

  @Test
  void aDoorThatWasClosedRefuses() {
    var open = (Found.Open) doors.open("a");
    doors.close("a");
    assertThat(Knock.at(HERE, open.port(), open.greeting(), PATIENCE))
        .hasValueSatisfying(why -> assertThat(why).contains("refuses", "127.0.0.1 port 23154"));
    assertThat(doors.look()).isEqualTo(new Found.Free(23154));
  }

  @Test
  void whoAnswersNothingIsNoDoor() throws IOException {
    try (var _ = taken(23154)) {
      assertThat(Knock.at(HERE, 23154, "abc", PATIENCE))
          .hasValueSatisfying(why -> assertThat(why).contains("does not answer within 1 s"));
    }
  }

  @Test
  void takenPortsArePassedOverAndTheLastOneMeansThatNoneIsFree() throws IOException {
    try (var _ = taken(23154);
        var _ = taken(23153)) {
      assertThat(doors.look()).isEqualTo(new Found.Free(23152));
      try (var _ = taken(23152)) {
        assertThat(doors.look()).isEqualTo(new Found.NoneFree(RANGE));
        assertThat(doors.open("a")).isEqualTo(new Found.NoneFree(RANGE));
      }
    }
  }

  @Test
  void anAddressThatIsNotHereSaysNothingAboutThePorts() {
    try (var elsewhere = new Doors(InetAddress.ofLiteral("192.0.2.77"), RANGE)) {
      assertThat(elsewhere.look()).isInstanceOf(Found.Unknown.class);
    }
  }

  @Test
  void aRangeIsTwoPorts() {
    assertThat(PortRange.parse("49152-49215")).contains(PortRange.LIBVIRTS);
    for (String bad : new String[] {"", "49152", "2-1", "0-9", "1-65536", "a-b", "1-2-3"}) {
      assertThat(PortRange.parse(bad)).as(bad).isEmpty();
    }
  }
}
