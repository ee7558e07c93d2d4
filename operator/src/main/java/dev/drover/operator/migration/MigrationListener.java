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

  /** Hears of each migration that is looked at, also of what others have written of it. */
  default void seen(LiveMigration migration) {}

  /** Tells all of these. */
  static MigrationListener all(MigrationListener... listeners) {
    return new MigrationListener() {
      @Override
      public void written(LiveMigrationStatus before, LiveMigration written) {
        for (var listener : listeners) {
          listener.written(before, written);
        }
      }

      @Override
      public void seen(LiveMigration migration) {
        for (var listener : listeners) {
          listener.seen(migration);
        }
      }
    };
  }
}
