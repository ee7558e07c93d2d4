package dev.drover.node.convergence;

import dev.drover.node.convergence.TransferPolicy.OnTimeout;
import dev.drover.node.convergence.TransferPolicy.Switchover;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Scanner;
import java.util.TreeMap;

/**
 * Reads a recorded transfer from standard input and prints what would be decided, and when, under
 * another policy perhaps. What the hypervisor would then have done can't be told from a recording:
 * after a decision that ends the transfer nothing more is printed.
 */
public final class Replay {
  private final TransferPolicy policy;
  private Duration allowed;

  Replay(TransferPolicy policy) {
    this.policy = policy;
    this.allowed = Convergence.firstDowntime(policy);
  }

  /** One decision that was made. */
  record Made(Sample by, Decision decision) {}

  List<Made> decisions(Iterable<TraceLine> trace) {
    var history = new History();
    List<Made> made = new ArrayList<>();
    for (TraceLine line : trace) {
      var sample = line.sample(allowed);
      history.add(sample);
      var decision = Convergence.decide(policy, history.samples());
      switch (decision) {
        case Decision.Continue() -> {}
        case Decision.AllowDowntime(var downtime, _) -> {
          allowed = downtime;
          made.add(new Made(sample, decision));
        }
        case Decision.StartPostCopy _, Decision.Pause _, Decision.GiveUp _ -> {
          made.add(new Made(sample, decision));
          return made;
        }
      }
    }
    return made;
  }

  public static void main(String[] arguments) {
    var options = options(arguments);
    var policy =
        new TransferPolicy(
            Duration.ofMillis(Long.parseLong(options.getOrDefault("max-downtime", "500"))),
            Duration.ofSeconds(Long.parseLong(options.getOrDefault("timeout", "3600"))),
            OnTimeout.valueOf(options.getOrDefault("on-timeout", "Abort")),
            Boolean.parseBoolean(options.getOrDefault("post-copy", "false")),
            Boolean.parseBoolean(options.getOrDefault("auto-converge", "false")),
            Switchover.Automatic);
    List<TraceLine> trace = new ArrayList<>();
    var lines = new Scanner(System.in, "UTF-8");
    while (lines.hasNextLine()) {
      var line = lines.nextLine();
      if (!line.isBlank()) {
        trace.add(TraceLine.parse(line));
      }
    }
    print(trace, new Replay(policy).decisions(trace), System.out);
  }

  /** {@code --max-downtime=500} and the like. */
  private static Map<String, String> options(String[] arguments) {
    Map<String, String> options = new TreeMap<>();
    for (String argument : arguments) {
      int equals = argument.indexOf('=');
      if (!argument.startsWith("--") || equals < 0) {
        throw new IllegalArgumentException("--name=value is expected, not " + argument);
      }
      options.put(argument.substring(2, equals), argument.substring(equals + 1));
    }
    return options;
  }

  private static void print(List<TraceLine> trace, List<Made> decisions, PrintStream out) {
    out.printf(
        Locale.ROOT,
        "%d looks, %.1f s, %d iterations%n",
        trace.size(),
        trace.isEmpty() ? 0 : trace.getLast().elapsed() / 1000.0,
        trace.stream().mapToInt(TraceLine::iteration).max().orElse(0));
    for (Made made : decisions) {
      out.printf(
          Locale.ROOT,
          "%7.1f s  iteration %3d  %6d MiB remain  %s%n",
          made.by().elapsed().toMillis() / 1000.0,
          made.by().iteration(),
          made.by().memoryRemainingBytes() >> 20,
          made.decision());
    }
    if (decisions.isEmpty()) {
      out.println("nothing is decided: it is left alone");
    }
  }
}
