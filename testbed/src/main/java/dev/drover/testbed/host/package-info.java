/** Hypervisor hosts: namespaces with a root file system, libvirtd and QEMU of their own. */
@NullMarked
package dev.drover.testbed.host;

import org.jspecify.annotations.NullMarked;
