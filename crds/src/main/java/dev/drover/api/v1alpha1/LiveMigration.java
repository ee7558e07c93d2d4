package dev.drover.api.v1alpha1;

import io.fabric8.crd.generator.annotation.AdditionalPrinterColumn;
import io.fabric8.crd.generator.annotation.AdditionalPrinterColumn.Type;
import io.fabric8.crd.generator.annotation.AdditionalSelectableField;
import io.fabric8.generator.annotation.ValidationRule;
import io.fabric8.kubernetes.api.model.Namespaced;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Categories;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.ShortNames;
import io.fabric8.kubernetes.model.annotation.Singular;
import io.fabric8.kubernetes.model.annotation.Version;

/**
 * One request to move one virtual machine, and its story. Immutable but for the abort; deleting it
 * aborts it first.
 */
@Group(Drover.GROUP)
@Version(Drover.VERSION)
@Kind("LiveMigration")
@Singular("livemigration")
@Plural("livemigrations")
@ShortNames("lmig")
@Categories("drover")
@AdditionalPrinterColumn(jsonPath = ".spec.virtualMachineName", name = "VM")
@AdditionalPrinterColumn(jsonPath = ".status.sourceNode", name = "Source")
@AdditionalPrinterColumn(jsonPath = ".status.targetNode", name = "Target")
@AdditionalPrinterColumn(jsonPath = ".status.phase", name = "Phase")
@AdditionalPrinterColumn(
    jsonPath = ".status.progress.percent",
    name = "Percent",
    type = Type.INTEGER)
@AdditionalPrinterColumn(
    jsonPath = ".status.result.downtimeMilliseconds",
    name = "Downtime(ms)",
    type = Type.INTEGER)
@AdditionalPrinterColumn(jsonPath = ".metadata.creationTimestamp", name = "Age", type = Type.DATE)
@AdditionalPrinterColumn(
    jsonPath = ".status.progress.iteration",
    name = "Iteration",
    type = Type.INTEGER,
    priority = 1)
@AdditionalPrinterColumn(
    jsonPath = ".status.progress.throughputMiBps",
    name = "Rate(MiB/s)",
    type = Type.INTEGER,
    priority = 1)
@AdditionalPrinterColumn(
    jsonPath = ".status.progress.dirtyRateMiBps",
    name = "Dirty(MiB/s)",
    type = Type.INTEGER,
    priority = 1)
@AdditionalPrinterColumn(
    jsonPath = ".status.progress.etaSeconds",
    name = "ETA(s)",
    type = Type.INTEGER,
    priority = 1)
@AdditionalPrinterColumn(
    jsonPath = ".status.result.totalMilliseconds",
    name = "Total(ms)",
    type = Type.INTEGER,
    priority = 1)
@AdditionalPrinterColumn(jsonPath = ".status.failure.reason", name = "Reason", priority = 1)
@AdditionalPrinterColumn(jsonPath = ".status.failure.message", name = "Message", priority = 1)
@AdditionalSelectableField(jsonPath = ".spec.virtualMachineName")
@AdditionalSelectableField(jsonPath = ".status.sourceNode")
@AdditionalSelectableField(jsonPath = ".status.targetNode")
@ValidationRule(
    value = "size(self.metadata.name) <= 63",
    message =
        "metadata.name must have at most 63 characters: it becomes the value of labels and"
            + " metrics")
@ValidationRule(
    value =
        "!has(oldSelf.status) || !has(oldSelf.status.phase) || oldSelf.status.phase == 'Pending'"
            + " || (has(self.spec.notBefore) == has(oldSelf.spec.notBefore)"
            + " && (!has(self.spec.notBefore) || self.spec.notBefore == oldSelf.spec.notBefore))",
    message = "spec.notBefore can't be changed any more: the migration has begun")
public class LiveMigration extends CustomResource<LiveMigrationSpec, LiveMigrationStatus>
    implements Namespaced {
  private static final long serialVersionUID = 1;
}
