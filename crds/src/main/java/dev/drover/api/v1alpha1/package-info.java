/**
 * The kinds of {@code drover.dev/v1alpha1} as immutable records. This package knows no client: it
 * says what an object looks like, who writes which part of it (DESIGN.md 4) and which words are
 * used for phases, conditions and reasons.
 */
@NullMarked
package dev.drover.api.v1alpha1;

import org.jspecify.annotations.NullMarked;
