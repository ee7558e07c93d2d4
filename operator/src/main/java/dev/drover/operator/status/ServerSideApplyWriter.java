package dev.drover.operator.status;

import dev.drover.api.v1alpha1.Drover;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.net.HttpURLConnection;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes status by server-side apply, as {@link Drover#OPERATOR_FIELD_MANAGER}. */
public final class ServerSideApplyWriter implements StatusWriter {
  private static final Logger LOGGER = LoggerFactory.getLogger(ServerSideApplyWriter.class);
  private static final PatchContext APPLY =
      new PatchContext.Builder()
          .withPatchType(PatchType.SERVER_SIDE_APPLY)
          .withFieldManager(Drover.OPERATOR_FIELD_MANAGER)
          .withForce(true)
          .build();

  private final KubernetesClient client;

  public ServerSideApplyWriter(KubernetesClient client) {
    this.client = client;
  }

  @Override
  public <T extends HasMetadata> Optional<T> apply(T fresh) {
    try {
      return Optional.of(client.resource(fresh).subresource("status").patch(APPLY));
    } catch (KubernetesClientException e) {
      if (e.getCode() != HttpURLConnection.HTTP_CONFLICT
          && e.getCode() != HttpURLConnection.HTTP_NOT_FOUND) {
        throw e;
      }
      LOGGER
          .atDebug()
          .addKeyValue("namespace", fresh.getMetadata().getNamespace())
          .addKeyValue("name", fresh.getMetadata().getName())
          .addKeyValue("code", e.getCode())
          .log("Status was computed from an object that is no longer the newest; computing anew");
      return Optional.empty();
    }
  }
}
