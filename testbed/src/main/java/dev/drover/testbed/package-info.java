/**
 * A real Kubernetes control plane and real hypervisor hosts on one Linux machine.
 *
 * <p>{@link dev.drover.testbed.Testbed} is the way in. Tests get one from {@link
 * dev.drover.testbed.junit.DroverTestbed}, people from {@code ./demo}.
 */
@NullMarked
package dev.drover.testbed;

import org.jspecify.annotations.NullMarked;
