/** Events for people (events.k8s.io), written off the reconcile path. */
@NullMarked
package dev.drover.operator.event;

import org.jspecify.annotations.NullMarked;
