package dev.drover.node.report;

import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.node.report.StatusApplier.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What one role of this daemon has to say, per migration. The newest word wins: a word that was not
 * written before the next came is never written. Nobody who speaks waits for the API server,
 * however long it is away.
 *
 * <ul>
 *   <li>{@link Urgency#Now}: written at once; a failed or refused write is repeated until it is
 *       obsolete or the object is gone.
 *   <li>{@link Urgency#Eventually}: written at most every {@link #PROGRESS_INTERVAL} per migration.
 * </ul>
 *
 * {@link #newest} is what was said last, written or not: a role goes by it rather than by a cache
 * that lags behind.
 */
public final class ReportQueue {
  /** DESIGN.md 4: one progress write every 2 s. */
  public static final Duration PROGRESS_INTERVAL = Duration.ofSeconds(2);

  private static final Duration RETRY_AFTER = Duration.ofMillis(500);

  /** An API server that has just started refuses what it will take a moment later. */
  private static final Duration RETRY_REFUSED_AFTER = Duration.ofSeconds(10);

  /** When a word has to be written. */
  public enum Urgency {
    Now,
    Eventually
  }

  private final String fieldManager;
  private final StatusApplier applier;
  private final ScheduledExecutorService executor;
  private final InstantSource clock;
  private final Map<String, Entry> entries = new HashMap<>();

  /** {@code executor} is where writes happen; the queue never has two for one migration at once. */
  public ReportQueue(
      String fieldManager,
      StatusApplier applier,
      ScheduledExecutorService executor,
      InstantSource clock) {
    this.fieldManager = fieldManager;
    this.applier = applier;
    this.executor = executor;
    this.clock = clock;
  }

  private static final class Entry {
    final MigrationRef ref;
    LiveMigrationStatus newest;
    boolean dirty;
    boolean urgent;
    boolean busy;
    boolean scheduled;
    boolean forgotten;
    @Nullable Instant lastWrite;
    CompletableFuture<Outcome> written = new CompletableFuture<>();

    Entry(MigrationRef ref, LiveMigrationStatus newest) {
      this.ref = ref;
      this.newest = newest;
    }
  }

  /**
   * Says {@code ownFields}. The future completes when they, or something newer, have been written,
   * or never will be.
   */
  public CompletableFuture<Outcome> say(
      MigrationRef ref, LiveMigrationStatus ownFields, Urgency urgency) {
    synchronized (entries) {
      var entry = entries.computeIfAbsent(ref.uid(), uid -> new Entry(ref, ownFields));
      entry.newest = ownFields;
      if (!entry.dirty) {
        entry.dirty = true;
        entry.written = new CompletableFuture<>();
      }
      entry.urgent |= urgency == Urgency.Now;
      if (!entry.busy) {
        schedule(entry);
      }
      return entry.written;
    }
  }

  /** What was said last of that migration, written or not; empty after a restart. */
  public Optional<LiveMigrationStatus> newest(String uid) {
    synchronized (entries) {
      return Optional.ofNullable(entries.get(uid)).map(e -> e.newest);
    }
  }

  /** Drops what is known of a migration that has ended. */
  public void forget(String uid) {
    synchronized (entries) {
      var entry = entries.get(uid);
      if (entry != null && !entry.dirty && !entry.busy) {
        entries.remove(uid);
      } else if (entry != null) {
        entry.forgotten = true; // once it is written
      }
    }
  }

  private Duration untilNextProgress(Entry entry) {
    if (entry.lastWrite == null) {
      return Duration.ZERO;
    }
    var wait = Duration.between(clock.instant(), entry.lastWrite.plus(PROGRESS_INTERVAL));
    return wait.isNegative() ? Duration.ZERO : wait;
  }

  private void schedule(Entry entry) {
    if (entry.urgent) {
      schedule(entry, Duration.ZERO);
    } else if (!entry.scheduled) {
      schedule(entry, untilNextProgress(entry));
    }
  }

  private void schedule(Entry entry, Duration delay) {
    entry.scheduled = true;
    try {
      var unused = executor.schedule(() -> write(entry), delay.toMillis(), TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      // The daemon ends while a transfer of its own goes on; its next life says how that stands.
    }
  }

  private void write(Entry entry) {
    LiveMigrationStatus word;
    CompletableFuture<Outcome> written;
    synchronized (entries) {
      entry.scheduled = false;
      if (!entry.dirty || entry.busy) {
        return; // an urgent write has overtaken this one
      }
      entry.busy = true;
      entry.dirty = false;
      entry.urgent = false;
      word = entry.newest;
      written = entry.written;
    }
    Outcome outcome = Outcome.Failed;
    try {
      outcome = applier.apply(entry.ref, fieldManager, word);
    } finally {
      // INVARIANT: busy is given back whatever apply did, or this migration would never be reported
      // again.
      finish(entry, outcome, written);
    }
  }

  private void finish(Entry entry, Outcome outcome, CompletableFuture<Outcome> written) {
    synchronized (entries) {
      entry.busy = false;
      entry.lastWrite = clock.instant();
      switch (outcome) {
        case ObjectGone -> {
          entries.remove(entry.ref.uid(), entry);
          entry.written.complete(outcome);
          written.complete(outcome);
        }
        case Failed -> {
          if (entry.dirty) {
            // A newer word is waiting: the old one's fate is its fate.
            var unused = entry.written.thenAccept(written::complete);
          }
          entry.dirty = true;
          schedule(entry, RETRY_AFTER);
        }
        case Refused -> {
          written.complete(outcome);
          if (!entry.dirty) {
            entry.dirty = true;
            entry.written = new CompletableFuture<>();
          }
          schedule(entry, RETRY_REFUSED_AFTER);
        }
        case Written -> {
          written.complete(outcome);
          if (entry.dirty) {
            schedule(entry);
          } else if (entry.forgotten) {
            entries.remove(entry.ref.uid(), entry);
          }
        }
      }
    }
  }
}
