/** What {@code ./demo} shows. */
@NullMarked
package dev.drover.testbed.demo;

import org.jspecify.annotations.NullMarked;
