/** What an orchestrator and a Prometheus ask of the daemon, over HTTP. */
@NullMarked
package dev.drover.node.health;

import org.jspecify.annotations.NullMarked;
