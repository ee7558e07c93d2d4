/** This host as the target of a migration. */
@NullMarked
package dev.drover.node.target;

import org.jspecify.annotations.NullMarked;
