package dev.drover.node.way;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.drover.node.hypervisor.PortRange;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The target's end of a try: one of the ports that a transfer could come in by is listened on for a
 * moment, and says a greeting that nobody else knows. Only a real connection tells a port that a
 * firewall drops from one where nobody listens yet.
 *
 * <p>libvirt gives out the lowest port that is free, so the highest is taken here. Thread-safe.
 */
public final class Doors implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Doors.class);
  private static final Duration OPEN_FOR = Duration.ofSeconds(30);
  private static final Duration SHUT_WITHIN = Duration.ofSeconds(1);
  private static final int MOST = 16;
  private static final int GREETING_BYTES = 16;

  private final InetAddress address;
  private final PortRange range;
  private final SecureRandom random = new SecureRandom();
  private final Map<String, Door> open = new ConcurrentHashMap<>();

  public Doors(InetAddress address, PortRange range) {
    this.address = address;
    this.range = range;
  }

  /** What came of looking for a port. */
  public sealed interface Found {
    /** Somebody listens there now, for half a minute at most, and says that. */
    record Open(int port, String greeting) implements Found {}

    /** At least one port is free. */
    record Free(int port) implements Found {}

    /** Every port of the range is taken. */
    record NoneFree(PortRange range) implements Found {}

    /** It can't be told, and says nothing about the range. */
    record Unknown(String why) implements Found {}
  }

  /** Whether a transfer could come in. */
  public Found look() {
    try (var socket = new ServerSocket()) {
      return bind(socket);
    } catch (IOException e) {
      return new Found.Unknown(String.valueOf(e.getMessage()));
    }
  }

  /** The same, and a door is held open; {@code key}: for whom, one each. */
  public synchronized Found open(String key) {
    close(key);
    if (open.size() >= MOST) {
      return new Found.Unknown("too many tries at once");
    }
    ServerSocket socket = null;
    try {
      socket = new ServerSocket();
      var found = bind(socket);
      if (!(found instanceof Found.Free(int port))) {
        socket.close();
        return found;
      }
      byte[] secret = new byte[GREETING_BYTES];
      random.nextBytes(secret);
      var greeting = HexFormat.of().formatHex(secret);
      var door = new Door(socket, key, port, greeting.getBytes(US_ASCII));
      open.put(key, door);
      door.thread.start();
      return new Found.Open(port, greeting);
    } catch (IOException e) {
      closeQuietly(socket);
      return new Found.Unknown(String.valueOf(e.getMessage()));
    }
  }

  /** Nobody is let in any more when this returns. */
  public void close(String key) {
    var door = open.remove(key);
    if (door != null) {
      door.shut();
    }
  }

  @Override
  public void close() {
    List.copyOf(open.keySet()).forEach(this::close);
  }

  private Found bind(ServerSocket socket) throws IOException {
    // As QEMU does it: what lingers of the connection before is no obstacle.
    socket.setReuseAddress(true);
    for (int port = range.last(); port >= range.first(); port--) {
      try {
        socket.bind(new InetSocketAddress(address, port));
        return new Found.Free(port);
      } catch (BindException e) {
        if (port == range.first()) {
          return isHere()
              ? new Found.NoneFree(range)
              : new Found.Unknown(String.valueOf(e.getMessage()));
        }
      }
    }
    return new Found.NoneFree(range);
  }

  /** A daemon that does not have the host's network can't listen on its address. */
  private boolean isHere() {
    try (var any = new ServerSocket()) {
      any.bind(new InetSocketAddress(address, 0));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** One port that is listened on, and who does it. */
  private final class Door implements Runnable {
    private final ServerSocket socket;
    private final String key;
    private final byte[] greeting;
    private final Thread thread;

    Door(ServerSocket socket, String key, int port, byte[] greeting) {
      this.socket = socket;
      this.key = key;
      this.greeting = greeting;
      this.thread = Thread.ofPlatform().name("door-" + port).daemon(true).unstarted(this);
    }

    @Override
    public void run() {
      long end = System.nanoTime() + OPEN_FOR.toNanos();
      try (socket) {
        for (long left = OPEN_FOR.toMillis();
            left > 0;
            left = (end - System.nanoTime()) / 1_000_000) {
          socket.setSoTimeout(Math.toIntExact(left));
          try (Socket caller = socket.accept()) {
            caller.getOutputStream().write(greeting);
          }
        }
      } catch (SocketTimeoutException e) {
        // Nobody came (any more).
      } catch (IOException e) {
        LOG.atDebug().addKeyValue("error", e.getMessage()).log("A door is closed");
      } finally {
        open.remove(key, this);
      }
    }

    /** The kernel takes connections until whoever waits for them has noticed. */
    void shut() {
      closeQuietly(socket);
      try {
        thread.join(SHUT_WITHIN);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static void closeQuietly(@Nullable ServerSocket socket) {
    if (socket == null) {
      return;
    }
    try {
      socket.close();
    } catch (IOException e) {
      LOG.atDebug().addKeyValue("error", e.getMessage()).log("A door could not be closed");
    }
  }
}
