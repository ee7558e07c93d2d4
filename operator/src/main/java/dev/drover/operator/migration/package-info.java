/**
 * Takes a LiveMigration through its phases: facts in, one {@link
 * dev.drover.operator.migration.Progress} out, one write.
 */
@NullMarked
package dev.drover.operator.migration;

import org.jspecify.annotations.NullMarked;
