package dev.drover.api.v1alpha1;

/** Names that every process of Drover and every user of its API share. */
public final class Drover {
  public static final String GROUP = "drover.dev";
  public static final String VERSION = "v1alpha1";

  /**
   * Held by the operator on every {@code LiveMigration}: deletion aborts first, and then the object
   * goes.
   */
  public static final String FINALIZER = "drover.dev/abort-first";

  /** Field manager of the operator's status writes. */
  public static final String OPERATOR_FIELD_MANAGER = "drover-operator";

  /** Field manager of a daemon's report as the source of a migration. */
  public static final String SOURCE_FIELD_MANAGER = "drover-source";

  /** Field manager of a daemon's report as the target of a migration. */
  public static final String TARGET_FIELD_MANAGER = "drover-target";

  /**
   * Prefix of the field managers with which a daemon applies what it sees on its own node; the node
   * name follows.
   */
  public static final String INVENTORY_FIELD_MANAGER_PREFIX = "drover-inventory-";

  /** XML namespace of the {@code <drover:guest namespace=".."/>} element in a domain's metadata. */
  public static final String GUEST_METADATA_NAMESPACE = "https://drover.dev/guest/1";

  /** Prefix of a daemon's heartbeat Lease; the node name follows. */
  public static final String HEARTBEAT_LEASE_PREFIX = "drover-node-";

  /** Signer of the hosts' certificates, if that is Drover itself. */
  public static final String SIGNER = "drover.dev/host";

  private Drover() {}
}
