/** The CustomResourceDefinitions, made from the records and held to the API server's limits. */
@NullMarked
package dev.drover.api.crd;

import org.jspecify.annotations.NullMarked;
