package dev.drover.node.convergence;

import dev.drover.api.v1alpha1.Reason;
import dev.drover.node.convergence.TransferPolicy.OnTimeout;
import dev.drover.node.convergence.TransferPolicy.Switchover;
import java.time.Duration;
import java.util.List;

/**
 * From what is allowed and what was measured to what is done. A pure function.
 *
 * <p>QEMU switches once what remains can be sent within the allowed downtime, by its own count. So
 * that downtime is the lever. It starts low, which costs a guest that converges nothing and lets it
 * stand still for less. It is raised to the longest when that brings the end nearer, or when the
 * guest does not shrink by itself: from then on QEMU takes the first moment at which the rest fits,
 * also one that lies between two looks.
 */
public final class Convergence {
  /** What a stop takes beside sending what remains: docs/reference/convergence.md has figures. */
  static final Duration OVERHEAD = Duration.ofMillis(130);

  /** Of a short downtime the overhead may not eat up all. */
  private static final double LARGEST_RESERVE = 0.3;

  /** QEMU goes by the last 100 ms of the link, and the next ones may bring less. */
  private static final double STEADINESS_OF_LINK = 0.85;

  private static final double FIRST_SHARE = 0.2;

  /** The sooner passes end, the sooner QEMU sees that it has to throttle the guest. */
  private static final double FIRST_SHARE_WITH_AUTO_CONVERGE = 0.5;

  /** Ten ms of a link are less than QEMU sends between two counts. */
  private static final Duration SHORTEST = Duration.ofMillis(10);

  /** From here on the guest's writes eat up what the link brings. */
  private static final double HOPELESS_RATIO = 0.9;

  /** QEMU throttles from 0.5 on. */
  private static final double THROTTLE_RATIO = 0.4;

  /** A pass that leaves more than this of what the pass before left hardly brings it forward. */
  private static final double HARDLY = 0.6;

  /** A longer stop has to save this much of the time that it has taken so far. */
  private static final double WORTHWHILE = 0.01;

  /** Passes whose results a forecast needs, beside the first one over all memory. */
  private static final int PASSES_FOR_FORECAST = 2;

  /** What it takes to give up before the time is over. */
  private static final int PASSES_FOR_VERDICT = 3;

  private static final Duration EVIDENCE = Duration.ofSeconds(30);

  /** Who gives it much time is patient. */
  private static final int EVIDENCE_OF_TIMEOUT = 100;

  private static final double STEADY = 0.15;

  /** A guest that has been that near may get there by luck. */
  private static final double NEAR = 1.5;

  /** QEMU's most. */
  private static final int FULLY_THROTTLED = 99;

  private Convergence() {}

  /** The longest that libvirt is ever told: what is allowed, less what the stop itself takes. */
  public static Duration longestDowntime(TransferPolicy policy) {
    long allowed = policy.maxDowntime().toMillis();
    long reserve = stopTakes(policy).toMillis();
    return Duration.ofMillis(Math.max(1, (long) ((allowed - reserve) * STEADINESS_OF_LINK)));
  }

  /** What a stop takes beside sending, as far as it is reckoned with. */
  public static Duration stopTakes(TransferPolicy policy) {
    long allowed = policy.maxDowntime().toMillis();
    return Duration.ofMillis(Math.min(OVERHEAD.toMillis(), (long) (allowed * LARGEST_RESERVE)));
  }

  /** What libvirt is told before the transfer starts. */
  public static Duration firstDowntime(TransferPolicy policy) {
    var longest = longestDowntime(policy);
    double first = policy.autoConverge() ? FIRST_SHARE_WITH_AUTO_CONVERGE : FIRST_SHARE;
    var share = Duration.ofMillis((long) (longest.toMillis() * first));
    return min(longest, share.compareTo(SHORTEST) < 0 ? SHORTEST : share);
  }

  private static Duration min(Duration a, Duration b) {
    return a.compareTo(b) < 0 ? a : b;
  }

  /** {@code history} is in order of time, the newest sample last. */
  public static Decision decide(TransferPolicy policy, List<Sample> history) {
    if (history.isEmpty()) {
      return new Decision.Continue();
    }
    var now = history.getLast();
    // Before that libvirt copies disks, and can neither pause nor switch.
    boolean memoryIsOnItsWay = now.iteration() >= 1;
    if (memoryIsOnItsWay && policy.switchover() == Switchover.Pause) {
      return new Decision.Pause("spec.switchover is Pause");
    }
    if (memoryIsOnItsWay
        && policy.switchover() == Switchover.PostCopy
        && policy.postCopyPossible()) {
      return new Decision.StartPostCopy("spec.switchover is PostCopy");
    }
    if (now.elapsed().compareTo(policy.completionTimeout()) >= 0) {
      return atTheTimeout(policy, now, memoryIsOnItsWay);
    }
    var longest = longestDowntime(policy);
    if (now.allowedDowntime().compareTo(longest) > 0) {
      return new Decision.AllowDowntime(
          longest, "no more than " + policy.maxDowntime().toMillis() + " ms are allowed now");
    }
    return memoryIsOnItsWay ? steer(policy, new Outlook(history), now) : new Decision.Continue();
  }

