package dev.drover.testbed.junit;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Gives the tests of a class a {@link dev.drover.testbed.Testbed} as a parameter. All classes share
 * one (those with nodes another one, in its place): it is started for the first, and removed after
 * the last. Faults that a test leaves are repaired, and its guests removed, before the next one; if
 * it fails, logs and objects are kept in {@code testbed/target/evidence}.
 *
 * <pre>{@code
 * @DroverTestbed(hosts = 2)
 * class BlockMigrationE2eTest {
 *   @Test
 *   void movesAGuestWithItsDisk(Testbed testbed) { ... }
 * }
 * }</pre>
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@Tag("e2e")
@ExtendWith(TestbedExtension.class)
public @interface DroverTestbed {

  /** How many hosts there are at least. */
  int hosts() default 2;

  /** Whether the chart is installed, and the operator and the daemons run. */
  boolean drover() default true;

  /**
   * Whether the hosts are nodes of the cluster, with kubelet and containerd, and Drover runs in
   * pods that Helm has installed. Such a class is best ordered last, with {@code @Order(LAST)}: the
   * testbed is started anew for it.
   */
  boolean nodes() default false;

  /** The order of classes with {@link #nodes}. */
  int LAST = Integer.MAX_VALUE;
}
