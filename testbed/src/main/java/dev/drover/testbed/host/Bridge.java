package dev.drover.testbed.host;

import dev.drover.testbed.process.Command;
import dev.drover.testbed.process.StateDirectory;

/**
 * The network that joins the hosts, the API server and the observer of the guests: a bridge of this
 * machine, with an address of its own and no way out.
 */
public final class Bridge {

  public static final String NAME = "drover0";

  /** Where the machine itself is reached: the API server, the observers. */
  public static final String ADDRESS = "10.98.0.254";

  /**
   * Its own, and not the lowest of its ports': that one's host may die, and for as long as the
   * others keep the old one in mind, some 15 s, they would reach nobody here.
   */
  private static final String HARDWARE_ADDRESS = "02:00:0a:62:00:fe";

  private Bridge() {}

  /** Makes it, and notes it so that it goes with the testbed. */
  public static void create(StateDirectory state) {
    state.noteLink(NAME);
    Command.of("ip", "link", "add", NAME, "address", HARDWARE_ADDRESS, "type", "bridge").output();
    Command.of("ip", "addr", "add", ADDRESS + "/24", "dev", NAME).output();
    Command.of("ip", "link", "set", NAME, "up").output();
  }

  static String addressOf(int hostNumber) {
    return "10.98.0." + hostNumber;
  }
}
