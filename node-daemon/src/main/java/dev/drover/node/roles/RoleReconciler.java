package dev.drover.node.roles;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.node.hypervisor.HypervisorException;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import io.javaoperatorsdk.operator.api.reconciler.Reconciler;
import io.javaoperatorsdk.operator.api.reconciler.UpdateControl;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;

/** Runs one role of this node on each migration that its watch selects. Writes nothing itself. */
final class RoleReconciler implements Reconciler<LiveMigration> {
  /** What a role does with a migration: what is missing. */
  @FunctionalInterface
  interface Handler {
    /**
     * @return when to look again, if that is not up to an event
     */
    Optional<Duration> handle(LiveMigration migration) throws HypervisorException;
  }

  private final Handler handler;
  private final Consumer<LiveMigration> gone;

  RoleReconciler(Handler handler, Consumer<LiveMigration> gone) {
    this.handler = handler;
    this.gone = gone;
  }

  @Override
  public UpdateControl<LiveMigration> reconcile(
      LiveMigration migration, Context<LiveMigration> context) throws HypervisorException {
    UpdateControl<LiveMigration> control = UpdateControl.noUpdate();
    if (context.isPrimaryResourceDeleted()) {
      gone.accept(migration);
      return control;
    }
    return handler.handle(migration).map(control::rescheduleAfter).orElse(control);
  }
}
