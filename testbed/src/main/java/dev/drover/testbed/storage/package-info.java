/** The servers of network volumes. */
@NullMarked
package dev.drover.testbed.storage;

import org.jspecify.annotations.NullMarked;
