package dev.drover.node.roles;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.target.TargetRole;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import io.javaoperatorsdk.operator.api.reconciler.Reconciler;
import io.javaoperatorsdk.operator.api.reconciler.UpdateControl;

/** Runs {@link TargetRole} on each migration whose {@code status.targetNode} is this node. */
final class TargetReconciler implements Reconciler<LiveMigration> {
  private final TargetRole role;

  TargetReconciler(TargetRole role) {
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
