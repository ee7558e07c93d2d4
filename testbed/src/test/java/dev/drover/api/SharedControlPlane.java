package dev.drover.api;

import dev.drover.testbed.cluster.ChartInstallation;
import dev.drover.testbed.cluster.ControlPlane;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ExtensionContext.StoreScope;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/** Started for the first class that asks for it, closed after the JVM's last. */
final class SharedControlPlane implements ParameterResolver {
  private static final Namespace OWN = Namespace.create(SharedControlPlane.class);

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == ControlPlane.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return context
        .getStore(StoreScope.LAUNCHER_SESSION, OWN)
        .getOrComputeIfAbsent(ControlPlane.class, type -> start(), ControlPlane.class);
  }

  private static ControlPlane start() {
    var controlPlane = ControlPlane.standalone();
    try {
      ChartInstallation.apply(controlPlane);
      return controlPlane;
    } catch (RuntimeException e) {
      controlPlane.close();
      throw e;
    }
  }
}
