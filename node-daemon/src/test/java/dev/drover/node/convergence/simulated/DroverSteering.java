package dev.drover.node.convergence.simulated;

import dev.drover.node.convergence.Convergence;
import dev.drover.node.convergence.Decision;
import dev.drover.node.convergence.History;
import dev.drover.node.convergence.Sample;
import dev.drover.node.convergence.TransferPolicy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The real thing. */
final class DroverSteering implements Strategy {
  private final TransferPolicy policy;
  private final History history = new History();
  private final List<String> decisions = new ArrayList<>();

  DroverSteering(TransferPolicy policy) {
    this.policy = policy;
  }

  @Override
  public String name() {
    return "Drover";
  }

  @Override
  public Duration firstDowntime() {
    return Convergence.firstDowntime(policy);
  }

  @Override
  public Duration interval() {
    return Duration.ofMillis(200);
  }

  /** What was decided, with the time. */
  List<String> decisions() {
    return decisions;
  }

  @Override
  public Action look(Sample sample) {
    history.add(sample);
    var decision = Convergence.decide(policy, history.samples());
    if (!(decision instanceof Decision.Continue)) {
      decisions.add(sample.elapsed().toMillis() / 1000.0 + " s: " + decision);
    }
    return switch (decision) {
      case Decision.Continue() -> new Action.Wait();
      case Decision.AllowDowntime(var downtime, _) -> new Action.Allow(downtime);
      case Decision.GiveUp _, Decision.Pause _, Decision.StartPostCopy _ -> new Action.GiveUp();
    };
  }
}
