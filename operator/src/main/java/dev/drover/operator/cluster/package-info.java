/** What the operator sees of the cluster: one informer per kind, and who is woken by a change. */
@NullMarked
package dev.drover.operator.cluster;

import org.jspecify.annotations.NullMarked;
