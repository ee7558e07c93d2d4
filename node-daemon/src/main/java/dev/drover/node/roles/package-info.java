/**
 * The edges of the two roles: informers that see only this node's work, and the SDK's loop around
 * each role.
 */
@NullMarked
package dev.drover.node.roles;

import org.jspecify.annotations.NullMarked;
