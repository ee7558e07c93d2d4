package dev.drover.node.roles;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.source.SourceRole;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import io.javaoperatorsdk.operator.api.reconciler.Reconciler;
import io.javaoperatorsdk.operator.api.reconciler.UpdateControl;

/** Runs {@link SourceRole} on each migration whose {@code status.sourceNode} is this node. */
final class SourceReconciler implements Reconciler<LiveMigration> {
  private final SourceRole role;

  SourceReconciler(SourceRole role) {
    this.role = role;
  }

  @Override
  public UpdateControl<LiveMigration> reconcile(
      LiveMigration migration, Context<LiveMigration> context) throws HypervisorException {
    UpdateControl<LiveMigration> control = UpdateControl.noUpdate();
    if (context.isPrimaryResourceDeleted()) {
      role.gone(migration);
      return control;
    }
    var again = role.handle(migration);
    return again.map(control::rescheduleAfter).orElse(control);
  }
}
