/** This host as the source of a migration. */
@NullMarked
package dev.drover.node.source;

import org.jspecify.annotations.NullMarked;
