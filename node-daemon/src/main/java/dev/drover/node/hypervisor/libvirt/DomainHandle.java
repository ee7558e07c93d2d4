package dev.drover.node.hypervisor.libvirt;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.PointerByReference;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.JobStatistics;
import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;

/**
 * A domain on one connection: a counted pointer, given back by {@link #close} on the thread that
 * has looked it up, before the connection is used by others.
 */
final class DomainHandle implements AutoCloseable {
  private static final int BLOCK_INFO_SIZE = 24;

  private final Link link;
  private final Pointer pointer;
  private final LibvirtNative libvirt = LibvirtNative.instance();

  private DomainHandle(Link link, Pointer pointer) {
    this.link = link;
    this.pointer = pointer;
  }

  /** virDomainGetState. */
  record Status(int state, int reason) {}

  /** virDomainGetBlockInfo, in bytes. */
  record BlockInfo(long capacity, long allocation) {}

  /** virDomainLookupByUUIDString; empty if that host has none. */
  static Optional<DomainHandle> find(Link link, UUID uuid) throws HypervisorException {
    Pointer pointer =
        LibvirtNative.instance().virDomainLookupByUUIDString(link.pointer(), uuid.toString());
    if (pointer != null) {
      return Optional.of(new DomainHandle(link, pointer));
    }
    HypervisorException error = link.lastError();
    if (error.kind() == Kind.NotFound) {
      return Optional.empty();
    }
    throw error;
  }

  /** The same, where it has to be there: throws kind {@code NotFound}. */
  static DomainHandle get(Link link, UUID uuid) throws HypervisorException {
    return find(link, uuid)
        .orElseThrow(
            () ->
                new HypervisorException(
                    Kind.NotFound, LibvirtErrors.NO_DOMAIN, "no domain " + uuid + " here"));
  }

  Pointer pointer() {
    return pointer;
  }

  String name() {
    return libvirt.virDomainGetName(pointer);
  }

  Status status() throws HypervisorException {
    IntByReference state = new IntByReference();
    IntByReference reason = new IntByReference();
    link.check(libvirt.virDomainGetState(pointer, state, reason, 0));
    return new Status(state.getValue(), reason.getValue());
  }

  boolean isPersistent() throws HypervisorException {
    return link.check(libvirt.virDomainIsPersistent(pointer)) == 1;
  }

  boolean isActive() throws HypervisorException {
    return link.check(libvirt.virDomainIsActive(pointer)) == 1;
  }

  /** Whether libvirt starts it when the host boots; false for a transient domain. */
  boolean autostart() throws HypervisorException {
    if (!isPersistent()) {
      return false;
    }
    IntByReference autostart = new IntByReference();
    link.check(libvirt.virDomainGetAutostart(pointer, autostart));
    return autostart.getValue() != 0;
  }

  void setAutostart(boolean autostart) throws HypervisorException {
    link.check(libvirt.virDomainSetAutostart(pointer, autostart ? 1 : 0));
  }

  /** virDomainGetXMLDesc. With XML_SECURE it holds passwords, and goes into no log. */
  String definition(int flags) throws HypervisorException {
    Pointer text = libvirt.virDomainGetXMLDesc(pointer, flags);
    if (text == null) {
      throw link.lastError();
    }
    return takeString(text);
  }

  /** The live definition of an active domain. */
  DomainXml xml() throws HypervisorException {
    String text = definition(0);
    try {
      return DomainXml.read(text);
    } catch (IllegalArgumentException e) {
      throw new HypervisorException(
          Kind.Other, "the definition of " + name() + " can't be read: " + e.getMessage(), e);
    }
  }

  /** virDomainGetXMLDesc, as another host's libvirt would get it. */
  Optional<String> cpu() throws HypervisorException {
    Pointer text = libvirt.virDomainGetXMLDesc(pointer, LibvirtNative.XML_MIGRATABLE);
    if (text == null) {
      throw link.lastError();
    }
    try {
      return CpuXml.ofDomain(Xml.parse(takeString(text)));
    } catch (IllegalArgumentException e) {
      throw new HypervisorException(
          Kind.Other, "the CPU of " + name() + " can't be read: " + e.getMessage(), e);
    }
  }

  boolean hasManagedSave() throws HypervisorException {
    return link.check(libvirt.virDomainHasManagedSaveImage(pointer, 0)) == 1;
  }

  void shutDown() throws HypervisorException {
    link.check(libvirt.virDomainShutdownFlags(pointer, LibvirtNative.SHUTDOWN_ACPI_POWER_BTN));
  }

  /** virDomainCreate; does nothing if it is active. */
  void start() throws HypervisorException {
    if (!isActive()) {
      link.check(libvirt.virDomainCreate(pointer));
    }
  }

  BlockInfo blockInfo(String disk) throws HypervisorException {
    try (Memory info = new Memory(BLOCK_INFO_SIZE)) {
      link.check(libvirt.virDomainGetBlockInfo(pointer, disk, info, 0));
      return new BlockInfo(info.getLong(0), info.getLong(8));
    }
  }

  /** virDomainStartDirtyRateCalc: returns at once. */
  void startDirtyRate(Duration period) throws HypervisorException {
    link.check(
        libvirt.virDomainStartDirtyRateCalc(
            pointer, (int) period.toSeconds(), LibvirtNative.DIRTYRATE_PAGE_SAMPLING));
  }