  private static Decision steer(TransferPolicy policy, Outlook outlook, Sample now) {
    var passes = outlook.passes();
    var longest = longestDowntime(policy);
    boolean lower = now.allowedDowntime().compareTo(longest) < 0;
    if (lower && outlook.hardlyShrinks(HARDLY)) {
      return new Decision.AllowDowntime(
          longest,
          "a pass left "
              + mebibytes(passes.getLast().remainingBytes())
              + " MiB behind, the one before "
              + mebibytes(passes.get(passes.size() - 2).remainingBytes())
              + ": the first moment at which the rest fits is taken");
    }
    if (lower && policy.autoConverge() && !passes.isEmpty() && outlook.outruns(THROTTLE_RATIO)) {
      return new Decision.AllowDowntime(
          longest,
          rates(outlook) + ": the sooner a pass ends, the sooner QEMU throttles the guest");
    }
    double saved = outlook.secondsSavedBy(longest);
    if (lower && saved > WORTHWHILE * Outlook.seconds(now.elapsed())) {
      return new Decision.AllowDowntime(
          longest,
          "about "
              + mebibytes(outlook.remainingBytes())
              + " MiB remain, which fit into "
              + longest.toMillis()
              + " ms; to wait for less would take "
              + (Double.isInfinite(saved) ? "for ever" : Math.round(saved) + " s more"));
    }
    if (passes.size() <= PASSES_FOR_FORECAST) {
      return new Decision.Continue();
    }
    var left = policy.completionTimeout().minus(now.elapsed());
    boolean mayGetCalmer = policy.autoConverge() && now.throttlePercent() < FULLY_THROTTLED;
    if (policy.postCopyPossible() && !mayGetCalmer && outlook.outruns(HOPELESS_RATIO)) {
      return new Decision.StartPostCopy(rates(outlook) + ": pre-copy would hardly ever end");
    }
    var evidence = outlook.evidence(PASSES_FOR_VERDICT, patience(policy));
    if (evidence.isEmpty()
        || lower
        || mayGetCalmer
        || mayFitInTime(outlook, evidence.get(), longest, left)) {
      return new Decision.Continue();
    }
    if (policy.postCopyPossible()) {
      return new Decision.StartPostCopy(
          rates(outlook) + ": pre-copy would not end within " + left.toSeconds() + " s");
    }
    return switch (policy.onTimeout()) {
      case Pause -> pauseAtLeast(policy, outlook, now);
      case Abort, PostCopy ->
          isHopeless(outlook, evidence.get(), longest)
              ? new Decision.GiveUp(
                  Reason.WillNotConverge, hopeless(outlook, evidence.get(), longest))
              : new Decision.Continue();
    };
  }

  private static Duration patience(TransferPolicy policy) {
    var share = policy.completionTimeout().dividedBy(EVIDENCE_OF_TIMEOUT);
    return share.compareTo(EVIDENCE) > 0 ? share : EVIDENCE;
  }

  private static boolean mayFitInTime(
      Outlook outlook, List<Pass> evidence, Duration downtime, Duration left) {
    return Trend.of(evidence).secondsUntil((double) outlook.bytesWithin(downtime))
        <= Outlook.seconds(left);
  }

  /** A guest that writes in bursts may have a calm moment yet; one that goes on evenly has none. */
  private static boolean isHopeless(Outlook outlook, List<Pass> evidence, Duration longest) {
    double near = NEAR * outlook.bytesWithin(longest);
    return Trend.of(evidence).unsteadiness() <= STEADY
        && evidence.stream().allMatch(pass -> pass.remainingBytes() > near);
  }

  private static String hopeless(Outlook outlook, List<Pass> evidence, Duration longest) {
    return rates(outlook)
        + ": after each of the last "
        + (evidence.size() - 1)
        + " passes at least "
        + mebibytes(evidence.stream().mapToLong(Pass::remainingBytes).min().orElseThrow())
        + " MiB remained, and no more than "
        + mebibytes(outlook.bytesWithin(longest))
        + " MiB fit into "
        + longest.toMillis()
        + " ms; give it more bandwidth, a longer downtime, auto-converge, or allow post-copy";
  }

  /** In the last tenth of its time, where less remains than ever before. */
  private static Decision pauseAtLeast(TransferPolicy policy, Outlook outlook, Sample now) {
    var lastTenth = policy.completionTimeout().multipliedBy(9).dividedBy(10);
    if (now.elapsed().compareTo(lastTenth) >= 0
        && outlook.beginsPass()
        && now.memoryRemainingBytes() <= outlook.leastRemainingBytes() * 1.04) {
      return new Decision.Pause(
          "it will not be over within "
              + policy.completionTimeout().toSeconds()
              + " s, and less than these "
              + mebibytes(now.memoryRemainingBytes())
              + " MiB has hardly ever remained");
    }
    return new Decision.Continue();
  }

  private static Decision atTheTimeout(
      TransferPolicy policy, Sample now, boolean memoryIsOnItsWay) {
    var late = "not over after " + policy.completionTimeout().toSeconds() + " s";
    if (memoryIsOnItsWay && policy.onTimeout() == OnTimeout.Pause) {
      return new Decision.Pause(late);
    }
    if (memoryIsOnItsWay && policy.onTimeout() == OnTimeout.PostCopy && policy.postCopyPossible()) {
      return new Decision.StartPostCopy(late);
    }
    return new Decision.GiveUp(
        Reason.CompletionTimeout,
        late
            + ": "
            + mebibytes(now.memoryRemainingBytes())
            + " MiB of memory remain, sent at "
            + mebibytes(now.memoryBytesPerSecond())
            + " MiB/s while the guest writes "
            + mebibytes(now.dirtyBytesPerSecond())
            + " MiB/s; give it more bandwidth, a longer downtime, or allow post-copy");
  }

  private static String rates(Outlook outlook) {
    return "the guest writes "
        + mebibytes(outlook.dirtyBytesPerSecond())
        + " MiB/s, the link brings "
        + mebibytes(outlook.bytesPerSecond())
        + " MiB/s";
  }

  private static long mebibytes(long bytes) {
    return (bytes + (1 << 19)) >> 20;
  }
}
