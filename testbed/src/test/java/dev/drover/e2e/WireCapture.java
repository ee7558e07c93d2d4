package dev.drover.e2e;

import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.process.Waiting;
import java.time.Duration;

/**
 * Everything that goes in and out of a host's network card, kept on the host: a packet socket, read
 * by perl. Closing it ends the capture and removes it.
 */
final class WireCapture implements AutoCloseable {
  private static final String FILE = "/tmp/capture";
  private static final Duration SEARCH = Duration.ofMinutes(2);

  /** AF_PACKET 17, ETH_P_ALL 3, SO_RCVBUFFORCE 33, PACKET_STATISTICS (263, 6). */
  private static final String READER =
      """
      use Socket;
      socket(my $s, 17, SOCK_RAW, unpack("S", pack("n", 3))) or die $!;
      setsockopt($s, SOL_SOCKET, 33, pack("i", 256 << 20)) or die $!;
      open(my $out, ">", "/tmp/capture") or die $!;
      my $going = 1;
      $SIG{TERM} = sub { $going = 0 };
      open(my $ready, ">", "/tmp/capture.pid") or die $!;
      print $ready $$;
      close $ready;
      while ($going) {
        my $packet;
        my $from = recv($s, $packet, 1 << 17, 0);
        next unless defined $from;
        print $out $packet;
      }
      close $out;
      my ($packets, $drops) = unpack("II", getsockopt($s, 263, 6));
      open(my $end, ">", "/tmp/capture.end") or die $!;
      print $end $drops;
      close $end;
      """;

  private final HypervisorHost host;

  private WireCapture(HypervisorHost host) {
    this.host = host;
  }

  /** Returns when it runs. */
  static WireCapture start(HypervisorHost host) {
    host.exec("sh", "-c", "rm -f /tmp/capture*; cat > /tmp/capture.pl <<'END'\n" + READER + "END\n")
        .orThrow();
    host.exec("sh", "-c", "setsid perl /tmp/capture.pl >/tmp/capture.log 2>&1 </dev/null &")
        .orThrow();
    Waiting.until("the capture runs", () -> !host.exec("cat", FILE + ".pid").out().isBlank());
    return new WireCapture(host);
  }

  /** Ends it; returns how many packets were missed. */
  long stop() {
    host.exec("sh", "-c", "kill $(cat /tmp/capture.pid); ping -c 1 127.0.0.1 >/dev/null 2>&1");
    return Long.parseLong(
        Waiting.untilPresent(
                "the capture has ended",
                Waiting.GENEROUS,
                () ->
                    java.util.Optional.of(host.exec("cat", FILE + ".end").out().strip())
                        .filter(text -> !text.isEmpty()))
            .strip());
  }

  long bytes() {
    return Long.parseLong(host.exec("stat", "-c", "%s", FILE).orThrow().out().strip());
  }

  /** How many lines, which is at least how many of them there are in few, hold that text. */
  long lines(String text) {
    return Long.parseLong(
        host.exec(SEARCH, "sh", "-c", "LC_ALL=C grep -acF -e \"$0\" /tmp/capture || true", text)
            .out()
            .strip());
  }

  @Override
  public void close() {
    host.exec("sh", "-c", "kill -9 $(cat /tmp/capture.pid); rm -f /tmp/capture*");
  }
}
