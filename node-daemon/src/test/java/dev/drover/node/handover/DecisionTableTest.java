package dev.drover.node.handover;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.handover.Evidence.Call;
import dev.drover.node.handover.Evidence.Release;
import dev.drover.node.handover.Evidence.SourceView;
import dev.drover.node.handover.Evidence.TargetView;
import dev.drover.node.handover.Evidence.Written;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.StringJoiner;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The decision table of docs/explanation/hand-over.md is what {@link HandOver} says, row by row. To
 * write it anew: {@code mvn test -pl node-daemon -am -Dtest=DecisionTableTest -Dupdate=true}.
 */
class DecisionTableTest {
  private static final String BEGIN = "<!-- table: DecisionTableTest -->\n";
  private static final String END = "<!-- end of the table -->\n";

  private record Source(String words, boolean gone, Release release, SourceView view) {}

  private static final List<Source> SOURCES =
      List.of(
          new Source("gone, and released (seen)", true, Release.Seen, SourceView.Inactive),
          new Source(
              "gone, and released (undefined)", true, Release.Undefined, SourceView.Inactive),
          new Source("gone, and released (told)", true, Release.Told, SourceView.Inactive),
          new Source("gone", true, Release.None, SourceView.Inactive),
          new Source("runs, or as its owner left it", false, Release.None, SourceView.AsBefore),
          new Source("held for the switchover", false, Release.None, SourceView.HeldForMigration),
          new Source("held for post-copy", false, Release.None, SourceView.HeldForPostCopy),
          new Source("ending", false, Release.None, SourceView.Inactive),
          new Source("can't be asked", false, Release.None, SourceView.Unknown));

  private static String words(TargetView target) {
    return switch (target) {
      case Absent -> "absent";
      case Incoming -> "incoming";
      case CompleteAndHeld -> "complete and held";
      case Runs -> "runs";
      case ArrivedAndOff -> "defined, shut off";
      case Discarded -> "given up by its libvirt";
      case RunsPostCopy -> "runs, in post-copy";
      case HostFenced -> "its host is fenced";
      case Unknown -> "can't be asked";
    };
  }

  private static String words(Verdict verdict) {
    return switch (verdict) {
      case Verdict.ResumeTarget() -> "**resume the target**";
      case Verdict.Switched() -> "switched";
      case Verdict.Stopped() -> "stopped: the guest is here";
      case Verdict.GuestLost _ -> "the guest is lost";
      case Verdict.Start() -> "**start** the transfer";
      case Verdict.DiscardTarget() -> "**destroy the target's half**, look again";
      case Verdict.ResumeSource() -> "**let the source go on**";
      case Verdict.EndSource() -> "**end the source's half**";
      case Verdict.Wait(var because) -> "wait: " + because;
    };
  }

  private record Row(String source, String targets, String open, String failed, String ok) {}

  private static List<Row> rows(Function<Evidence, Evidence> variant) {
    return SOURCES.stream()
        .flatMap(
            source -> {
              Map<List<String>, List<TargetView>> alike = new LinkedHashMap<>();
              for (var target : TargetView.values()) {
                var outcome =
                    Stream.of(Call.Open, Call.Failed, Call.Succeeded)
                        .map(call -> variant.apply(evidence(source, target, call)))
                        .map(HandOver::decide)
                        .map(DecisionTableTest::words)
                        .toList();
                alike.computeIfAbsent(outcome, _ -> new java.util.ArrayList<>()).add(target);
              }
              return alike.entrySet().stream()
                  .map(
                      e ->
                          new Row(
                              source.words(),
                              targets(e.getValue()),
                              e.getKey().get(0),
                              e.getKey().get(1),
                              e.getKey().get(2)));
            })
        .toList();
  }

  private static Evidence evidence(Source source, TargetView target, Call call) {
    return new Evidence(
        source.gone(), source.release(), source.view(), target, call, false, true, Written.Started);
  }

  private static String targets(List<TargetView> targets) {
    return targets.size() == TargetView.values().length
        ? "anything"
        : targets.stream().map(DecisionTableTest::words).collect(Collectors.joining("; "));
  }

  private static String table() {
    var text = new StringJoiner("\n", "", "\n");
    var fenced = rows(e -> e);
    header(text);
    fenced.forEach(row -> line(text, row));
    differences(
        text,
        "With `commit: Direct` the target may have run by itself; these rows differ:",
        fenced,
        rows(
            e ->
                new Evidence(
                    e.sourceProcessGone(),
                    e.release(),
                    e.source(),
                    e.target(),
                    e.call(),
                    false,
                    false,
                    Written.Started)));
    differences(
        text,
        "Of a guest that its owner had paused, these rows differ:",
        fenced,
        rows(
            e ->
                new Evidence(
                    e.sourceProcessGone(),
                    e.release(),
                    e.source(),
                    e.target(),
                    e.call(),
                    true,
                    true,
                    Written.Started)));
    differences(
        text,
        "If status says no more than that a transfer would be started (`Transferring`, no progress), these rows differ:",
        fenced,
        rows(
            e ->
                new Evidence(
                    e.sourceProcessGone(),
                    e.release(),
                    e.source(),
                    e.target(),
                    e.call(),
                    false,
                    true,
                    Written.Intended)));
    return text.toString();
  }

  private static void differences(
      StringJoiner text, String title, List<Row> usual, List<Row> others) {
    text.add("").add(title).add("");
    header(text);
    others.stream().filter(row -> !usual.contains(row)).forEach(row -> line(text, row));
  }

  private static void header(StringJoiner text) {
    text.add(
            "| at the source | at the target | libvirt's call is open | it has failed | it has succeeded |")
        .add("|---|---|---|---|---|");
  }

  private static void line(StringJoiner text, Row row) {
    text.add(
        "| %s | %s | %s | %s | %s |"
            .formatted(
                row.source(),
                row.targets(),
                row.open(),
                row.failed().equals(row.open()) ? "the same" : row.failed(),
                row.ok().equals(row.failed()) ? "the same" : row.ok()));
  }

  @Test
  void theDocsHaveTheTable() throws IOException {
    var page = page();
    var text = Files.readString(page);
    int from = text.indexOf(BEGIN) + BEGIN.length();
    int to = text.indexOf(END);
    assertThat(text).contains(BEGIN, END);
    if (Boolean.getBoolean("update")) {
      Files.writeString(page, text.substring(0, from) + table() + text.substring(to));
      return;
    }
    assertThat(text.substring(from, to))
        .as("run this test with -Dupdate=true to write the table anew")
        .isEqualTo(table());
  }

  /** A combination of what there is, that nobody thought of, would show up as an exception. */
  @Test
  void everyCombinationHasAnAnswer() {
    var kinds =
        HandOverTest.everything()
            .map(HandOver::decide)
            .map(v -> v.getClass().getSimpleName())
            .collect(Collectors.toCollection(TreeSet::new));
    assertThat(kinds)
        .containsExactlyElementsOf(
            Arrays.stream(Verdict.class.getPermittedSubclasses())
                .map(Class::getSimpleName)
                .sorted()
                .toList());
  }

  private static Path page() {
    return Stream.iterate(Path.of("").toAbsolutePath(), p -> p != null, Path::getParent)
        .map(p -> p.resolve("docs/explanation/hand-over.md"))
        .filter(Files::exists)
        .findFirst()
        .or(Optional::empty)
        .orElseThrow();
  }
}
