/** Health and metrics over HTTP, GET only. */
@NullMarked
package dev.drover.operator.http;

import org.jspecify.annotations.NullMarked;
