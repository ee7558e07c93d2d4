/** Whether a hypervisor node can take part in migrations. */
@NullMarked
package dev.drover.operator.node;

import org.jspecify.annotations.NullMarked;
