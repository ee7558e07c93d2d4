package dev.drover.node.convergence.simulated;

import java.util.List;
import java.util.Locale;

/** The comparison as a table and as a plot. */
final class Report {
  private static final String BEGIN = "<!-- table: ComparisonTest -->\n";
  private static final String END = "<!-- end of table -->\n";
  private static final List<String> COLOURS =
      List.of("#8c8c8c", "#c9a227", "#e0c66b", "#5b8fb0", "#2a7f3e");
  private static final int WIDTH = 860;
  private static final int LEFT = 300;
  private static final int BAR = 9;
  private static final int GAP = 16;
  private static final int TOP = 64;

  /** A bar of this many seconds is as long as there is room for. */
  private static final double MOST_SECONDS = 4000;

  private static final double LEAST_SECONDS = 20;

  private Report() {}

  static String withTable(String page, List<Comparison.Row> rows) {
    int begin = page.indexOf(BEGIN) + BEGIN.length();
    int end = page.indexOf(END);
    if (begin < BEGIN.length() || end < begin) {
      throw new IllegalArgumentException("the page has no place for the table");
    }
    return page.substring(0, begin) + table(rows) + page.substring(end);
  }

  private static String table(List<Comparison.Row> rows) {
    var text = new StringBuilder();
    for (boolean autoConverge : new boolean[] {false, true}) {
      text.append("\n").append(autoConverge ? "With" : "Without").append(" auto-converge:\n\n");
      text.append("| guest writes |");
      rows.getFirst().results().forEach(r -> text.append(' ').append(r.strategy()).append(" |"));
      text.append("\n|---|").append("---|".repeat(rows.getFirst().results().size())).append("\n");
      for (var row : rows) {
        if (row.autoConverge() == autoConverge) {
          text.append("| ").append(row.guest().name()).append(" |");
          row.results().forEach(r -> text.append(' ').append(cell(r)).append(" |"));
          text.append("\n");
        }
      }
    }
    return text.append("\n").toString();
  }

  private static String cell(Comparison.Result result) {
    if (!result.moved()) {
      return String.format(Locale.ROOT, "gives up at %.0f s", result.seconds());
    }
    long downtime = result.worstDowntime().toMillis();
    return String.format(
        Locale.ROOT,
        "%.1f s, %s, %.1f GiB",
        result.seconds(),
        result.withinLimit() ? downtime + " ms" : "**" + downtime + " ms**",
        result.gibibytes());
  }

  /** Bars of seconds, on a logarithmic scale: filled if the guest moved within the limit. */
  static String plot(List<Comparison.Row> rows) {
    var body = new StringBuilder();
    int y = TOP;
    for (boolean autoConverge : new boolean[] {false, true}) {
      body.append(text(8, y, "bold", (autoConverge ? "with" : "without") + " auto-converge"));
      y += GAP;
      for (var row : rows) {
        if (row.autoConverge() != autoConverge) {
          continue;
        }
        body.append(text(8, y + 3 * BAR, "normal", row.guest().name()));
        for (int i = 0; i < row.results().size(); i++) {
          body.append(bar(y, COLOURS.get(i), row.results().get(i)));
          y += BAR;
        }
        y += GAP;
      }
      y += GAP;
    }
    var svg = new StringBuilder();
    svg.append(
        String.format(
            Locale.ROOT,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\""
                + " font-family=\"sans-serif\" font-size=\"11\">%n",
            WIDTH,
            y));
    svg.append("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n");
    int x = 8;
    for (int i = 0; i < COLOURS.size(); i++) {
      var name = rows.getFirst().results().get(i).strategy();
      svg.append(
          String.format(
              Locale.ROOT,
              "<rect x=\"%d\" y=\"8\" width=\"10\" height=\"10\" fill=\"%s\"/>%n",
              x,
              COLOURS.get(i)));
      svg.append(text(x + 14, 17, "normal", name));
      x += 40 + 6 * name.length();
    }
    svg.append(
        text(
            8,
            36,
            "normal",
            "Seconds until the guest runs at the target. Hollow: given up. Striped: stood still for"
                + " longer than the 500 ms that are allowed."));
    svg.append(
        "<defs><pattern id=\"over\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\""
            + " patternTransform=\"rotate(45)\"><rect width=\"3\" height=\"6\""
            + " fill=\"#b03030\"/></pattern></defs>\n");
    for (int seconds : new int[] {30, 50, 100, 200, 500, 1000, 3000}) {
      svg.append(
          String.format(
              Locale.ROOT,
              "<line x1=\"%1$.1f\" y1=\"%2$d\" x2=\"%1$.1f\" y2=\"%3$d\" stroke=\"#dddddd\"/>%n",
              LEFT + length(seconds),
              TOP - 8,
              y));
      svg.append(text((int) (LEFT + length(seconds)) - 8, TOP - 12, "normal", seconds + " s"));
    }
    return svg.append(body).append("</svg>\n").toString();
  }

  private static double length(double seconds) {
    return (WIDTH - LEFT - 70)
        * Math.log(Math.max(seconds, LEAST_SECONDS) / LEAST_SECONDS)
        / Math.log(MOST_SECONDS / LEAST_SECONDS);
  }

  private static String bar(int y, String colour, Comparison.Result result) {
    var bar =
        String.format(
            Locale.ROOT,
            "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" stroke=\"%s\" fill=\"%s\"/>%n",
            LEFT,
            y,
            length(result.seconds()),
            BAR - 2,
            colour,
            result.moved() ? colour : "none");
    if (result.moved() && !result.withinLimit()) {
      bar +=
          String.format(
              Locale.ROOT,
              "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"url(#over)\"/>%n",
              LEFT,
              y,
              length(result.seconds()),
              BAR - 2);
    }
    return bar
        + String.format(
            Locale.ROOT,
            "<text x=\"%.1f\" y=\"%d\" font-size=\"8\">%.0f</text>%n",
            LEFT + length(result.seconds()) + 4,
            y + BAR - 2,
            result.seconds());
  }

  private static String text(int x, int y, String weight, String text) {
    return String.format(
        Locale.ROOT, "<text x=\"%d\" y=\"%d\" font-weight=\"%s\">%s</text>%n", x, y, weight, text);
  }
}
