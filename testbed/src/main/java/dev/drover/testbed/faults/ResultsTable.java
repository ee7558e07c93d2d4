package dev.drover.testbed.faults;

import dev.drover.testbed.process.Recipes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Makes the tables of docs/reliability.md from results files: {@code ./test faults --table
 * [FILE...]}.
 */
public final class ResultsTable {

  /** The moments, in the order of a migration; the columns. */
  public static final List<String> MOMENTS =
      List.of(
          "PreMigration",
          "Reservation",
          "DiskCopy",
          "RamCopy",
          "Switchover",
          "HandOver",
          "Commitment",
          "PostCopy");

  private static final List<String> STORAGES = List.of("Block", "Shared");
  private static final String BEGIN = "<!-- made by ./test faults --table: begin -->";
  private static final String END = "<!-- made by ./test faults --table: end -->";

  private final List<Result> results;

  public ResultsTable(List<Result> results) {
    this.results = List.copyOf(results);
  }

  public static void main(String[] files) throws IOException {
    List<Result> all = new ArrayList<>();
    if (files.length == 0) {
      all.addAll(new Results().all());
    }
    for (String file : files) {
      all.addAll(new Results(Path.of(file)).all());
    }
    Path page = Recipes.sourceTree().resolve("docs/reliability.md");
    String text = Files.readString(page);
    int begin = text.indexOf(BEGIN);
    int end = text.indexOf(END);
    if (begin < 0 || end < begin) {
      throw new IllegalStateException(page + " lacks its marks " + BEGIN + " and " + END);
    }
    Files.writeString(
        page,
        text.substring(0, begin + BEGIN.length())
            + "\n"
            + new ResultsTable(all).markdown()
            + text.substring(end));
    System.out.println(page + ": " + all.size() + " results");
  }

  /** Counts, a table for each kind of storage, the random schedules, and all that went wrong. */
  public String markdown() {
    var text = new StringBuilder();
    counts(text);
    for (String storage : STORAGES) {
      table(text, storage);
    }
    random(text);
    wrong(text);
    return text.toString();
  }

  private void counts(StringBuilder text) {
    long cells = cells().map(Result::cell).distinct().count();
    long well = results.stream().filter(Result::well).count();
    long two = results.stream().filter(result -> result.copies() > 1).count();
    text.append(
        """

        | | |
        |---|---|
        | different cells that were run | %d |
        | runs of them | %d |
        | random schedules | %d |
        | runs in which two copies were seen | %d |
        | runs in which all that is promised held | %d of %d |
        | from the end of the fault to the end of the migration | median %s s, 95 %% within %s s (n=%d) |
        | commits | %s |
        """
            .formatted(
                cells,
                cells().count(),
                results.size() - cells().count(),
                two,
                well,
                results.size(),
                quantile(0.5),
                quantile(0.95),
                results.stream().filter(result -> result.secondsToEnd() != null).count(),
                results.stream()
                    .map(Result::commit)
                    .distinct()
                    .sorted()
                    .collect(Collectors.joining(", "))));
  }

  private String quantile(double part) {
    List<Double> sorted =
        results.stream().map(Result::secondsToEnd).filter(Objects::nonNull).sorted().toList();
    return sorted.isEmpty()
        ? "-"
        : String.format(
            Locale.ROOT,
            "%.1f",
            sorted.get((int) Math.min(sorted.size() - 1L, Math.round(part * sorted.size()))));
  }

  private java.util.stream.Stream<Result> cells() {
    return results.stream().filter(result -> !isRandom(result));
  }

  private static boolean isRandom(Result result) {
    return result.cell().startsWith("random/");
  }

  private void table(StringBuilder text, String storage) {
    Map<String, List<Result>> byCell =
        cells().collect(Collectors.groupingBy(Result::cell, TreeMap::new, Collectors.toList()));
    text.append("\n### ").append(storage.equals("Block") ? "Disk copied" : "Disk shared");
    text.append("\n\n| fault | ").append(String.join(" | ", MOMENTS)).append(" |\n|---|");
    text.append("---|".repeat(MOMENTS.size())).append('\n');
    for (Fault fault : Fault.values()) {
      List<String> row = new ArrayList<>();
      for (String moment : MOMENTS) {
        row.add(cell(byCell.getOrDefault(moment + "/" + fault + "/" + storage, List.of())));
      }
      if (row.stream().anyMatch(cell -> !cell.isEmpty())) {
        text.append("| ").append(fault.description()).append(" | ");
        text.append(String.join(" | ", row)).append(" |\n");
      }
    }
  }

  /** As in "Moved 3, 0.4 s": how often, and the longest that the guest was not heard. */
  private static String cell(List<Result> runs) {
    if (runs.isEmpty()) {
      return "";
    }
    Map<String, Integer> outcomes = new LinkedHashMap<>();
    runs.forEach(run -> outcomes.merge(run.outcome(), 1, Integer::sum));
    String text =
        outcomes.entrySet().stream()
            .map(
                outcome ->
                    outcome.getValue() == 1
                        ? outcome.getKey()
                        : outcome.getKey() + " ×" + outcome.getValue())
            .collect(Collectors.joining(", "));
    long wrong = runs.stream().filter(run -> !run.well()).count();
    var silence =
        runs.stream().map(Result::silenceMilliseconds).filter(Objects::nonNull).max(Long::compare);
    return (wrong > 0 ? "**" + (wrong < runs.size() ? wrong + "× " : "") + "wrong**: " : "")
        + text
        + silence.map(ms -> String.format(Locale.ROOT, " %.1f s", ms / 1000.0)).orElse("");
  }

  private void random(StringBuilder text) {
    List<Result> random = results.stream().filter(ResultsTable::isRandom).toList();
    if (random.isEmpty()) {
      return;
    }
    Map<String, Long> outcomes =
        random.stream()
            .collect(Collectors.groupingBy(Result::outcome, TreeMap::new, Collectors.counting()));
    var seeds =
        random.stream()
            .mapToLong(result -> Long.parseLong(result.cell().split("/")[1]))
            .summaryStatistics();
    text.append("\n### Random schedules\n\n");
    text.append(
        "%d schedules, seeds %d to %d: %s; all that is promised held in %d.%n"
            .formatted(
                random.size(),
                seeds.getMin(),
                seeds.getMax(),
                outcomes,
                random.stream().filter(Result::well).count()));
  }

  private void wrong(StringBuilder text) {
    List<Result> wrong = results.stream().filter(result -> !result.well()).toList();
    text.append("\n### What went wrong\n\n");
    if (wrong.isEmpty()) {
      text.append("Nothing.\n");
      return;
    }
    text.append("| cell | hit at | what | commit |\n|---|---|---|---|\n");
    for (Result result : wrong) {
      text.append(
          "| %s | %s | %s | %s |%n"
              .formatted(
                  result.cell(),
                  result.hit(),
                  result.violations().stream()
                      .map(violation -> violation.replace("|", "/").replace("\n", " "))
                      .map(v -> v.length() > 240 ? v.substring(0, 240) + "..." : v)
                      .collect(Collectors.joining("; ")),
                  result.commit()));
    }
  }
}
