/**
 * Sees how many copies of a guest run, from the QEMU processes themselves. It knows nothing of
 * Drover, of libvirt, or of what anybody says about a guest.
 */
@NullMarked
package dev.drover.testbed.observer;

import org.jspecify.annotations.NullMarked;
