/** How memory goes over: which of libvirt's ways a spec and two hosts allow, and which is taken. */
@NullMarked
package dev.drover.node.stream;

import org.jspecify.annotations.NullMarked;
