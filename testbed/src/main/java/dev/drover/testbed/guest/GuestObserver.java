package dev.drover.testbed.guest;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.drover.testbed.process.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Listens to one guest from outside, on a UDP port of the bridge: its heartbeats, what it says
 * about itself, and the kernel's console. The sender's address says which host runs it, through any
 * number of migrations. Its clock is the machine's, which doesn't stand still when the guest does.
 */
public final class GuestObserver implements AutoCloseable {

  private static final int RECEIVE_BUFFER_BYTES = 8 << 20;
  private static final int KEPT_CONSOLE_LINES = 500;
  private static final int LONGEST_LINE = 4096;
  private static final long RESEND_AFTER_MILLISECONDS = 500;

  private final DatagramSocket socket;
  private final Instant started = Instant.now();
  private final long startedNanos = System.nanoTime();
  private final AtomicLong commands = new AtomicLong();
  private final Map<Long, String> answers = new ConcurrentHashMap<>();

  /** Guarded by itself. */
  private final List<Beat> beats = new ArrayList<>();

  private final Map<SocketAddress, StringBuilder> partialLines = new HashMap<>();
  private final List<String> consoleLines = new ArrayList<>();
  private volatile @Nullable SocketAddress lastSender;
  private volatile Map<String, String> about = Map.of();

  /**
   * @param address an address of this machine that the hosts reach
   */
  public GuestObserver(String guest, String address) {
    try {
      socket = new DatagramSocket(new InetSocketAddress(InetAddress.getByName(address), 0));
      socket.setReceiveBufferSize(RECEIVE_BUFFER_BYTES);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Thread.ofPlatform().daemon().name("observer-of-" + guest).start(this::listen);
  }

  /** Where the guest's consoles are to send to. */
  public InetSocketAddress address() {
    return (InetSocketAddress) socket.getLocalSocketAddress();
  }

  /** All heartbeats so far. */
  public Beats beats() {
    synchronized (beats) {
      return new Beats(beats);
    }
  }

  /** The time by the clock that heartbeats are stamped with. */
  public Instant now() {
    return started.plusNanos(System.nanoTime() - startedNanos);
  }

  /** Forgets the beats so far, not where the guest is. */
  public void forgetBeats() {
    synchronized (beats) {
      beats.clear();
    }
  }

  /** Forgets all beats, for a guest that is started anew. */
  public void forget() {
    forgetBeats();
    lastSender = null;
    about = Map.of();
  }

  /**
   * What the guest last said about itself, such as {@code boot}, {@code uptime} and {@code
   * dirtied}.
   */
  public Map<String, String> about() {
    return about;
  }

  /** The last lines of the kernel's console, with the host that each came from. */
  public List<String> consoleLines() {
    synchronized (consoleLines) {
      return List.copyOf(consoleLines);
    }
  }

  /**
   * Has the guest carry out a command, wherever it runs, and returns its answer. The command is
   * sent again until it is answered, also to the host that the guest has moved to meanwhile; it is
   * carried out once.
   *
   * @throws IllegalStateException if the guest answers with an error
   */
  public String command(String command, Duration deadline) {
    long id = commands.incrementAndGet();
    byte[] line = ("C " + id + " " + command + "\n").getBytes(ISO_8859_1);
    var nextSend = new AtomicLong(System.nanoTime());
    String answer =
        Waiting.untilPresent(
            "the guest's answer to \"" + command + "\"",
            deadline,
            () -> {
              if (System.nanoTime() - nextSend.get() >= 0) {
                nextSend.addAndGet(RESEND_AFTER_MILLISECONDS * 1_000_000);
                sendToGuest(line);
              }
              return Optional.ofNullable(answers.get(id));
            });
    if (!answer.startsWith("ok")) {
      throw new IllegalStateException("the guest refused \"%s\": %s".formatted(command, answer));
    }
    return answer;
  }

  /** Sends a command without waiting for an answer. */
  public void tell(String command) {
    sendToGuest(("C " + commands.incrementAndGet() + " " + command + "\n").getBytes(ISO_8859_1));
  }

  private void sendToGuest(byte[] line) {
    SocketAddress guest = lastSender;
    if (guest == null) {
      return;
    }
    try {
      socket.send(new DatagramPacket(line, line.length, guest));
    } catch (IOException e) {
      // The host or its QEMU has just gone; the next try goes to where the guest is by then.
    }
  }

  @Override
  public void close() {
    socket.close();
  }

  private void listen() {
    byte[] buffer = new byte[65536];
    while (!socket.isClosed()) {
      var packet = new DatagramPacket(buffer, buffer.length);
      try {
        socket.receive(packet);
      } catch (IOException e) {
        // Closed; or an ICMP error in answer to something sent, which concerns only the sender.
        continue;
      }
      Instant at = now();
      String text = new String(buffer, 0, packet.getLength(), ISO_8859_1);
      StringBuilder partial =
          partialLines.computeIfAbsent(packet.getSocketAddress(), sender -> new StringBuilder());
      partial.append(text);
      for (int end = partial.indexOf("\n"); end >= 0; end = partial.indexOf("\n")) {
        take(at, packet, partial.substring(0, end).strip());
        partial.delete(0, end + 1);
      }
      if (partial.length() > LONGEST_LINE) {
        partial.setLength(0);
      }
    }
  }

  private void take(Instant at, DatagramPacket packet, String line) {
    String host = hostOf(packet.getAddress());
    String[] words = line.split(" ");
    try {
      switch (words[0]) {
        case "T" -> {
          var beat = new Beat(at, host, Long.parseLong(words[1]), Long.parseLong(words[2]));
          synchronized (beats) {
            beats.add(beat);
          }
          lastSender = packet.getSocketAddress();
        }
        case "A" -> answers.put(Long.parseLong(words[1]), line.substring(line.indexOf(' ', 2) + 1));
        case "I" -> about = fields(line);
        default -> {
          synchronized (consoleLines) {
            consoleLines.add(host + " " + line);
            if (consoleLines.size() > KEPT_CONSOLE_LINES) {
              consoleLines.removeFirst();
            }
          }
        }
      }
    } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
      // Half a line, after a lost packet.
    }
  }

  /** The values of all {@code name=value} words. */
  static Map<String, String> fields(String line) {
    Map<String, String> fields = new HashMap<>();
    for (String word : line.split(" ")) {
      int equals = word.indexOf('=');
      if (equals > 0) {
        fields.put(word.substring(0, equals), word.substring(equals + 1));
      }
    }
    return Map.copyOf(fields);
  }

  private static String hostOf(InetAddress sender) {
    return "n" + (sender.getAddress()[3] & 0xff);
  }
}
