/** What the API server accepts and refuses: the CRDs' schemas and rules, and the samples. */
@NullMarked
package dev.drover.api;

import org.jspecify.annotations.NullMarked;
