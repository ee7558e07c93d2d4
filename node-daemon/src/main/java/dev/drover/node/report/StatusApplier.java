package dev.drover.node.report;

import dev.drover.api.v1alpha1.LiveMigrationStatus;

/** The edge to the API server. */
@FunctionalInterface
public interface StatusApplier {

  /** What came of a write. */
  enum Outcome {
    Written,
    /** The object is gone, or another one has its name. */
    ObjectGone,
    /** The API server says that it will never accept this (a policy, the schema). */
    Refused,
    /** To be tried again. */
    Failed
  }

  /**
   * Applies {@code ownFields}, and nothing else, as {@code fieldManager}. Throws nothing: what went
   * wrong is in the outcome, and logged.
   */
  Outcome apply(MigrationRef migration, String fieldManager, LiveMigrationStatus ownFields);
}
