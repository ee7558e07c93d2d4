package dev.drover.node.report;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one place where a daemon writes a LiveMigration's status: server-side apply of a fresh
 * object.
 */
public final class ServerSideApply implements StatusApplier {
  private static final Logger LOG = LoggerFactory.getLogger(ServerSideApply.class);
  private static final int NOT_FOUND = 404;
  private static final int CONFLICT = 409;

  private final KubernetesClient client;

  public ServerSideApply(KubernetesClient client) {
    this.client = client;
  }

  @Override
  public Outcome apply(MigrationRef migration, String fieldManager, LiveMigrationStatus ownFields) {
    var fresh = new LiveMigration();
    // With the uid, an object of the same name that was made meanwhile is refused as a conflict.
    fresh.setMetadata(
        new ObjectMetaBuilder()
            .withNamespace(migration.namespace())
            .withName(migration.name())
            .withUid(migration.uid())
            .build());
    fresh.setStatus(ownFields);
    try {
      client
          .resource(fresh)
          .subresource("status")
          .patch(
              new PatchContext.Builder()
                  .withPatchType(PatchType.SERVER_SIDE_APPLY)
                  .withFieldManager(fieldManager)
                  .withForce(true)
                  .build());
      return Outcome.Written;
    } catch (KubernetesClientException e) {
      return switch (e.getCode()) {
        case NOT_FOUND, CONFLICT -> Outcome.ObjectGone;
        case 400, 403, 422 -> {
          log(migration, fieldManager, e, "The API server refuses this report");
          yield Outcome.Refused;
        }
        default -> {
          log(migration, fieldManager, e, "The report was not written yet");
          yield Outcome.Failed;
        }
      };
    }
  }

  private static void log(
      MigrationRef migration, String fieldManager, KubernetesClientException e, String message) {
    LOG.atWarn()
        .addKeyValue("migration", migration.name())
        .addKeyValue("namespace", migration.namespace())
        .addKeyValue("fieldManager", fieldManager)
        .addKeyValue("code", e.getCode())
        .addKeyValue("error", e.getMessage())
        .log(message);
  }
}
