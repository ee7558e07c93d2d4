/** The control plane, and Drover's own processes and objects in it. */
@NullMarked
package dev.drover.testbed.cluster;

import org.jspecify.annotations.NullMarked;
