package dev.drover.testbed;

import dev.drover.testbed.demo.Demo;
import dev.drover.testbed.demo.Instructions;
import java.util.List;

/**
 * The testbed for people: {@code up}, {@code down}, and {@code demo [--keep]}. See the script
 * {@code ./demo}.
 */
public final class TestbedMain {

  private static final int DEMO_HOSTS = 2;

  private TestbedMain() {}

  public static void main(String[] arguments) {
    List<String> words = List.of(arguments);
    int exitCode = 0;
    switch (words.isEmpty() ? "" : words.getFirst()) {
      case "up" -> up();
      case "down" -> Testbed.removeLeftOver();
      case "demo" -> exitCode = demo(words.contains("--keep"));
      default -> {
        System.err.println("usage: up | down | demo [--keep]");
        exitCode = 2;
      }
    }
    System.exit(exitCode);
  }

  private static void up() {
    Testbed testbed = Testbed.start(DEMO_HOSTS);
    testbed.installDrover();
    System.out.println(new Instructions(testbed).write());
    testbed.keep();
  }

  private static int demo(boolean keep) {
    Testbed testbed = Testbed.start(DEMO_HOSTS);
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
