/** How a host gets its certificates for transfers by TLS, and keeps them fresh. */
@NullMarked
package dev.drover.node.certificate;

import org.jspecify.annotations.NullMarked;
