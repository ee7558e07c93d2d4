package dev.drover.api.v1alpha1;

import io.fabric8.kubernetes.api.model.Namespaced;
import io.fabric8.kubernetes.client.CustomResource;
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
public class LiveMigration extends CustomResource<LiveMigrationSpec, LiveMigrationStatus>
    implements Namespaced {
  private static final long serialVersionUID = 1;
}
