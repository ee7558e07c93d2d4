package dev.drover.api;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Gives the tests of a class a {@link dev.drover.testbed.cluster.ControlPlane} with the chart's
 * objects in it. All classes share one.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@Tag("api")
@ExtendWith(SharedControlPlane.class)
public @interface ApiTest {}
