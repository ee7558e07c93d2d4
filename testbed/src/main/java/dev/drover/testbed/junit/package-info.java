/** The testbed as a JUnit extension. */
@NullMarked
package dev.drover.testbed.junit;

import org.jspecify.annotations.NullMarked;
