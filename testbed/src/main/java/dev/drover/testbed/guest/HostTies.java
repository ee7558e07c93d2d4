package dev.drover.testbed.guest;

/**
 * What a guest's definition says of its host; empty strings: nothing.
 *
 * @param bridge that its network card is on
 * @param address of the guest's own, in the testbed's network; needs a bridge
 * @param listenAddress where its VNC server and a second serial port listen
 * @param cpuSet CPUs that it is pinned to
 */
public record HostTies(String bridge, String address, String listenAddress, String cpuSet) {
  public static final HostTies NONE = new HostTies("", "", "", "");

  public HostTies onBridge(String name, String guestAddress) {
    return new HostTies(name, guestAddress, listenAddress, cpuSet);
  }

  public HostTies listeningOn(String hostAddress) {
    return new HostTies(bridge, address, hostAddress, cpuSet);
  }

  public HostTies pinnedTo(String cpus) {
    return new HostTies(bridge, address, listenAddress, cpus);
  }
}