  /** virDomainListGetStats of this domain alone. */
  TypedParameters stats(int groups) throws HypervisorException {
    PointerByReference result = new PointerByReference();
    try (Memory domains = new Memory(2L * Native.POINTER_SIZE)) {
      domains.setPointer(0, pointer);
      domains.setPointer(Native.POINTER_SIZE, null);
      int count = link.check(libvirt.virDomainListGetStats(domains, groups, result, 0));
      Pointer records = result.getValue();
      try {
        if (count < 1 || records == null) {
          throw new HypervisorException(
              Kind.NotFound, LibvirtErrors.NO_DOMAIN, "no statistics of " + name());
        }
        Pointer record = records.getPointer(0);
        return TypedParameters.read(
            record.getPointer(Domains.RECORD_PARAMETERS), record.getInt(Domains.RECORD_COUNT));
      } finally {
        if (records != null) {
          libvirt.virDomainStatsRecordListFree(records);
        }
      }
    }
  }

  int snapshots() throws HypervisorException {
    return link.check(libvirt.virDomainSnapshotNum(pointer, 0));
  }

  /** virDomainGetJobStats; empty if libvirt reports no job. */
  Optional<JobStatistics> job(int flags) throws HypervisorException {
    IntByReference type = new IntByReference();
    PointerByReference parameters = new PointerByReference();
    IntByReference count = new IntByReference();
    link.check(libvirt.virDomainGetJobStats(pointer, type, parameters, count, flags));
    Pointer array = parameters.getValue();
    try {
      return JobReader.read(type.getValue(), TypedParameters.read(array, count.getValue()));
    } finally {
      if (array != null) {
        libvirt.virTypedParamsFree(array, count.getValue());
      }
    }
  }

  void abortJob() throws HypervisorException {
    link.check(libvirt.virDomainAbortJob(pointer));
  }

  void pausePostCopy() throws HypervisorException {
    link.check(libvirt.virDomainAbortJobFlags(pointer, LibvirtNative.ABORT_JOB_POSTCOPY));
  }

  void startPostCopy() throws HypervisorException {
    link.check(libvirt.virDomainMigrateStartPostCopy(pointer, 0));
  }

  void setMaxDowntime(Duration downtime) throws HypervisorException {
    link.check(libvirt.virDomainMigrateSetMaxDowntime(pointer, downtime.toMillis(), 0));
  }

  /** virDomainMigrateSetMaxSpeed; {@code flags}: 0, or MAX_SPEED_POSTCOPY. */
  void setMaxSpeed(long mebibytesPerSecond, int flags) throws HypervisorException {
    link.check(
        libvirt.virDomainMigrateSetMaxSpeed(pointer, new NativeLong(mebibytesPerSecond), flags));
  }

  void setDiskSpeed(String disk, long bytesPerSecond) throws HypervisorException {
    link.check(
        libvirt.virDomainBlockJobSetSpeed(
            pointer,
            disk,
            new NativeLong(bytesPerSecond),
            LibvirtNative.BLOCK_JOB_SPEED_BANDWIDTH_BYTES));
  }

  void suspend() throws HypervisorException {
    link.check(libvirt.virDomainSuspend(pointer));
  }

  void resume() throws HypervisorException {
    link.check(libvirt.virDomainResume(pointer));
  }

  void destroy() throws HypervisorException {
    link.check(libvirt.virDomainDestroy(pointer));
  }

  /** virDomainDefineXMLFlags: a definition that is there already is replaced. */
  static void define(Link link, String definition) throws HypervisorException {
    Pointer domain =
        LibvirtNative.instance().virDomainDefineXMLFlags(link.pointer(), definition, 0);
    if (domain == null) {
      throw link.lastError();
    }
    LibvirtNative.instance().virDomainFree(domain);
  }

  void undefine() throws HypervisorException {
    // The firmware's variables and a TPM's state are the guest's data, not its definition.
    link.check(
        libvirt.virDomainUndefineFlags(
            pointer, LibvirtNative.UNDEFINE_KEEP_NVRAM | LibvirtNative.UNDEFINE_KEEP_TPM));
  }

  /** virDomainMigrateToURI3: blocks until the transfer is over. */
  void migrate(String destination, TypedParameters parameters, int flags)
      throws HypervisorException {
    TypedParameters.Block block = parameters.write();
    try {
      link.check(
          libvirt.virDomainMigrateToURI3(
              pointer, destination, block.array(), block.count(), flags));
    } finally {
      // Freed by a cleaner otherwise, while libvirt still reads it.
      Reference.reachabilityFence(block);
      Reference.reachabilityFence(link);
    }
  }

  @Override
  public void close() {
    libvirt.virDomainFree(pointer);
  }

  /** The UUID of a domain that somebody else holds; asks nobody. */
  static UUID uuid(Pointer domain) {
    byte[] buffer = new byte[LibvirtNative.UUID_STRING_BUFLEN];
    LibvirtNative.instance().virDomainGetUUIDString(domain, buffer);
    return UUID.fromString(new String(buffer, 0, 36, StandardCharsets.US_ASCII));
  }

  /** Copies a string that the caller owns, and frees it. */
  static String takeString(Pointer text) {
    try {
      return text.getString(0, StandardCharsets.UTF_8.name());
    } finally {
      Native.free(Pointer.nativeValue(text));
    }
  }
}
