/** The Helm chart: what it renders, and whether it holds each daemon to its own node. */
@NullMarked
package dev.drover.chart;

import org.jspecify.annotations.NullMarked;
