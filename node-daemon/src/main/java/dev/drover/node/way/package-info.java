/**
 * The way from one host to another, looked at before anything is sent: ports of the migration
 * range, and certificates.
 */
@NullMarked
package dev.drover.node.way;

import org.jspecify.annotations.NullMarked;
