/** What Prometheus sees. */
@NullMarked
package dev.drover.operator.metrics;

import org.jspecify.annotations.NullMarked;
