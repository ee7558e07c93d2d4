package dev.drover.operator.http;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * {@code /livez}, {@code /readyz} and {@code /metrics}. Only GET, and no request body is ever read.
 */
public final class HealthServer implements AutoCloseable {
  private final HttpServer server;

  private HealthServer(HttpServer server) {
    this.server = server;
  }

  /**
   * @param live false: the process can't help itself any more and has to be restarted
   * @param ready true as soon as the caches are filled, on standby instances as well
   */
  public static HealthServer start(
      InetSocketAddress address,
      BooleanSupplier live,
      BooleanSupplier ready,
      Supplier<String> metrics)
      throws IOException {
    // Slow clients are cut off; seconds, read once by the server.
    System.setProperty("sun.net.httpserver.maxReqTime", "5");
    System.setProperty("sun.net.httpserver.maxRspTime", "10");
    HttpServer server = HttpServer.create(address, 16);
    server.setExecutor(
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("drover-http-", 0).factory()));
    server.createContext("/livez", exchange -> health(exchange, "/livez", live));
    server.createContext("/readyz", exchange -> health(exchange, "/readyz", ready));
    server.createContext(
        "/metrics",
        exchange ->
            answer(
                exchange,
                "/metrics",
                200,
                "text/plain; version=0.0.4; charset=utf-8",
                metrics.get()));
    server.start();
    return new HealthServer(server);
  }

  public int port() {
    return server.getAddress().getPort();
  }

  private static void health(HttpExchange exchange, String path, BooleanSupplier ok)
      throws IOException {
    boolean good = ok.getAsBoolean();
    answer(
        exchange, path, good ? 200 : 503, "text/plain; charset=utf-8", good ? "ok\n" : "not ok\n");
  }

  private static void answer(
      HttpExchange exchange, String path, int code, String contentType, String text)
      throws IOException {
    try (exchange) {
      if (!exchange.getRequestMethod().equals("GET")) {
        exchange.getResponseHeaders().set("Allow", "GET");
        exchange.sendResponseHeaders(405, -1);
      } else if (!exchange.getRequestURI().getPath().equals(path)) {
        exchange.sendResponseHeaders(404, -1);
      } else {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", contentType);
        exchange.sendResponseHeaders(code, body.length);
        exchange.getResponseBody().write(body);
      }
    }
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
