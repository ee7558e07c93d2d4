package dev.drover.operator.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.Test;

class HealthServerTest {
  private boolean ready;

  @Test
  void answersGetAndNothingElse() throws Exception {
    try (var server =
            HealthServer.start(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                () -> true,
                () -> ready,
                () -> "drover 1\n");
        var client = HttpClient.newHttpClient()) {
      assertThat(status(client, server, "GET", "/livez")).isEqualTo(200);
      assertThat(status(client, server, "GET", "/readyz")).isEqualTo(503);
      ready = true;
      assertThat(status(client, server, "GET", "/readyz")).isEqualTo(200);
      assertThat(status(client, server, "GET", "/metrics")).isEqualTo(200);
      assertThat(status(client, server, "POST", "/metrics")).isEqualTo(405);
      assertThat(status(client, server, "GET", "/livez/x")).isEqualTo(404);
      assertThat(status(client, server, "GET", "/")).isEqualTo(404);
    }
  }

  private static int status(HttpClient client, HealthServer server, String method, String path)
      throws IOException, InterruptedException {
    var request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path))
            .method(method, HttpRequest.BodyPublishers.noBody())
            .build();
    return client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
  }
}
