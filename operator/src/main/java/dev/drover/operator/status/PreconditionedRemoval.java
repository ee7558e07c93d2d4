package dev.drover.operator.status;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.net.HttpURLConnection;

/** Deletes with uid and resourceVersion as preconditions; a changed object stays. */
public final class PreconditionedRemoval implements Removal {
  private final KubernetesClient client;

  public PreconditionedRemoval(KubernetesClient client) {
    this.client = client;
  }

  @Override
  public void delete(HasMetadata seen) {
    try {
      client.resource(seen).lockResourceVersion(seen.getMetadata().getResourceVersion()).delete();
    } catch (KubernetesClientException e) {
      if (e.getCode() != HttpURLConnection.HTTP_CONFLICT
          && e.getCode() != HttpURLConnection.HTTP_NOT_FOUND) {
        throw e;
      }
      // It has changed or gone: the event about that brings the next look.
    }
  }
}
