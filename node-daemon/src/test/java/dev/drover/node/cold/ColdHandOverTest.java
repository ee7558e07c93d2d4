package dev.drover.node.cold;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.cold.ColdHandOver.Verdict;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.FakeHypervisor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class ColdHandOverTest {
  private static final UUID DOMAIN = UUID.fromString("5b0a1e52-0000-4000-8000-000000000001");

  private static Optional<DomainState> in(Run run) {
    return Optional.of(FakeHypervisor.in(FakeHypervisor.running(DOMAIN, "web"), run, "x"));
  }

  private static Optional<DomainState> notPersistent(Run run) {
    return in(run)
        .map(
            d ->
                new DomainState(
                    d.uuid(),
                    d.name(),
                    d.run(),
                    d.reasonText(),
                    false,
                    d.memoryBytes(),
                    d.vcpus(),
                    null));
  }

  private static List<Optional<DomainState>> all() {
    List<Optional<DomainState>> all = new ArrayList<>(List.of(Optional.empty()));
    for (Run run : Run.values()) {
      all.add(in(run));
      all.add(notPersistent(run));
    }
    return all;
  }

  @Test
  void theTable() {
    var off = in(Run.ShutOff);
    var running = in(Run.Running);
    assertThat(ColdHandOver.decide(off, Optional.empty())).isEqualTo(Verdict.DefineThere);
    assertThat(ColdHandOver.decide(off, notPersistent(Run.ShutOff))).isEqualTo(Verdict.DefineThere);
    assertThat(ColdHandOver.decide(off, off)).isEqualTo(Verdict.RemoveHere);
    assertThat(ColdHandOver.decide(off, running)).isEqualTo(Verdict.RemoveHere);
    assertThat(ColdHandOver.decide(Optional.empty(), off)).isEqualTo(Verdict.Arrived);
    assertThat(ColdHandOver.decide(Optional.empty(), running)).isEqualTo(Verdict.Arrived);
    assertThat(ColdHandOver.decide(running, Optional.empty())).isEqualTo(Verdict.Stays);
    assertThat(ColdHandOver.decide(running, off)).isEqualTo(Verdict.Stays);
    assertThat(ColdHandOver.decide(running, running)).isEqualTo(Verdict.Wait);
    assertThat(ColdHandOver.decide(Optional.empty(), Optional.empty())).isEqualTo(Verdict.Lost);
  }

  @Test
  void theLastDefinitionIsNeverRemovedAndAnActiveGuestNeverLeft() {
    for (var here : all()) {
      for (var there : all()) {
        switch (ColdHandOver.decide(here, there)) {
          case RemoveHere -> {
            assertThat(there.filter(DomainState::persistent)).isPresent();
            assertThat(here.orElseThrow().run()).isEqualTo(Run.ShutOff);
          }
          case DefineThere -> {
            assertThat(here.orElseThrow().run()).isEqualTo(Run.ShutOff);
            assertThat(there.filter(DomainState::persistent)).isEmpty();
          }
          case Stays -> {
            assertThat(here.filter(d -> d.run() != Run.ShutOff)).isPresent();
            assertThat(there.filter(d -> d.run() != Run.ShutOff)).isEmpty();
          }
          case Arrived -> {
            assertThat(here).isEmpty();
            assertThat(there).isPresent();
          }
          case Wait, Lost -> {}
        }
      }
    }
  }
}
