package dev.drover.operator.migration;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationStatus;

/** Hears of each status that has really been written. Must neither block nor fail. */
public interface MigrationListener {
  /**
   * @param before the operator's fields as they were
   * @param written the whole object after the write
   */
  void written(LiveMigrationStatus before, LiveMigration written);
}
