package dev.drover.node.health;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class HealthServerTest {
  private final List<String> dead = new ArrayList<>();
  private final List<String> unready = new ArrayList<>();
  private final HealthServer server =
      HealthServer.start(
          new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
          () -> dead,
          () -> unready,
          () -> "drover_daemon_libvirt_connected 1.0\n");
  private final HttpClient client = HttpClient.newHttpClient();

  @AfterEach
  void stop() {
    client.close();
    server.close();
  }

  private HttpResponse<String> send(String method, String path)
      throws IOException, InterruptedException {
    var uri = URI.create("http://127.0.0.1:%d%s".formatted(server.address().getPort(), path));
    return client.send(
        HttpRequest.newBuilder(uri).method(method, HttpRequest.BodyPublishers.noBody()).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  @Test
  void isWell() throws Exception {
    assertThat(send("GET", "/livez").statusCode()).isEqualTo(200);
    assertThat(send("GET", "/readyz").statusCode()).isEqualTo(200);
  }

  @Test
  void saysWhyItIsNot() throws Exception {
    unready.add("the API server was not reached yet");
    unready.add("libvirt was not tried yet");
    assertThat(send("GET", "/readyz").statusCode()).isEqualTo(503);
    assertThat(send("GET", "/readyz").body())
        .isEqualTo("the API server was not reached yet\nlibvirt was not tried yet\n");
    assertThat(send("GET", "/livez").statusCode()).isEqualTo(200);

    dead.add("nothing was heard of the thread x");
    assertThat(send("GET", "/livez").statusCode()).isEqualTo(503);
  }

  @Test
  void servesMetrics() throws Exception {
    var response = send("GET", "/metrics");
    assertThat(response.body()).contains("drover_daemon_libvirt_connected");
    assertThat(response.headers().firstValue("Content-Type").orElseThrow())
        .startsWith("text/plain; version=0.0.4");
  }

  @Test
  void answersToGetOnly() throws Exception {
    assertThat(send("POST", "/metrics").statusCode()).isEqualTo(405);
    assertThat(send("DELETE", "/livez").statusCode()).isEqualTo(405);
    assertThat(send("GET", "/livezz").statusCode()).isEqualTo(404);
    assertThat(send("GET", "/").statusCode()).isEqualTo(404);
  }
}
