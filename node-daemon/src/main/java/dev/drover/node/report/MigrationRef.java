package dev.drover.node.report;

import dev.drover.api.v1alpha1.LiveMigration;

/** Which object a report belongs to; a new object of the same name is another one. */
public record MigrationRef(String namespace, String name, String uid) {
  public static MigrationRef of(LiveMigration migration) {
    return new MigrationRef(
        migration.getMetadata().getNamespace(),
        migration.getMetadata().getName(),
        migration.getMetadata().getUid());
  }
}
