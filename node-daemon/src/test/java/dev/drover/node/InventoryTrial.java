package dev.drover.node;

import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.hypervisor.HypervisorListener.DomainEvent;
import dev.drover.node.hypervisor.PoolState;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.UUID;

/**
 * The daemon on a host in memory and a real API server, driven by lines of standard input: {@code
 * put <uuid> <name> <run> [namespace]}, {@code become <uuid> <run>}, {@code remove <uuid>}, {@code
 * connected true|false}, {@code available <bytes>}. Not a test: for trying things by hand.
 */
final class InventoryTrial {
  private InventoryTrial() {}

  public static void main(String[] args) throws IOException {
    var hypervisor = new FakeHypervisor(Clock.systemUTC());
    hypervisor.putPool(new PoolState("default", true, true, 100L << 30, 50L << 30));
    int guests = Integer.getInteger("trial.guests", 0);
    for (int i = 0; i < guests; i++) {
      hypervisor.put(FakeHypervisor.running(new UUID(0x4000, (1L << 63) + i), "guest-" + i));
    }
    DaemonMain.run(DaemonConfig.from(System.getenv()), _ -> hypervisor);
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (var line = in.readLine(); line != null; line = in.readLine()) {
      obey(hypervisor, line.split(" "));
    }
  }

  private static void obey(FakeHypervisor hypervisor, String[] words) {
    switch (words[0]) {
      case "put" ->
          hypervisor.put(
              new DomainState(
                  UUID.fromString(words[1]),
                  words[2],
                  Run.valueOf(words[3]),
                  "booted",
                  true,
                  1L << 30,
                  2,
                  words.length > 4 ? words[4] : null),
              DomainEvent.Started);
      case "become" ->
          hypervisor.become(
              UUID.fromString(words[1]), Run.valueOf(words[2]), "trial", DomainEvent.Other);
      case "remove" -> hypervisor.remove(UUID.fromString(words[1]), DomainEvent.Undefined);
      case "connected" -> hypervisor.setConnected(Boolean.parseBoolean(words[1]));
      case "available" ->
          hypervisor.putPool(
              new PoolState("default", true, true, 100L << 30, Long.parseLong(words[1])));
      default -> throw new IllegalArgumentException(words[0]);
    }
  }
}
