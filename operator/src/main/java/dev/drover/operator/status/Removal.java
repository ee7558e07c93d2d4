package dev.drover.operator.status;

import io.fabric8.kubernetes.api.model.HasMetadata;

/** Deletes an object only if it is still exactly the one that was looked at. */
public interface Removal {
  void delete(HasMetadata seen);
}
