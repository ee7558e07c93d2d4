package dev.drover.operator.cluster;

import io.fabric8.kubernetes.client.KubernetesClientException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Waits at the start for an API server that is away, or whose etcd is. An operator that ended
 * instead would be started again by its kubelet after ever longer pauses, up to five minutes, and
 * be away for that long after the API server is back.
 *
 * <p>There is no limit to it: nothing else can be done, and {@code /readyz} says that the operator
 * has not started.
 */
public final class ApiServerWait {
  private static final Logger LOGGER = LoggerFactory.getLogger(ApiServerWait.class);
  private static final Duration LOOK_AGAIN = Duration.ofSeconds(1);
  private static final int CLIENT_ERRORS = 400;
  private static final int SERVER_ERRORS = 500;

  private ApiServerWait() {}

  /**
   * Returns when it answers.
   *
   * @param question asks it something, and throws if there is no good answer
   * @throws InterruptedException if the process is to end meanwhile
   */
  public static void until(Runnable question) throws InterruptedException {
    until(question, LOOK_AGAIN);
  }

  static void until(Runnable question, Duration pause) throws InterruptedException {
    boolean said = false;
    while (true) {
      try {
        question.run();
        return;
      } catch (KubernetesClientException e) {
        if (e.getCode() >= CLIENT_ERRORS && e.getCode() < SERVER_ERRORS) {
          return; // it is there, whatever it thinks of the question
        }
        if (!said) {
          said = true;
          LOGGER.atWarn().setCause(e).log("The API server is away; the operator waits for it");
        }
      }
      TimeUnit.MILLISECONDS.sleep(pause.toMillis());
    }
  }
}
