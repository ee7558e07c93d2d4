package dev.drover.operator.migration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.Phase;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport;
import dev.drover.api.v1alpha1.TargetReport;
import dev.drover.api.v1alpha1.VirtualMachineStatus.State;
import dev.drover.operator.migration.phase.Step;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What is sent, against files. {@code -Dgolden.update=true} writes them; read the difference before
 * you commit it.
 */
class StatusFactoryTest {
  private static final Path GOLDEN = Path.of("src/test/resources/status");
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  private static Map<String, Facts> cases() {
    return Map.of(
        "becomes-pre-migration", Facts.in(Phase.Pending),
        "waits-for-a-slot",
            Facts.in(Phase.Pending)
                .peer("p", "a", Phase.PreCopy, "hv8", "hv2", 5)
                .peer("q", "b", Phase.PreCopy, "hv9", "hv2", 5),
        "fails-in-pending", Facts.in(Phase.Pending).noMachine(),
        "takes-the-next-target",
            Facts.in(Phase.PreMigration)
                .node("hv3")
                .source(SourceReport.State.Inspected)
                .target(TargetReport.State.Refused, "CpuIncompatible"),
        "cleans-up",
            Facts.in(Phase.PreCopy)
                .source(SourceReport.State.Stopped, "TransferFailed")
                .target(TargetReport.State.Reserved)
                .after(Duration.ofSeconds(5)),
        "is-stalled",
            Facts.in(Phase.PreCopy)
                .failure(Reason.AbortRequested)
                .source(SourceReport.State.Stopped)
                .target(TargetReport.State.Reserved)
                .after(Duration.ofSeconds(61)),
        "is-aborted",
            Facts.in(Phase.PreCopy)
                .failure(Reason.AbortRequested)
                .source(SourceReport.State.Stopped)
                .target(TargetReport.State.Clean),
        "commits",
            Facts.in(Phase.PreCopy)
                .source(SourceReport.State.Switched)
                .seen(Facts.sighting("hv2", State.Running))
                .after(Duration.ofSeconds(2)),
        "succeeds",
            Facts.in(Phase.Commitment)
                .source(SourceReport.State.CleanedUp)
                .after(Duration.ofSeconds(3)));
  }

  static Stream<String> names() {
    return cases().keySet().stream().sorted();
  }

  @ParameterizedTest
  @MethodSource("names")
  void isAsRecorded(String name) throws IOException {
    MigrationContext context = cases().get(name).context();
    LiveMigrationStatus next = StatusFactory.next(context, Step.first(context));
    String json = JSON.writeValueAsString(next) + "\n";
    Path file = GOLDEN.resolve(name + ".json");
    if (Boolean.getBoolean("golden.update")) {
      Files.writeString(file, json);
    }
    assertThat(json).isEqualTo(Files.readString(file));
  }

  @Test
  void everyFileIsUsed() throws IOException {
    try (Stream<Path> files = Files.list(GOLDEN)) {
      assertThat(files.map(f -> f.getFileName().toString().replace(".json", "")))
          .containsExactlyInAnyOrderElementsOf(names().toList());
    }
  }

  /** A field that is added to the API must be decided on here, or an apply would remove it. */
  @Test
  void knowsEveryFieldOfTheStatus() {
    Set<String> all =
        Arrays.stream(LiveMigrationStatus.class.getRecordComponents())
            .map(c -> c.getName())
            .collect(Collectors.toCollection(TreeSet::new));
    assertThat(all)
        .containsExactlyInAnyOrder(
            // the operator's
            "observedGeneration",
            "phase",
            "conditions",
            "sourceNode",
            "targetNode",
            "attempt",
            "attempts",
            "domainUuid",
            "queue",
            "phases",
            "candidates",
            "failure",
            "result",
            // the daemons'
            "progress",
            "forecast",
            "tuning",
            "decisions",
            "source",
            "target");
  }

  @Test
  void refusesToGoBack() {
    MigrationContext context = Facts.in(Phase.PreCopy).context();
    Progress back = Progress.become(Phase.Reservation, Reason.Reserving, "Back.", Changes.NONE);
    assertThatThrownBy(() -> StatusFactory.next(context, back))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aConditionKeepsItsTransitionTimeWhileItsStatusStays() {
    Condition before =
        Condition.of(
            ConditionType.Ready, Condition.FALSE, Reason.Checking, "Checks.", Facts.T0, 1L);
    var later = Facts.T0.plusSeconds(9);
    Condition same =
        Condition.of(ConditionType.Ready, Condition.FALSE, Reason.Reserving, "Other.", later, 2L);
    Condition changed =
        Condition.of(ConditionType.Ready, Condition.TRUE, Reason.Succeeded, "Good.", later, 2L);
    assertThat(same.replacing(before).lastTransitionTime()).isEqualTo(Facts.T0.toString());
    assertThat(same.replacing(before).reason()).isEqualTo("Reserving");
    assertThat(changed.replacing(before).lastTransitionTime()).isEqualTo(later.toString());
  }

  @Test
  void whatWasWrittenIsRecognisedAsItIsReadBack() {
    for (Facts facts : cases().values()) {
      MigrationContext context = facts.context();
      LiveMigrationStatus first = StatusFactory.next(context, Step.first(context));
      var migration = context.migration();
      migration.setStatus(
          LiveMigrationStatus.builder()
              .observedGeneration(first.observedGeneration())
              .phase(first.phaseValue())
              .conditions(first.conditions())
              .sourceNode(first.sourceNode())
              .targetNode(first.targetNode())
              .domainUuid(first.domainUuid())
              .queue(first.queue())
              .phases(first.phases())
              .candidates(first.candidates())
              .failure(first.failure())
              .result(first.result())
              .build());
      assertThat(StatusFactory.owned(migration.getStatus())).isEqualTo(first);
    }
  }
}
