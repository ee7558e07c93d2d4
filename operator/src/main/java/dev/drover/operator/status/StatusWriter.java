package dev.drover.operator.status;

import io.fabric8.kubernetes.api.model.HasMetadata;
import java.util.Optional;

/** Applies the operator's own fields of a status. */
public interface StatusWriter {
  /**
   * Applies {@code fresh}: an object with nothing but name, namespace, uid, the resourceVersion
   * that it was computed from, and all status fields that the operator owns (what is left out is
   * removed).
   *
   * @return the object as it is now; empty if it has changed since that resourceVersion, or is
   *     gone: the event about that brings a new reconcile, which computes anew instead of sending
   *     something stale
   */
  <T extends HasMetadata> Optional<T> apply(T fresh);
}
