/**
 * The port through which the daemon reaches its hypervisor. Everything in here is plain values;
 * libvirt's types stay inside {@code .libvirt}.
 */
@NullMarked
package dev.drover.node.hypervisor;

import org.jspecify.annotations.NullMarked;
