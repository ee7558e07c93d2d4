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
  CheckPassed("A dry run has found that the migration would work; nothing was moved."),
  CleaningUp("The migration has ended without success; what it made is being removed."),
  Inspected("The source's daemon has described the guest."),
  TargetChecked("The target's daemon has found that the guest fits."),
  TargetReserved("The target's daemon holds memory, a slot and disk space for the guest."),
  ShuttingDown("The guest has been asked to shut down, so that it can be moved."),
  Verifying("The disks are copied; the target's daemon reads its copies back."),
  WaitingForDaemon(
      "A daemon has not answered yet.",
      "Nothing, for a minute. Then look at the daemon: `kubectl get hvn`, and its log on the node that the message names."),
  WaitingForNotBefore("spec.notBefore has not come yet.", "Nothing; or change `spec.notBefore`."),
  WaitingToRetry(
      "An attempt has failed; the next one begins after a pause.",
      "Nothing; `status.attempts` says why it failed."),

  // Asked for.
  AbortRequested("spec.abort was set.", "Nothing: it was asked for."),
  Deleted("The object was deleted while it ran.", "Nothing: it was asked for."),
  AbortTooLate(
      "The guest had already moved when the abort was asked for.",
      "Migrate back, if you want the guest where it was."),
  TuningTooLate(
      "The field can't be changed any more at this point of the transfer.",
      "Nothing: the migration goes on as before. Abort it and make another one if the field matters more."),
  TuningNotSupported(
      "The source's libvirt can't change that while a transfer runs.",
      "Read the message for what does change; libvirt 11 can change all of it."),

  // What is asked for can't be.
  VirtualMachineNotFound(
      "No virtual machine of that name exists in the namespace.",
      "Look for the name with `kubectl get dvm -A`. The namespace of a VM is in its domain's metadata."),
  VirtualMachineNotRunning(
      "The virtual machine is neither running nor paused on any host.",
      "Start the domain, or move it shut off with `mode: Cold`."),
  VirtualMachineRunning(
      "A cold migration needs a guest that is shut off, or shutdown: Graceful.",
      "Shut the guest down, add `shutdown: Graceful`, or use `mode: Live`."),
  VirtualMachineDefinedTwice(
      "The virtual machine is shut off, and defined on more than one host.",
      "Undefine it on the hosts where it does not belong, or name the right one in `spec.source`."),
  VirtualMachineNotOnSource(
      "The virtual machine is not on the node that spec.source names.",
      "See where it is with `kubectl get dvm`, and leave `spec.source` out or correct it."),
  SplitBrain(
      "The virtual machine runs on more than one host.",
      "At once: destroy the copy that should not run (`virsh destroy` on its host). Drover touches neither."),
  MigrationInProgress(
      "Another migration of the same virtual machine is under way.",
      "Wait for the other one, or abort it."),
  TargetNotFound(
      "No hypervisor node of that name exists.", "See the names with `kubectl get hvn`."),
  TargetIsSource(
      "The virtual machine is on the target already.",
      "Nothing: the guest is where it was wanted."),
  TargetUnschedulable(
      "An admin has closed the target for incoming migrations.",
      "`kubectl patch hvn NODE --type=merge -p '{\"spec\":{\"unschedulable\":false}}'`, or another target."),
  NoSuitableTarget(
      "No hypervisor node passed the checks; status.candidates says why for each.",
      "Read `status.candidates`; each has a reason of this list."),
  SourceNotReady(
      "The source's daemon or its libvirt is away.",
      "Look at the daemon and libvirtd of the node that the message names."),
  TargetNotReady(
      "The target's daemon or its libvirt is away.",
      "Look at the daemon and libvirtd of the target, or take another one."),

  SourceHostLost(
      "The source's host was lost with the guest before the guest had moved; an admin has fenced it.",
      "Start the guest where its disks are: on another host if they are shared, else when its host is back."),
  TargetHostLost(
      "The target's host was lost during the migration; an admin has fenced it.",
      "Read the message for where the guest is. Migrate again, to another host."),

  // The guest can't be moved as it is.
  HostDeviceAttached(
      "The guest holds a device of its host.",
      "Detach the device (`virsh detach-device`) for the time of the migration."),
  SnapshotsPresent(
      "The guest has snapshots, which libvirt can't move.",
      "Delete the snapshots (`virsh snapshot-delete`), or flatten them."),
  SharedFilesystemAttached(
      "The guest has a file system of its host mounted (virtiofs or 9p).",
      "Unmount it in the guest and detach it."),
  DeviceNotMovable(
      "The guest has a device or a CPU feature that is tied to its host.",
      "Detach the device, or take the feature out of the definition, for the time of the migration."),
  DiskNotMovable(
      "A disk is of a type that can neither be copied nor reached from the target.",
      "Detach the disk, or move its content to a storage pool. A network volume stays unless `disks` names it, and is copied only to a host whose HypervisorNode has `spec.copyPool`."),
  DiskOutsidePool(
      "A disk is a file outside of every storage pool of the source.",
      "Define a storage pool over its directory on source and target."),
  DiskNotFound(
      "spec.disks names a disk that the guest does not have.",
      "Name the disks as the guest has them (`virsh domblklist`)."),
  BackingChainNotSupported(
      "A disk to be copied stands on a backing file that the target is not proved to have.",
      "`storage: Block` copies all of the disk; or put the same file into the target's pool of the same name; or flatten the disk (`virsh blockpull`; `qemu-img rebase -b ''` while the guest is off)."),
  BackingFileNotCompared(
      "The backing file of a disk is still being read, to compare the source's with the target's.",
      "Nothing: try again in a while (`spec.retry` does); what was read is remembered. Or `storage: Block`, which needs no comparison."),
  TransientDomain(
      "The domain has no definition that outlives it, so it can't be moved shut off.",
      "Use `mode: Live`, or define the domain (`virsh dumpxml`, `virsh define`)."),
  ManagedSavePresent(
      "The guest's memory lies saved on its host, and would be lost.",
      "Start the guest (`virsh start`), or drop its memory (`virsh managedsave-remove`)."),
  TpmPresent(
      "The guest has an emulated TPM, whose state can't be moved shut off.",
      "Use `mode: Live`: libvirt moves the state with the memory."),
  NvramOutsidePool(
      "The file of the firmware's variables lies in no storage pool of the source.",
      "Define a storage pool over its directory on source and target, usually `/var/lib/libvirt/qemu/nvram`."),
  DomainBusy(
      "libvirt has another job on the domain.",
      "Wait for libvirt's job, or end it (`virsh domjobinfo`, `virsh domjobabort`), and migrate again."),

  // The target does not fit.
  DomainExistsOnTarget(
      "A domain of that UUID or name exists on the target.",
      "If it is a left-over, undefine it on the target; if it is another guest, rename one."),
  MachineTypeUnsupported(
      "The target's emulator does not know the guest's machine type or architecture.",
      "Update QEMU on the target, or take a target with the same version."),
  CpuIncompatible(
      "The target's CPU lacks what the guest has.",
      "Give the guest a CPU model that both hosts have, or take a target with the same CPU."),
  PinningMismatch(
      "The guest is pinned to CPUs or NUMA nodes that the target does not have.",
      "`pins: Remap` or `pins: Drop`; or pin the guest to what both hosts have (`virsh vcpupin`, `virsh numatune`), or take a target with as many."),
  NetworkMissing(
      "The target has no bridge or active virtual network of the name that the guest needs.",
      "Make it on the target (`virsh net-start`), or say in `spec.bridges` of its HypervisorNode which bridge takes its place."),
  PoolMissing(
      "The target has no active storage pool of the name that a disk needs.",
      "Define and start a pool of that name on the target."),
  VolumeExists(
      "The target has a volume of the name that a disk needs.",
      "If it is a left-over, delete it (`virsh vol-delete`): Drover overwrites nothing that it has not made."),
  StorageNotShared(
      "A disk is not to be copied, but the target does not see the same bytes.",
      "`storage: Auto` or `Block`, and the disk in `disks` if that is set, or mount the same storage on both hosts under the same path."),
  StorageIsShared(
      "spec.storage or spec.disks asks for a copy, but the target sees the same bytes: a copy would destroy the disk.",
      "`storage: Auto` or `Shared`, and no such disk in `disks`."),
  OptionNotSupported(
      "An option of the spec can't work with a host's libvirt or QEMU, or with another option.",
      "Read the message for the version that it needs. Leave the option out, or take other hosts."),
  ZeroCopyUnsupported(
      "The source may not lock the guest's memory, which zero-copy needs.",
      "Let libvirtd there have CAP_SYS_RESOURCE, or give the guest's QEMU a limit of locked memory as large as its memory (`<memtune><hard_limit>` when it is started). Or leave `zeroCopy` out."),
  InsufficientMemory(
      "The target has not enough memory for the guest.",
      "Make room on the target, or take another one."),
  InsufficientHugePages(
      "The target has not enough free huge pages of the size that the guest's memory is made of.",
      "See them with `virsh freepages --all`; reserve more there (`virsh allocpages`, or at boot), or take another target."),
  InsufficientDiskSpace(
      "A pool of the target has not enough room for the guest's disks.",
      "Make room in the pool, or take another target."),
  NoFreeSlot(
      "The node has as many migrations as it may have at once.",
      "Nothing: it goes on when a slot is free. More slots: `spec.maxIncoming` and `spec.maxOutgoing` of the HypervisorNode."),

  // The way to the target.
  NoMigrationPort(
      "All ports of the target's migration range are taken.",
      "Wait until migrations there have ended. Else see who listens there (`ss -ltn`), or widen the range: `migration_port_max` in qemu.conf, and `nodeDaemon.migrationPorts` of the chart."),
  MigrationPortUnreachable(
      "The source reaches the target's libvirt, but not a port of its migration range.",
      "Open the range (49152 to 49215, unless qemu.conf says otherwise) in every firewall between the two migration addresses."),
  CertificateMissing(
      "A certificate, key or CA file that libvirt or QEMU needs for TLS is not there or can't be read.",
      "Put the file where the message says, on the host that it names."),
  CertificateExpired(
      "A certificate for TLS has expired, or is not valid yet.",
      "Renew it. If its dates are right, the host's clock is not."),
  CertificateNameMismatch(
      "A host's certificate does not name the address at which other hosts reach it.",
      "Make one with the migration address as an IP address among its subjectAltNames."),
  CertificateUntrusted(
      "A certificate is not signed by the CA that the host, or the one at the other end, has.",
      "Give both hosts the same CA, and certificates that it has signed."),
  ClockSkew(
      "The clocks of the two hosts differ. A warning: the guest moves all the same, but downtimes and times in logs are off, and TLS may fail.",
      "Set both by NTP (chrony, systemd-timesyncd)."),

  // It went wrong on the way.
  ReservationFailed(
      "The target could not make what the guest needs.",
      "Read the message; the target has removed what it had made."),
  ConnectionToTargetFailed(
      "The source could not reach the target's libvirt or QEMU.",
      "Check from the source: `virsh -c qemu+tls://ADDRESS/system`, and that the firewall lets libvirt's and QEMU's ports through."),
  TransferFailed(
      "libvirt ended the transfer; the message is libvirt's.",
      "Read the message and the logs of libvirtd and QEMU on both hosts. The guest is where it was."),
  CompletionTimeout(
      "The transfer was not over within spec.completionTimeoutSeconds.",
      "More time, more bandwidth, a longer downtime, or post-copy."),
  ShutdownTimeout(
      "The guest did not shut down within spec.shutdownTimeoutSeconds.",
      "Look why it does not heed the power button; shut it down by hand, or give it more time."),
  GuestStarted(
      "Somebody has started the guest at the source while its disks were copied.",
      "Nothing is lost: it runs where it was. Migrate again, live or when it is shut off."),
  ChecksumMismatch(
      "A copied disk does not hold what the source's file holds.",
      "Look whether something else writes to the disk on either host; nothing was moved."),
  GuestNotStarted(
      "The guest has moved, but could not be started at the target.",
      "Read the message, and start it there (`virsh start`)."),
  WillNotConverge(
      "The guest writes to its memory faster than the rest of it can be sent within its limits.",
      "The message has the figures. A longer downtime, more bandwidth, auto-converge, post-copy, or a calmer hour."),
  PostCopyUnsupported(
      "The target's QEMU can't receive a post-copy; nothing was sent.",
      "Let QEMU use userfaultfd there (/dev/userfaultfd, or vm.unprivileged_userfaultfd=1), or set `postCopy: Never`."),
  PostCopyFailed(
      "The link broke in post-copy; both halves of the guest are kept until it is back.",
      "Mend the link between the hosts; the migration goes on by itself then. Destroy neither side."),
  GuestStopped(
      "The guest stopped, crashed or was destroyed during the migration.",
      "Read the message; start the guest again."),
  GuestLostAfterSwitchover(
      "The guest ended after it had gone on at the target, or may have; its copied disks are kept there.",
      "Start it from the disks on the target that the message speaks of: those at the source are older. Remove what you don't need."),
  HandOverFailed(
      "The source has let go of the guest, but the target could not resume it.",
      "Mend the target's libvirtd: the daemon resumes the guest as soon as it answers."),
  DaemonNotResponding(
      "A daemon did not answer before its deadline.",
      "Look at the daemon of the node that the message names."),
  LinkSilent(
      "Nothing of the transfer has arrived for a while; the guest runs on at the source.",
      "Look at the link between the hosts, and at the target's libvirtd and QEMU. It goes on by itself, or is given up."),
  TransferStuck(
      "libvirt's call does not return although the transfer is over, and nothing that the daemon may do ends it.",
      "Restart libvirtd on the source (`systemctl restart libvirtd`): guests live on. Or let the daemon do it: `nodeDaemon.restartLibvirt: Allowed` in the chart."),
  TargetLibvirtSilent(
      "The guest is held at the target for the hand-over, and libvirtd there does not answer: nobody else can let it go on.",
      "Restart libvirtd on the target (`systemctl restart libvirtd`): guests live on, and the daemon lets this one go on. Or let the daemon do that, too: `nodeDaemon.restartLibvirt: Allowed` in the chart."),
  LibvirtError("libvirt refused a call; the message is libvirt's.", "Read the message."),

  // Nodes and sightings.
  CertificatesValid("The host's certificates for transfers by TLS are there and valid."),
  CertificateRequested(
      "The daemon has asked for a certificate and waits for it.",
      "Nothing, for a minute. Then look at the request that the message names, and at the operator's log."),
  CertificateDenied(
      "The request for a certificate was denied.",
      "Read the message: it says what the node may not have."),
  CertificateForeign(
      "A file that Drover has not made is where its certificate would go; it was left alone.",
      "Remove the file that the message names, or say that the hosts bring their own: `certificates.source: Host` in the chart."),
  PlainText(
      "Guests leave this host by TCP: neither encrypted nor authenticated, as `nodeDaemon.peerTransport: tcp` asks for.",
      "Take `peerTransport: tls`, unless nobody else is on the hosts' network."),
  LibvirtConnected("The daemon talks to its libvirt."),
  LibvirtUnavailable(
      "The daemon can't reach its libvirt; it keeps trying.", "Look at libvirtd on the node."),
  HeartbeatSeen("The daemon's Lease is fresh."),
  HeartbeatLost(
      "The daemon's Lease has expired.",
      "Look at the node, its daemon, and its way to the API server."),
  HostFenced(
      "An admin says that the host is off, and its daemon's Lease has expired: nothing of it runs.",
      "Nothing, until the host is back: then take `spec.fenced` of its HypervisorNode back."),
  FencedHostAlive(
      "spec.fenced says that the host is off, but its daemon lives.",
      "Take `spec.fenced` back, or switch the host off: nothing is settled without it while its daemon lives."),
  SeenRunning("A daemon sees the virtual machine running."),
  SeenPaused("A daemon sees the virtual machine paused."),
  SeenShutOff("The virtual machine is defined, but not running."),
  NotSeen(
      "No daemon sees the virtual machine.",
      "If all daemons answer, the domain is gone; else one of them may have it."),
  OneCopy("At most one host runs the virtual machine.");

  private final String meaning;
  private final String remedy;

  /** What is no trouble needs no remedy. */
  Reason(String meaning) {
    this(meaning, "");
  }

  Reason(String meaning, String remedy) {
    this.meaning = meaning;
    this.remedy = remedy;
  }

  /** One sentence for the reference page. */
  public String meaning() {
    return meaning;
  }

  /** What a person can do about it, as the reference page and status say it; may be empty. */
  public String remedy() {
    return remedy;
  }

  /**
   * Whether what failed for this reason may go well a little later though nobody has changed
   * anything: only such an attempt is followed by another ({@code spec.retry}). What a person has
   * to put right, or has asked for, is not; nor is anything after which the guest may not be where
   * it was.
   */
  public boolean isTransient() {
    return switch (this) {
      case SourceNotReady,
          TargetNotReady,
          DomainBusy,
          InsufficientMemory,
          InsufficientHugePages,
          InsufficientDiskSpace,
          NoFreeSlot,
          NoMigrationPort,
          BackingFileNotCompared,
          ReservationFailed,
          ConnectionToTargetFailed,
          TransferFailed,
          CompletionTimeout,
          WillNotConverge,
          DaemonNotResponding,
          TargetHostLost,
          LibvirtError ->
          true;
      case Accepted,
          Checking,
          Reserving,
          Transferring,
          Switching,
          PostCopying,
          Committing,
          Succeeded,
          CleaningUp,
          Inspected,
          TargetChecked,
          TargetReserved,
          WaitingForDaemon,
          CheckPassed,
          WaitingForNotBefore,
          WaitingToRetry,
          AbortRequested,
          Deleted,
          AbortTooLate,
          Decided,
          TuningTooLate,
          TuningNotSupported,
          VirtualMachineNotFound,
          VirtualMachineNotRunning,
          VirtualMachineNotOnSource,
          SplitBrain,
          MigrationInProgress,
          TargetNotFound,
          TargetIsSource,
          TargetUnschedulable,
          NoSuitableTarget,
          HostDeviceAttached,
          SnapshotsPresent,
          SharedFilesystemAttached,
          DeviceNotMovable,
          DiskNotMovable,
          DiskOutsidePool,
          DiskNotFound,
          BackingChainNotSupported,
          DomainExistsOnTarget,
          MachineTypeUnsupported,
          CpuIncompatible,
          PinningMismatch,
          NetworkMissing,
          PoolMissing,
          VolumeExists,
          OptionNotSupported,
          StorageNotShared,
          StorageIsShared,
          MigrationPortUnreachable,
          CertificateMissing,
          CertificateExpired,
          CertificateNameMismatch,
          CertificateUntrusted,
          ClockSkew,
          PostCopyUnsupported,
          ZeroCopyUnsupported,
          PostCopyFailed,
          GuestStopped,
          GuestLostAfterSwitchover,
          HandOverFailed,
          LinkSilent,
          TransferStuck,
          TargetLibvirtSilent,
          CertificatesValid,
          CertificateRequested,
          CertificateDenied,
          CertificateForeign,
          PlainText,
          LibvirtConnected,
          LibvirtUnavailable,
          HeartbeatSeen,
          HeartbeatLost,
          HostFenced,
          FencedHostAlive,
          SourceHostLost,
          SeenRunning,
          SeenPaused,
          SeenShutOff,
          NotSeen,
          OneCopy,
          ShuttingDown,
          Verifying,
          VirtualMachineRunning,
          VirtualMachineDefinedTwice,
          TransientDomain,
          ManagedSavePresent,
          TpmPresent,
          NvramOutsidePool,
          ShutdownTimeout,
          GuestStarted,
          ChecksumMismatch,
          GuestNotStarted ->
          false;
    };
  }
}
