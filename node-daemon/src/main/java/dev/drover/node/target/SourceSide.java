package dev.drover.node.target;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.node.hypervisor.PeerAddress;
import java.util.Optional;

/** What the target's daemon has to know of the other side to finish a hand-over in its place. */
public interface SourceSide {
  SourceSide NONE =
      new SourceSide() {
        @Override
        public Optional<PeerAddress> addressOf(String nodeName) {
          return Optional.empty();
        }

        @Override
        public Optional<LiveMigration> now(LiveMigration migration) {
          return Optional.empty();
        }
      };

  /** Where that node's libvirt is reached. */
  Optional<PeerAddress> addressOf(String nodeName);

  /** The object as the API server has it now; empty if that can't be learned. */
  Optional<LiveMigration> now(LiveMigration migration);
}
