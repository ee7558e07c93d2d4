package dev.drover.operator.node;

import dev.drover.api.v1alpha1.Condition;
import dev.drover.api.v1alpha1.ConditionType;
import dev.drover.api.v1alpha1.HypervisorNode;
import dev.drover.api.v1alpha1.Reason;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * Whether a node can take part in migrations: its daemon lives and reaches its libvirt.
 *
 * @param since when it became unready; for a ready node, when its daemon was last heard of
 * @param recheckAfter when it would be found lost if nothing more were heard of it
 */
public record Readiness(
    boolean ready, Reason reason, String message, Instant since, Optional<Duration> recheckAfter) {

  public static Readiness of(
      HypervisorNode node, Optional<Instant> lastHeartbeat, Duration expiry, Instant now) {
    String name = node.getMetadata().getName();
    Instant created =
        Optional.ofNullable(node.getMetadata().getCreationTimestamp())
            .map(Instant::parse)
            .orElse(now);
    if (lastHeartbeat.isEmpty()) {
      return unready(
          Reason.HeartbeatLost,
          "The daemon of " + name + " has never been heard of.",
          created,
          Optional.empty());
    }
    Instant expires = lastHeartbeat.get().plus(expiry);
    boolean fenced = node.getSpec() != null && node.getSpec().saidToBeFenced();
    if (!expires.isAfter(now)) {
      // INVARIANT: the only way to HostFenced. Two that know nothing of each other say that nothing
      // runs there: the admin, and the daemon by its silence.
      if (fenced) {
        return unready(
            Reason.HostFenced,
            "An admin says that " + name + " is off, and its daemon is silent.",
            expires,
            Optional.empty());
      }
      return unready(
          Reason.HeartbeatLost,
          "The daemon of " + name + " has not renewed its Lease in time.",
          expires,
          Optional.empty());
    }
    Optional<Duration> recheck = Optional.of(Duration.between(now, expires));
    if (fenced) {
      return unready(
          Reason.FencedHostAlive,
          "spec.fenced says that " + name + " is off, but its daemon lives.",
          lastHeartbeat.get(),
          recheck);
    }
    Optional<Condition> libvirt =
        node.getStatus() == null
            ? Optional.empty()
            : node.getStatus().condition(ConditionType.LibvirtConnected);
    if (libvirt.isEmpty() || !libvirt.get().isTrue()) {
      return unready(
          Reason.LibvirtUnavailable,
          "The daemon of " + name + " does not reach its libvirt.",
          libvirt.map(c -> Instant.parse(c.lastTransitionTime())).orElse(created),
          recheck);
    }
    return new Readiness(
        true,
        Reason.HeartbeatSeen,
        "The daemon of " + name + " lives and reaches its libvirt.",
        lastHeartbeat.get(),
        recheck);
  }

  /** Whether it is certain that nothing runs on the host. */
  public boolean fenced() {
    return reason == Reason.HostFenced;
  }

  private static Readiness unready(
      Reason reason, String message, Instant since, Optional<Duration> recheck) {
    return new Readiness(false, reason, message, since, recheck);
  }
}
