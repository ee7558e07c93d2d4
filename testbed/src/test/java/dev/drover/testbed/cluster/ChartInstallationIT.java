package dev.drover.testbed.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The chart's objects are such as an API server takes. */
@Tag("api")
class ChartInstallationIT {

  @Test
  void theChartsObjectsAreAppliedWithoutItsWorkloads() {
    assumeThat(ChartInstallation.chartExists()).isTrue();
    try (ControlPlane controlPlane = ControlPlane.standalone()) {
      ChartInstallation.apply(controlPlane);

      assertThat(controlPlane.kubectl("get", "crd", "-o", "name").out())
          .contains("livemigrations.drover.dev");
      assertThat(
              controlPlane
                  .kubectl("get", "serviceaccounts", "-n", OperatorProcess.NAMESPACE, "-o", "name")
                  .out())
          .contains("serviceaccount/" + OperatorProcess.SERVICE_ACCOUNT);
      assertThat(controlPlane.kubectl("get", "deployments,daemonsets", "-A", "-o", "name").out())
          .isEmpty();
    }
  }

  @Test
  void theWorkloadsAreRendered() {
    assumeThat(ChartInstallation.chartExists()).isTrue();

    assertThat(ChartInstallation.render(Map.of()))
        .anyMatch(object -> object.getKind().equals("DaemonSet"))
        .anyMatch(object -> object.getKind().equals("Deployment"));
  }
}
