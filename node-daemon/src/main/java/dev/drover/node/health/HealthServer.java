package dev.drover.node.health;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * {@code /livez}, {@code /readyz} and {@code /metrics}. Answers to GET only, reads no bodies, and
 * has few threads and short deadlines: whoever reaches the port can't keep the daemon from its
 * work.
 */
public final class HealthServer implements AutoCloseable {
  private static final int THREADS = 2;
  private static final int WAITING = 16;

  /** The server reads them once, when its classes are loaded; seconds where they are times. */
  private static final Map<String, String> LIMITS =
      Map.of(
          "sun.net.httpserver.maxReqTime", "5",
          "sun.net.httpserver.maxRspTime", "10",
          "sun.net.httpserver.idleInterval", "30",
          "sun.net.httpserver.maxIdleConnections", "8",
          "sun.net.httpserver.maxReqHeaders", "64",
          "sun.net.httpserver.maxReqHeaderSize", "16384",
          "jdk.httpserver.maxConnections", "32");

  private static final String TEXT = "text/plain; charset=utf-8";
  private static final String PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8";

  private final HttpServer server;
  private final ExecutorService threads;

  private HealthServer(HttpServer server, ExecutorService threads) {
    this.server = server;
    this.threads = threads;
  }

  /**
   * Listens and answers from now on.
   *
   * @param dead what only a new process would cure; empty while it is well
   * @param unready what the daemon waits for; empty once it works
   * @param metrics a scrape in Prometheus' text format
   */
  public static HealthServer start(
      InetSocketAddress address,
      Supplier<List<String>> dead,
      Supplier<List<String>> unready,
      Supplier<String> metrics) {
    LIMITS.forEach(HealthServer::setUnlessSet);
    try {
      var server = HttpServer.create(address, 0);
      var threads =
          new ThreadPoolExecutor(
              THREADS,
              THREADS,
              0,
              TimeUnit.SECONDS,
              new ArrayBlockingQueue<>(WAITING),
              Thread.ofPlatform().name("http-", 0).factory());
      server.setExecutor(threads);
      server.createContext("/", get(_ -> new Answer(404, TEXT, "not found\n")));
      server.createContext("/livez", get(exact("/livez", () -> health(dead.get()))));
      server.createContext("/readyz", get(exact("/readyz", () -> health(unready.get()))));
      server.createContext(
          "/metrics", get(exact("/metrics", () -> new Answer(200, PROMETHEUS, metrics.get()))));
      server.start();
      return new HealthServer(server, threads);
    } catch (IOException e) {
      throw new UncheckedIOException("can't listen on " + address, e);
    }
  }

  private record Answer(int status, String contentType, String body) {}

  @FunctionalInterface
  private interface Page {
    Answer answer(HttpExchange exchange);
  }

  private static void setUnlessSet(String key, String value) {
    if (System.getProperty(key) == null) {
      System.setProperty(key, value);
    }
  }

  private static Answer health(List<String> problems) {
    return problems.isEmpty()
        ? new Answer(200, TEXT, "ok\n")
        : new Answer(503, TEXT, String.join("\n", problems) + "\n");
  }

  /** Contexts match by prefix; {@code /livezzz} is none of ours. */
  private static Page exact(String path, Supplier<Answer> answer) {
    return exchange ->
        exchange.getRequestURI().getPath().equals(path)
            ? answer.get()
            : new Answer(404, TEXT, "not found\n");
  }

  private static HttpHandler get(Page page) {
    return exchange -> {
      try (exchange) {
        if (!exchange.getRequestMethod().equals("GET")) {
          exchange.getResponseHeaders().set("Allow", "GET");
          exchange.sendResponseHeaders(405, -1);
          return;
        }
        var answer = page.answer(exchange);
        var bytes = answer.body().getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", answer.contentType());
        exchange.sendResponseHeaders(answer.status(), bytes.length == 0 ? -1 : bytes.length);
        exchange.getResponseBody().write(bytes);
      }
    };
  }

  /** Where it listens; the port is the real one if it was given as 0. */
  public InetSocketAddress address() {
    return server.getAddress();
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
