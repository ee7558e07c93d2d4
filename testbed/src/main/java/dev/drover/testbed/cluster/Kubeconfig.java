package dev.drover.testbed.cluster;

import io.fabric8.kubernetes.api.model.AuthInfo;
import io.fabric8.kubernetes.api.model.ConfigBuilder;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;

/** Writes kubeconfig files: one cluster, one user, one namespace. */
final class Kubeconfig {

  private Kubeconfig() {}

  static Path write(
      Path file, String server, Path certificateAuthority, AuthInfo user, String namespace) {
    try {
      var config =
          new ConfigBuilder()
              .addNewCluster()
              .withName("drover-testbed")
              .withNewCluster()
              .withServer(server)
              .withCertificateAuthorityData(
                  Base64.getEncoder().encodeToString(Files.readAllBytes(certificateAuthority)))
              .endCluster()
              .endCluster()
              .addNewUser()
              .withName("user")
              .withUser(user)
              .endUser()
              .addNewContext()
              .withName("drover-testbed")
              .withNewContext()
              .withCluster("drover-testbed")
              .withUser("user")
              .withNamespace(namespace)
              .endContext()
              .endContext()
              .withCurrentContext("drover-testbed")
              .build();
      Files.createDirectories(file.getParent());
      return Files.writeString(file, Serialization.asYaml(config));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
