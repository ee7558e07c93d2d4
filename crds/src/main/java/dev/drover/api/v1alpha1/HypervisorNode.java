package dev.drover.api.v1alpha1;

import io.fabric8.kubernetes.client.CustomResource;
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
public class HypervisorNode extends CustomResource<HypervisorNodeSpec, HypervisorNodeStatus> {
  private static final long serialVersionUID = 1;
}
