/** Where a virtual machine is, derived from the daemons' sightings. */
@NullMarked
package dev.drover.operator.vm;

import org.jspecify.annotations.NullMarked;
