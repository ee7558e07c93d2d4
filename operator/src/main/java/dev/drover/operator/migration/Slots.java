package dev.drover.operator.migration;

import java.util.Set;
import java.util.stream.Stream;

/**
 * Who may use a node's slots. A slot is taken by every migration that has passed Pending, on both
 * of its nodes. Free ones go first to a higher {@code spec.priority}, then to those that have
 * waited longer.
 */
public final class Slots {
  private final MigrationContext context;
  private final Peer self;

  public Slots(MigrationContext context) {
    this.context = context;
    this.self = context.self();
  }

  /** Name of a node's incoming slots, in {@link Peer#waitingFor}. */
  public static String incomingOf(String node) {
    return node + "/incoming";
  }

  /** Name of a node's outgoing slots, in {@link Peer#waitingFor}. */
  public static String outgoingOf(String node) {
    return node + "/outgoing";
  }

  public long incoming(String node) {
    return moving().filter(p -> node.equals(p.targetNode())).count();
  }

  public long outgoing(String node) {
    return moving().filter(p -> node.equals(p.sourceNode())).count();
  }

  /** A dry run moves nothing, and takes no slot. */
  private Stream<Peer> moving() {
    return context.peers().stream().filter(p -> !p.dryRun());
  }

  public boolean incomingFree(NodeFacts node) {
    return node.maxIncoming() - incoming(node.name()) > servedBefore(incomingOf(node.name()));
  }

  public boolean outgoingFree(NodeFacts node) {
    return node.maxOutgoing() - outgoing(node.name()) > servedBefore(outgoingOf(node.name()));
  }

  /** 1 for the next to get one of {@code slots}. */
  public int position(Set<String> slots) {
    return 1
        + (int)
            context.peers().stream()
                .filter(p -> p.isServedBefore(self))
                .filter(p -> p.waitingFor().stream().anyMatch(slots::contains))
                .count();
  }

  private long servedBefore(String slot) {
    return context.peers().stream()
        .filter(p -> p.isServedBefore(self) && p.waitingFor().contains(slot))
        .count();
  }
}
