package dev.drover.operator.event;

import dev.drover.api.v1alpha1.Reason;
import io.fabric8.kubernetes.api.model.HasMetadata;

/** Tells people what happened to an object. Never blocks, never fails. */
public interface EventRecorder {
  /** How much it matters. */
  enum Type {
    Normal,
    Warning
  }

  /**
   * @param occurrence together with the object's uid and the reason it is the event's identity: the
   *     same is written once, whoever sees it how often, also after a restart
   */
  void record(HasMetadata regarding, Type type, Reason reason, String note, String occurrence);
}
