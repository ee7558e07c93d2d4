package dev.drover.testbed;

import dev.drover.testbed.demo.Demo;
import dev.drover.testbed.demo.Instructions;
import java.util.List;

/**
 * The testbed for people: {@code up [--processes]}, {@code down}, and {@code demo [--keep]
 * [--processes]}. See the script {@code ./demo}.
 */
public final class TestbedMain {

  private static final int DEMO_HOSTS = 2;

  private TestbedMain() {}

  public static void main(String[] arguments) {
    List<String> words = List.of(arguments);
    int exitCode = 0;
    switch (words.isEmpty() ? "" : words.getFirst()) {
      case "up" -> up(start(words));
      case "down" -> Testbed.removeLeftOver();
      case "demo" -> exitCode = demo(start(words), words.contains("--keep"));
      default -> {
        System.err.println("usage: up [--processes] | down | demo [--keep] [--processes]");
        exitCode = 2;
      }
    }
    System.exit(exitCode);
  }

  private static Testbed start(List<String> words) {
    return words.contains("--processes")
        ? Testbed.start(DEMO_HOSTS)
        : Testbed.startWithNodes(DEMO_HOSTS);
  }

  private static void up(Testbed testbed) {
    testbed.installDrover();
    System.out.println(new Instructions(testbed).write());
    testbed.keep();
  }

  private static int demo(Testbed testbed, boolean keep) {
    // A person who stops it gets a clean machine back.
    var removal = new Thread(testbed::close, "removal of the testbed");
    Runtime.getRuntime().addShutdownHook(removal);
    boolean succeeded = new Demo(testbed, System.out).show();
    if (keep) {
      Runtime.getRuntime().removeShutdownHook(removal);
      System.out.println(new Instructions(testbed).write());
      testbed.keep();
    }
    return succeeded ? 0 : 1;
  }
}
