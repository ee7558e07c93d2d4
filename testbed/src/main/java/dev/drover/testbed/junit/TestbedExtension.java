package dev.drover.testbed.junit;

import dev.drover.testbed.Testbed;
import dev.drover.testbed.host.KubernetesNode;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.StoreScope;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.platform.commons.support.AnnotationSupport;
import org.opentest4j.TestAbortedException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Shares one testbed among all classes with {@link DroverTestbed}. */
public final class TestbedExtension
    implements BeforeAllCallback, ParameterResolver, AfterTestExecutionCallback, AfterEachCallback {

  private static final Logger LOG = LoggerFactory.getLogger(TestbedExtension.class);
  private static final ExtensionContext.Namespace NAMESPACE =
      ExtensionContext.Namespace.create(TestbedExtension.class);

  @Override
  public void beforeAll(ExtensionContext context) {
    DroverTestbed wanted = annotation(context);
    Assumptions.assumeTrue(
        !wanted.nodes() || KubernetesNode.possible(), "hosts can't be nodes without cgroup v1");
    Testbed testbed = testbed(context);
    testbed.ensureHosts(wanted.hosts());
    if (wanted.drover()) {
      testbed.installDrover();
    }
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == Testbed.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return testbed(context);
  }

  @Override
  public void afterTestExecution(ExtensionContext context) {
    var failure = context.getExecutionException().filter(e -> !(e instanceof TestAbortedException));
    if (failure.isPresent()) {
      String test = context.getRequiredTestClass().getSimpleName() + "." + context.getDisplayName();
      // Said at once: the class's other tests may take minutes.
      LOG.atInfo().addKeyValue("test", test).setCause(failure.get()).log("Failed");
      var evidence = new Evidence(testbed(context), test);
      LOG.atInfo().addKeyValue("directory", evidence.collect()).log("The test failed; see");
    }
  }

  @Override
  public void afterEach(ExtensionContext context) {
    // Repaired first: a guest can only be removed from a host that answers.
    testbed(context).repair();
    testbed(context).removeGuests();
  }

  private static Testbed testbed(ExtensionContext context) {
    return context
        .getStore(StoreScope.LAUNCHER_SESSION, NAMESPACE)
        .getOrComputeIfAbsent(Shared.class, key -> new Shared(), Shared.class)
        .testbed(annotation(context));
  }

  private static DroverTestbed annotation(ExtensionContext context) {
    return AnnotationSupport.findAnnotation(context.getRequiredTestClass(), DroverTestbed.class)
        .orElseThrow(() -> new IllegalStateException("the test class lacks @DroverTestbed"));
  }

  /**
   * JUnit closes it after the last test of the JVM, which may be given one class after the other.
   */
  private static final class Shared implements AutoCloseable {

    private @Nullable Testbed testbed;

    /** There is one on a machine at a time: one with nodes takes the place of one without. */
    synchronized Testbed testbed(DroverTestbed wanted) {
      if (testbed != null && testbed.hasNodes() != wanted.nodes()) {
        close();
      }
      Testbed current = testbed;
      if (current == null) {
        current =
            wanted.nodes() ? Testbed.startWithNodes(wanted.hosts()) : Testbed.start(wanted.hosts());
        testbed = current;
      }
      return current;
    }

    @Override
    public synchronized void close() {
      if (testbed != null) {
        testbed.close();
        testbed = null;
      }
    }
  }
}
