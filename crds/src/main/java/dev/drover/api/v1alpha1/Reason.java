package dev.drover.api.v1alpha1;

/**
 * Why something is as it is. One vocabulary for status, conditions, events, metrics, logs and
 * docs/reference/reasons.md. The words are API: they may be added to, never renamed.
 */
public enum Reason {
  // How it goes.
  Accepted("The operator has seen the object."),
  Checking("Both daemons check that the migration can work."),
  Reserving("The target's daemon takes what the guest needs."),
  Transferring("Disks and memory are on their way."),
  Switching("The guest stands still while the rest goes over."),
  PostCopying("The guest runs at the target; the rest of its memory follows."),
  Decided("The source's daemon has decided about the transfer; status.decisions has the figures."),
  Committing("The guest runs at the target; the source is being cleaned up."),
  Succeeded("The guest runs at the target and nowhere else."),
  CleaningUp("The migration has ended without success; what it made is being removed."),
  Inspected("The source's daemon has described the guest."),
  TargetChecked("The target's daemon has found that the guest fits."),
  TargetReserved("The target's daemon holds memory, a slot and disk space for the guest."),
  WaitingForDaemon("A daemon has not answered yet."),

  // Asked for.
  AbortRequested("spec.abort was set."),
  Deleted("The object was deleted while it ran."),
  AbortTooLate("The guest had already moved when the abort was asked for."),
  TuningTooLate("The field can't be changed any more at this point of the transfer."),
  TuningNotSupported("The source's libvirt can't change that while a transfer runs."),

  // What is asked for can't be.
  VirtualMachineNotFound("No virtual machine of that name exists in the namespace."),
  VirtualMachineNotRunning("The virtual machine is neither running nor paused on any host."),
  VirtualMachineNotOnSource("The virtual machine is not on the node that spec.source names."),
  SplitBrain("The virtual machine runs on more than one host."),
  MigrationInProgress("Another migration of the same virtual machine is under way."),
  TargetNotFound("No hypervisor node of that name exists."),
  TargetIsSource("The virtual machine is on the target already."),
  TargetUnschedulable("An admin has closed the target for incoming migrations."),
  NoSuitableTarget("No hypervisor node passed the checks; status.candidates says why for each."),
  SourceNotReady("The source's daemon or its libvirt is away."),
  TargetNotReady("The target's daemon or its libvirt is away."),

  // The guest can't be moved as it is.
  HostDeviceAttached("The guest holds a device of its host."),
  SnapshotsPresent("The guest has snapshots, which libvirt can't move."),
  SharedFilesystemAttached("The guest has a file system of its host mounted (virtiofs or 9p)."),
  DiskNotMovable("A disk is of a type that can neither be copied nor reached from the target."),
  DiskOutsidePool("A disk is a file outside of every storage pool of the source."),
  BackingChainNotSupported("A disk to be copied has a backing file."),
  DomainBusy("libvirt has another job on the domain."),

  // The target does not fit.
  DomainExistsOnTarget("A domain of that UUID or name exists on the target."),
  MachineTypeUnsupported(
      "The target's emulator does not know the guest's machine type or architecture."),
  CpuIncompatible("The target's CPU lacks what the guest has."),
  PoolMissing("The target has no active storage pool of the name that a disk needs."),
  VolumeExists("The target has a volume of the name that a disk needs."),
  StorageNotShared("spec.storage is Shared, but the target does not see the same bytes."),
  StorageIsShared(
      "spec.storage is Block, but the target sees the same bytes: a copy would destroy the disk."),
  InsufficientMemory("The target has not enough memory for the guest."),
  InsufficientDiskSpace("A pool of the target has not enough room for the guest's disks."),
  NoFreeSlot("The node has as many migrations as it may have at once."),

  // It went wrong on the way.
  ReservationFailed("The target could not make what the guest needs."),
  ConnectionToTargetFailed("The source could not reach the target's libvirt or QEMU."),
  TransferFailed("libvirt ended the transfer; the message is libvirt's."),
  CompletionTimeout("The transfer was not over within spec.completionTimeoutSeconds."),
  WillNotConverge(
      "The guest writes to its memory faster than the rest of it can be sent within its limits."),
  PostCopyFailed("The link broke in post-copy; the guest's memory is on both hosts."),
  GuestStopped("The guest stopped, crashed or was destroyed during the migration."),
  HandOverFailed("The source has let go of the guest, but the target could not resume it."),
  DaemonNotResponding("A daemon did not answer before its deadline."),
  LibvirtError("libvirt refused a call; the message is libvirt's."),

  // Nodes and sightings.
  LibvirtConnected("The daemon talks to its libvirt."),
  LibvirtUnavailable("The daemon can't reach its libvirt; it keeps trying."),
  HeartbeatSeen("The daemon's Lease is fresh."),
  HeartbeatLost("The daemon's Lease has expired."),
  SeenRunning("A daemon sees the virtual machine running."),
  SeenPaused("A daemon sees the virtual machine paused."),
  SeenShutOff("The virtual machine is defined, but not running."),
  NotSeen("No daemon sees the virtual machine."),
  OneCopy("At most one host runs the virtual machine.");

  private final String meaning;

  Reason(String meaning) {
    this.meaning = meaning;
  }

  /** One sentence for the reference page. */
  public String meaning() {
    return meaning;
  }
}
