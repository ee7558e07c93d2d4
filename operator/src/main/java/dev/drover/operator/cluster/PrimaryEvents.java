package dev.drover.operator.cluster;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.javaoperatorsdk.operator.processing.event.source.AbstractEventSource;
import io.javaoperatorsdk.operator.processing.event.source.ResourceEventAware;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Lets other controllers hear what happens to this controller's kind, without a second informer of
 * it.
 */
public final class PrimaryEvents<P extends HasMetadata> extends AbstractEventSource<Void, P>
    implements ResourceEventAware<P> {
  private final Runnable onStart;
  private final BiConsumer<P, P> onChange;
  private final Consumer<P> onDelete;

  /**
   * @param onStart runs once this controller's cache is filled; before, reading it fails
   * @param onChange the new object and the one before; twice the same for a new one
   */
  public PrimaryEvents(
      String name, Runnable onStart, BiConsumer<P, P> onChange, Consumer<P> onDelete) {
    super(Void.class, name);
    this.onStart = onStart;
    this.onChange = onChange;
    this.onDelete = onDelete;
  }

  @Override
  public void start() {
    // The SDK starts and fills the controller's own cache before any other event source.
    onStart.run();
    super.start();
  }

  @Override
  public void onResourceCreated(P resource) {
    onChange.accept(resource, resource);
  }

  @Override
  public void onResourceUpdated(P newResource, P oldResource) {
    onChange.accept(newResource, oldResource);
  }

  @Override
  public void onResourceDeleted(P resource) {
    onDelete.accept(resource);
  }

  @Override
  public Set<Void> getSecondaryResources(P primary) {
    return Set.of();
  }
}
