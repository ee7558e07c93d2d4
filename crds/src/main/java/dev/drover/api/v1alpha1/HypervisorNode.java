package dev.drover.api.v1alpha1;

import io.fabric8.crd.generator.annotation.AdditionalPrinterColumn;
import io.fabric8.crd.generator.annotation.AdditionalPrinterColumn.Type;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Categories;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.ShortNames;
import io.fabric8.kubernetes.model.annotation.Singular;
import io.fabric8.kubernetes.model.annotation.Version;

/** A host with libvirt and QEMU. Made by its daemon; the spec is the admins'. */
@Group(Drover.GROUP)
@Version(Drover.VERSION)
@Kind("HypervisorNode")
@Singular("hypervisornode")
@Plural("hypervisornodes")
@ShortNames("hvn")
@Categories("drover")
@AdditionalPrinterColumn(
    jsonPath = ".status.conditions[?(@.type==\"Ready\")].status",
    name = "Ready")
@AdditionalPrinterColumn(jsonPath = ".status.libvirtVersion", name = "Libvirt")
@AdditionalPrinterColumn(jsonPath = ".status.qemuVersion", name = "QEMU")
@AdditionalPrinterColumn(jsonPath = ".status.guests", name = "Guests", type = Type.INTEGER)
@AdditionalPrinterColumn(jsonPath = ".status.migrationAddress", name = "Address")
@AdditionalPrinterColumn(
    jsonPath = ".spec.unschedulable",
    name = "Unschedulable",
    type = Type.BOOLEAN)
@AdditionalPrinterColumn(
    jsonPath = ".spec.fenced",
    name = "Fenced",
    type = Type.BOOLEAN,
    priority = 1)
@AdditionalPrinterColumn(jsonPath = ".status.peerTransport", name = "Transport", priority = 1)
@AdditionalPrinterColumn(
    jsonPath = ".status.certificateNotAfter",
    name = "Certificate until",
    priority = 1)
@AdditionalPrinterColumn(jsonPath = ".metadata.creationTimestamp", name = "Age", type = Type.DATE)
@AdditionalPrinterColumn(jsonPath = ".status.cpuModel", name = "CPU", priority = 1)
public class HypervisorNode extends CustomResource<HypervisorNodeSpec, HypervisorNodeStatus> {
  private static final long serialVersionUID = 1;
}
