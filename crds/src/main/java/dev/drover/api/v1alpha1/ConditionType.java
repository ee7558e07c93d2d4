package dev.drover.api.v1alpha1;

/** The condition types of all kinds. Each is written by one process only (DESIGN.md 4). */
public enum ConditionType {
  /** kstatus: the object is what its spec asked for. Of a migration: it has succeeded. Operator. */
  Ready,
  /** kstatus, abnormal-true: work is under way. Operator. */
  Reconciling,
  /** kstatus, abnormal-true: it will not get there by itself. Operator. */
  Stalled,
  /** The migration has ended: True well, False not; Unknown until then. Operator. */
  Succeeded,
  /** The source's daemon has described the guest and found it movable. Source's daemon. */
  SourceReady,
  /** The target's daemon holds what the guest needs. Target's daemon. */
  TargetReady,
  /** The transfer runs. Source's daemon. */
  Transferring,
  /** The guest has left the source for good. Source's daemon. */
  Switched,
  /** A virtual machine runs somewhere. Operator. */
  Running,
  /** A virtual machine runs on two hosts. Operator. */
  SplitBrain,
  /** A node's daemon talks to its libvirt. Daemon. */
  LibvirtConnected,
  /** What a node needs for transfers by TLS is there and valid. Daemon. */
  CertificatesReady
}
