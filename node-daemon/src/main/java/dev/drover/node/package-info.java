/** One process per hypervisor host: its configuration, and how its parts are put together. */
@NullMarked
package dev.drover.node;

import org.jspecify.annotations.NullMarked;
