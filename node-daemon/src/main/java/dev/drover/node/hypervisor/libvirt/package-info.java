/**
 * The port's adapter to libvirt, and the only place that knows libvirt. Two bindings of the same
 * {@code libvirt.so.0} serve it: libvirt-java for connections, host facts, storage and the event
 * loop; {@link dev.drover.node.hypervisor.libvirt.LibvirtNative} for domains, jobs and events,
 * which libvirt-java lacks or gets wrong.
 *
 * <p>No call of libvirt runs on a caller's thread (see {@link
 * dev.drover.node.hypervisor.libvirt.NativeCalls}), and nothing relies on a finalizer: every object
 * that libvirt counts is freed by whoever got it, on the thread that used it.
 */
@NullMarked
package dev.drover.node.hypervisor.libvirt;

import org.jspecify.annotations.NullMarked;
