/**
 * Virtual machines that tell from inside what a migration did to them, and the observer that
 * listens.
 */
@NullMarked
package dev.drover.testbed.guest;

import org.jspecify.annotations.NullMarked;
