package dev.drover.e2e;

import dev.drover.testbed.Testbed;

/** A process of Drover that a test kills without a word of warning, and starts again. */
enum Victim {
  Operator,
  SourceDaemon,
  TargetDaemon;

  /** The source is n1, the target n2. */
  void killAndStart(Testbed testbed) {
    switch (this) {
      case Operator -> {
        testbed.operator().kill();
        testbed.operator().start();
      }
      case SourceDaemon -> restart(testbed, "n1");
      case TargetDaemon -> restart(testbed, "n2");
    }
  }

  private static void restart(Testbed testbed, String host) {
    testbed.host(host).daemon().kill();
    testbed.host(host).daemon().start();
  }
}
