package dev.drover.node.watchdog;

/**
 * What an admin allows on this host.
 *
 * @param mayBreakConnections of a transfer, so that a dead peer does not keep its guest still
 * @param mayRestartLibvirt kill this host's libvirt daemon, if nothing else ends a call that does
 *     not return
 */
public record WatchdogPolicy(boolean mayBreakConnections, boolean mayRestartLibvirt) {
  public static final WatchdogPolicy DEFAULT = new WatchdogPolicy(true, false);
}
