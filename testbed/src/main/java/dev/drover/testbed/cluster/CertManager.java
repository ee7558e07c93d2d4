package dev.drover.testbed.cluster;

import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.Recipes;
import dev.drover.testbed.process.Service;
import dev.drover.testbed.process.StateDirectory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * cert-manager's signing of CertificateSigningRequests, as a process with the admin's rights, and a
 * ClusterIssuer with a CA of its own.
 */
public final class CertManager implements AutoCloseable {

  /** By it, requests name the issuer. */
  public static final String SIGNER = "clusterissuers.cert-manager.io/hosts";

  /** The CA's subject. */
  public static final String AUTHORITY = "CN=drover-cert-manager";

  /**
   * The ConfigMap in Drover's namespace, whose {@code ca.crt} is the CA's certificate; and the
   * issuer's Secret.
   */
  public static final String CONFIG_MAP = "cert-manager-ca";

  private static final String IN_NAMESPACE = "--namespace=" + OperatorProcess.NAMESPACE;

  private final ControlPlane controlPlane;
  private final Service process;

  private CertManager(ControlPlane controlPlane, Service process) {
    this.controlPlane = controlPlane;
    this.process = process;
  }

  /** Returns when the ClusterIssuer is ready. */
  public static CertManager start(StateDirectory state, ControlPlane controlPlane) {
    Path recipe = Recipes.certManager();
    kubectl(controlPlane, "apply", "--server-side", "-f", recipe.resolve("crds").toString());
    kubectl(controlPlane, "wait", "--for=condition=Established", "--timeout=60s", "crd", "--all");
    Path directory = state.data("cert-manager");
    Path certificate = directory.resolve("ca.crt");
    Path key = directory.resolve("ca.key");
    Command.of(
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/" + AUTHORITY,
            "-keyout",
            key.toString(),
            "-out",
            certificate.toString())
        .run()
        .orThrow();
    kubectl(
        controlPlane,
        "create",
        "secret",
        "tls",
        CONFIG_MAP,
        IN_NAMESPACE,
        "--cert=" + certificate,
        "--key=" + key);
    kubectl(
        controlPlane,
        "create",
        "configmap",
        CONFIG_MAP,
        IN_NAMESPACE,
        "--from-file=ca.crt=" + certificate);
    Path issuer = directory.resolve("issuer.yaml");
    try {
      Files.writeString(
          issuer,
          """
          apiVersion: cert-manager.io/v1
          kind: ClusterIssuer
          metadata: {name: hosts}
          spec: {ca: {secretName: %s}}
          """
              .formatted(CONFIG_MAP));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    kubectl(controlPlane, "apply", "-f", issuer.toString());
    var process =
        new Service(
            "cert-manager",
            state,
            List.of(
                recipe.resolve("certmanager").toString(),
                controlPlane.adminKubeconfig().toString(),
                OperatorProcess.NAMESPACE),
            Map.of());
    process.start();
    kubectl(
        controlPlane, "wait", "--for=condition=Ready", "--timeout=60s", "clusterissuer", "hosts");
    return new CertManager(controlPlane, process);
  }

  /** Ends it, and removes what {@link #start} has made. */
  @Override
  public void close() {
    process.terminate(Duration.ofSeconds(30));
    kubectl(controlPlane, "delete", "clusterissuer", "hosts");
    kubectl(controlPlane, "delete", "secret,configmap", CONFIG_MAP, IN_NAMESPACE);
    kubectl(controlPlane, "delete", "-f", Recipes.certManager().resolve("crds").toString());
  }

  private static void kubectl(ControlPlane controlPlane, String... arguments) {
    controlPlane.kubectl(arguments).orThrow();
  }
}
