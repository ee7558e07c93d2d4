/** One pure step per phase. Steps know the facts, never each other. */
@NullMarked
package dev.drover.operator.migration.phase;

import org.jspecify.annotations.NullMarked;
