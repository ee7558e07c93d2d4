package dev.drover.operator.migration;

import dev.drover.api.v1alpha1.LiveMigration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/**
 * Lets the operator read its own writes: an answer of the API server counts until the informer has
 * caught up with it.
 */
final class NewestMigrations {
  private final ConcurrentMap<String, LiveMigration> written = new ConcurrentHashMap<>();

  /** The newer one of what the informer shows and what was last written here. */
  LiveMigration of(LiveMigration cached) {
    String uid = cached.getMetadata().getUid();
    LiveMigration own = written.get(uid);
    if (own == null) {
      return cached;
    }
    if (version(own) > version(cached)) {
      return own;
    }
    written.remove(uid, own);
    return cached;
  }

  void remember(LiveMigration answer) {
    written.merge(answer.getMetadata().getUid(), answer, (a, b) -> version(a) > version(b) ? a : b);
  }

  void forget(String uid) {
    written.remove(uid);
  }

  // Resource versions of one resource are increasing integers; documented so since Kubernetes 1.35,
  // and true of etcd's revisions ever since.
  private static long version(LiveMigration migration) {
    return Long.parseLong(migration.getMetadata().getResourceVersion());
  }
}
