/**
 * What this host is and what runs on it, told to the API server: a heartbeat Lease, the
 * HypervisorNode, and the sightings in VirtualMachines. {@code SightingPlan} and {@code NodePlan}
 * decide what is written when, and know neither libvirt nor Kubernetes; {@code Observer} feeds them
 * from the hypervisor, {@code SightingWriter} and {@code NodeWriter} carry out what they say. All
 * of it is level-triggered: what is to be seen is compared with what was written, until both are
 * equal.
 */
@NullMarked
package dev.drover.node.inventory;

import org.jspecify.annotations.NullMarked;
