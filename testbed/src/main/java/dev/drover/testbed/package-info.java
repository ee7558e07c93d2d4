@org.jspecify.annotations.NullMarked
package dev.drover.testbed;
