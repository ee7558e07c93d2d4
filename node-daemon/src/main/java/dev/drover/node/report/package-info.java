/** What this daemon says of a migration: one class writes it, the newest word wins. */
@NullMarked
package dev.drover.node.report;

import org.jspecify.annotations.NullMarked;
