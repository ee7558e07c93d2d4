package dev.drover.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.testbed.cluster.ControlPlane;
import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.Recipes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Each file in {@code config/samples} does what its comment says, by the command that it names. */
@ApiTest
class SampleApiTest {
  private static final String COMMAND = "#   kubectl ";

  private final ControlPlane controlPlane;

  SampleApiTest(ControlPlane controlPlane) {
    this.controlPlane = controlPlane;
  }

  @BeforeEach
  void whatIsThereAlready() {
    controlPlane
        .kubectlWithInput(
            """
            {apiVersion: drover.dev/v1alpha1, kind: HypervisorNode, metadata: {name: n1}}
            ---
            {apiVersion: drover.dev/v1alpha1, kind: HypervisorNode, metadata: {name: n2}}
            """,
            "apply",
            "--server-side",
            "-f",
            "-")
        .orThrow();
  }

  @AfterEach
  void remove() {
    controlPlane.kubectl("delete", "lmig,hvn", "--all").orThrow();
  }

  @ParameterizedTest
  @MethodSource("samples")
  void commandsOfTheCommentWork(Path sample) throws IOException {
    if (sample.endsWith("livemigration-abort.yaml")) {
      shell("kubectl apply -f config/samples/livemigration-block.yaml");
    }
    var commands = commands(sample);
    assertThat(commands)
        .anyMatch(command -> command.contains("-f config/samples/" + sample.getFileName()));

    commands.forEach(this::shell);

    controlPlane.kubectl("get", "-f", sample.toString()).orThrow();
  }

  static Stream<Named<Path>> samples() throws IOException {
    try (var listed = Files.list(Recipes.sourceTree().resolve("config/samples"))) {
      return listed
          .sorted()
          .map(file -> Named.of(file.getFileName().toString(), file))
          .toList()
          .stream();
    }
  }

  private static List<String> commands(Path sample) throws IOException {
    return Files.readAllLines(sample).stream()
        .filter(line -> line.startsWith(COMMAND))
        .map(line -> line.substring(1).strip())
        .toList();
  }

  private void shell(String command) {
    Command.of(
            "bash",
            "-c",
            "cd '%s' && PATH='%s':$PATH && %s"
                .formatted(Recipes.sourceTree(), controlPlane.kubectlBinary().getParent(), command))
        .with(controlPlane.kubectlEnvironment(controlPlane.adminKubeconfig()))
        .run()
        .orThrow();
  }
}
