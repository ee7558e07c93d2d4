package dev.drover.api.v1alpha1;

import io.fabric8.crd.generator.annotation.AdditionalPrinterColumn;
import io.fabric8.crd.generator.annotation.AdditionalPrinterColumn.Type;
import io.fabric8.crd.generator.annotation.AdditionalSelectableField;
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
 * A libvirt domain that exists on some host. Made and updated by the daemons that see it; identity
 * is the UUID.
 */
@Group(Drover.GROUP)
@Version(Drover.VERSION)
@Kind("VirtualMachine")
@Singular("virtualmachine")
@Plural("virtualmachines")
@ShortNames("dvm")
@Categories("drover")
@AdditionalPrinterColumn(jsonPath = ".spec.domainName", name = "Domain")
@AdditionalPrinterColumn(jsonPath = ".status.nodeName", name = "Node")
@AdditionalPrinterColumn(
    jsonPath = ".status.conditions[?(@.type==\"Running\")].status",
    name = "Running")
@AdditionalPrinterColumn(jsonPath = ".metadata.creationTimestamp", name = "Age", type = Type.DATE)
@AdditionalPrinterColumn(
    jsonPath = ".status.conditions[?(@.type==\"SplitBrain\")].status",
    name = "SplitBrain",
    priority = 1)
@AdditionalPrinterColumn(jsonPath = ".spec.domainUuid", name = "UUID", priority = 1)
@AdditionalSelectableField(jsonPath = ".spec.domainUuid")
@AdditionalSelectableField(jsonPath = ".status.nodeName")
public class VirtualMachine extends CustomResource<VirtualMachineSpec, VirtualMachineStatus>
    implements Namespaced {
  private static final long serialVersionUID = 1;
}
