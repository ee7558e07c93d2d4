package dev.drover.node.inventory;

import dev.drover.node.LogKeys;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way of the inventory's calls to the API server: counts the writes, says what a failure means,
 * and logs once when the API server goes away and once when it is back. Thread-safe.
 */
final class ApiServer {
  private static final Logger LOG = LoggerFactory.getLogger(ApiServer.class);

  static final int UNAUTHORIZED = 401;
  static final int NOT_FOUND = 404;
  static final int CONFLICT = 409;
  private static final int TOO_MANY_REQUESTS = 429;
  private static final int FIRST_SERVER_ERROR = 500;

  private enum Contact {
    None,
    Reached,
    Away
  }

  private static final int MAX_CAUSES = 10;

  private final MeterRegistry registry;
  private final Runnable returned;
  private final AtomicReference<Contact> contact = new AtomicReference<>(Contact.None);
  private volatile boolean reached;

  /**
   * {@code returned} is run when it answers again, so that nobody sits out his pause; must not
   * block.
   */
  ApiServer(MeterRegistry registry, Runnable returned) {
    this.registry = registry;
    this.returned = returned;
  }

  /** Whether it has answered since the start. */
  boolean wasReached() {
    return reached;
  }

  <T> T read(Supplier<T> call) throws ApiException {
    try {
      var answer = call.get();
      noteReached();
      return answer;
    } catch (KubernetesClientException e) {
      throw translated(e);
    }
  }

  /** Carries out {@code call} and counts it as a write to {@code resource}. */
  <T> T write(String resource, Supplier<T> call) throws ApiException {
    try {
      var answer = read(call);
      counter(resource, "written").increment();
      return answer;
    } catch (ApiException e) {
      counter(resource, e.kind() == ApiException.Kind.Away ? "away" : "refused").increment();
      throw e;
    }
  }

  private Counter counter(String resource, String outcome) {
    return Counter.builder("drover.daemon.api.writes")
        .description("Writes of the inventory to the API server")
        .tag("resource", resource)
        .tag("outcome", outcome)
        .register(registry);
  }

  private ApiException translated(KubernetesClientException e) {
    int code = Math.max(e.getCode(), 0);
    var message = code == 0 ? causeOf(e) : messageOf(e);
    boolean away =
        code == 0
            || code == UNAUTHORIZED
            || code == TOO_MANY_REQUESTS
            || code >= FIRST_SERVER_ERROR;
    if (away) {
      noteAway(code, message);
    } else {
      noteReached();
    }
    return new ApiException(
        away ? ApiException.Kind.Away : ApiException.Kind.Refused, code, message, e);
  }

  /** Without an answer, the client's own message only says which request it was; the cause why. */
  private static String causeOf(KubernetesClientException e) {
    Throwable cause = e;
    for (int depth = 0; depth < MAX_CAUSES && saysNothing(cause); depth++) {
      if (cause.getCause() == null) {
        return messageOf(e);
      }
      cause = cause.getCause();
    }
    return cause.toString();
  }

  private static boolean saysNothing(Throwable thrown) {
    return thrown instanceof KubernetesClientException || thrown.getClass() == IOException.class;
  }

  private static String messageOf(Throwable thrown) {
    return Objects.requireNonNullElse(thrown.getMessage(), thrown.getClass().getSimpleName());
  }

  private void noteReached() {
    reached = true;
    if (contact.getAndSet(Contact.Reached) == Contact.Away) {
      LOG.atInfo().log("The API server answers again");
      returned.run();
    }
  }

  private void noteAway(int code, String message) {
    if (contact.getAndSet(Contact.Away) != Contact.Away) {
      LOG.atWarn()
          .addKeyValue(LogKeys.CODE, code)
          .addKeyValue(LogKeys.ERROR, message)
          .log("The API server is away; what there is to say is kept until it is back");
    }
  }
}
