package dev.drover.node.hypervisor.libvirt;

import com.sun.jna.Callback;
import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What libvirt-java lacks, and all of libvirt's domain calls, so that a domain is one kind of
 * pointer everywhere. Names and numbers are libvirt's own. Struct layouts are LP64.
 */
interface LibvirtNative extends Library {

  int MIGRATE_LIVE = 1;
  int MIGRATE_PEER2PEER = 1 << 1;
  int MIGRATE_PERSIST_DEST = 1 << 3;
  int XML_SECURE = 1;
  int XML_INACTIVE = 1 << 1;
  int XML_MIGRATABLE = 1 << 3;

  int MIGRATE_UNDEFINE_SOURCE = 1 << 4;
  int MIGRATE_PAUSED = 1 << 5;
  int MIGRATE_NON_SHARED_DISK = 1 << 6;
  int MIGRATE_NON_SHARED_INC = 1 << 7;
  int MIGRATE_COMPRESSED = 1 << 11;
  int MIGRATE_ABORT_ON_ERROR = 1 << 12;
  int MIGRATE_AUTO_CONVERGE = 1 << 13;
  int MIGRATE_POSTCOPY = 1 << 15;
  int MIGRATE_POSTCOPY_RESUME = 524288;
  int MIGRATE_TLS = 1 << 16;
  int MIGRATE_PARALLEL = 1 << 17;
  int MIGRATE_ZEROCOPY = 1 << 20;

  /** QEMU_DOMAIN_MIG_BANDWIDTH_MAX: libvirt's word for no cap, in MiB/s. */
  long MAX_SPEED = Long.MAX_VALUE >> 20;

  int MAX_SPEED_POSTCOPY = 1;
  int ABORT_JOB_POSTCOPY = 1;

  int CPU_INCOMPATIBLE = 0;
  int COMPARE_CPU_FAIL_INCOMPATIBLE = 1;

  int JOB_STATS_COMPLETED = 1;
  int JOB_STATS_KEEP_COMPLETED = 1 << 1;

  int BLOCK_JOB_SPEED_BANDWIDTH_BYTES = 1;

  int UNDEFINE_MANAGED_SAVE = 1;
  int UNDEFINE_KEEP_NVRAM = 1 << 3;
  int UNDEFINE_KEEP_TPM = 1 << 6;

  int SHUTDOWN_ACPI_POWER_BTN = 1;

  int VOL_SPARSE_STREAM = 1;
  int STREAM_RECV_STOP_AT_HOLE = 1;

  /** What virStreamRecvFlags returns where a hole begins. */
  int STREAM_AT_HOLE = -3;

  int DOMAIN_STATS_STATE = 1;
  int DOMAIN_STATS_BALLOON = 1 << 2;
  int DOMAIN_STATS_DIRTYRATE = 1 << 9;

  /** Page sampling. The bitmap's mode kills an emulated guest (testbed.md B.10). */
  int DIRTYRATE_PAGE_SAMPLING = 0;

  int DIRTYRATE_MEASURED = 2;
  int LIST_DOMAINS_PERSISTENT = 1 << 2;

  int EVENT_LIFECYCLE = 0;
  int EVENT_BLOCK_JOB_2 = 16;
  int EVENT_MIGRATION_ITERATION = 20;
  int EVENT_JOB_COMPLETED = 21;
  int EVENT_METADATA_CHANGE = 23;

  int ALL_CELLS = -1;
  int UUID_STRING_BUFLEN = 37;

  /** Loads the library on first use; throws {@link UnsatisfiedLinkError} where there is none. */
  static LibvirtNative instance() {
    return Loaded.LIBRARY;
  }

  /** Holder: loads the library when it is first needed, not when the interface is. */
  final class Loaded {
    private static final ErrorSink QUIET = (user, error) -> {};
    private static final LibvirtNative LIBRARY = load();

    private Loaded() {}

    private static LibvirtNative load() {
      LibvirtNative library =
          Native.load("virt", LibvirtNative.class, Map.of(OPTION_STRING_ENCODING, "UTF-8"));
      // First of all: until then the thread's error is looked up under a key of somebody else's,
      // the JVM's for instance, and freed.
      if (library.virInitialize() < 0) {
        throw new UnsatisfiedLinkError("libvirt can't be initialized");
      }
      // libvirt's own handler prints every error to stderr, expected ones too.
      library.virSetErrorFunc(null, QUIET);
      return library;
    }
  }

  int virInitialize();

  // Errors belong to the thread; read them there, before its next call.

  @Nullable Pointer virGetLastError();

  void virSetErrorFunc(@Nullable Pointer user, ErrorSink handler);

  // Domains. virDomainFree for each pointer returned here; names are not freed.

  @Nullable Pointer virDomainLookupByUUIDString(Pointer connection, String uuid);

  int virDomainFree(Pointer domain);

  String virDomainGetName(Pointer domain);

  int virDomainGetUUIDString(Pointer domain, byte[] buffer);

  int virDomainGetState(Pointer domain, IntByReference state, IntByReference reason, int flags);

  int virDomainIsPersistent(Pointer domain);

  int virDomainIsActive(Pointer domain);

  /** To be freed by free(3). */
  @Nullable Pointer virDomainGetXMLDesc(Pointer domain, int flags);

  int virDomainGetBlockInfo(Pointer domain, String disk, Pointer info, int flags);

  int virDomainSnapshotNum(Pointer domain, int flags);

  int virDomainSuspend(Pointer domain);

  int virDomainResume(Pointer domain);

  int virDomainDestroy(Pointer domain);

  int virDomainUndefineFlags(Pointer domain, int flags);

  /** The domain is to be freed. */
  @Nullable Pointer virDomainDefineXMLFlags(Pointer connection, String xml, int flags);

  int virDomainCreate(Pointer domain);

  int virDomainShutdownFlags(Pointer domain, int flags);

  int virDomainGetAutostart(Pointer domain, IntByReference autostart);

  int virDomainSetAutostart(Pointer domain, int autostart);

  int virDomainHasManagedSaveImage(Pointer domain, int flags);

  /** The array is to be freed by free(3), each domain in it by virDomainFree. */
  int virConnectListAllDomains(Pointer connection, PointerByReference domains, int flags);

  int virConnectGetAllDomainStats(
      Pointer connection, int stats, PointerByReference records, int flags);

  /** {@code domains}: pointers, a null after the last. */
  int virDomainListGetStats(Pointer domains, int stats, PointerByReference records, int flags);

  int virDomainStartDirtyRateCalc(Pointer domain, int seconds, int flags);

  void virDomainStatsRecordListFree(Pointer records);

  // Migration and jobs.

  int virDomainMigrateToURI3(
      Pointer domain, String destinationUri, Pointer parameters, int count, int flags);

  int virDomainGetJobStats(
      Pointer domain,
      IntByReference type,
      PointerByReference parameters,
      IntByReference count,
      int flags);

  void virTypedParamsFree(Pointer parameters, int count);

  int virDomainAbortJob(Pointer domain);

  int virDomainAbortJobFlags(Pointer domain, int flags);

  int virDomainMigrateStartPostCopy(Pointer domain, int flags);

  int virDomainMigrateSetMaxSpeed(Pointer domain, NativeLong mebibytesPerSecond, int flags);

  int virDomainMigrateSetMaxDowntime(Pointer domain, long milliseconds, int flags);

  int virDomainBlockJobSetSpeed(Pointer domain, String disk, NativeLong bandwidth, int flags);

  // Host.

  int virNodeGetMemoryStats(
      Pointer connection, int cell, @Nullable Pointer parameters, IntByReference count, int flags);

  /** {@code sizes}: in KiB; {@code counts}: one for each size of each NUMA node. */
  int virNodeGetFreePages(
      Pointer connection,
      int sizeCount,
      int[] sizes,
      int startCell,
      int cellCount,
      long[] counts,
      int flags);

  /** To be freed by free(3). */
  @Nullable Pointer virConnectGetDomainCapabilities(
      Pointer connection,
      @Nullable String emulator,
      String architecture,
      String machine,
      String virtualization,
      int flags);

  int virConnectCompareHypervisorCPU(
      Pointer connection,
      @Nullable String emulator,
      String architecture,
      String machine,
      String virtualization,
      String cpu,
      int flags);

  // Storage.

  @Nullable Pointer virStoragePoolLookupByTargetPath(Pointer connection, String path);

  String virStoragePoolGetName(Pointer pool);

  int virStoragePoolFree(Pointer pool);

  @Nullable Pointer virStoragePoolLookupByName(Pointer connection, String name);

  @Nullable Pointer virStorageVolLookupByName(Pointer pool, String name);

  int virStorageVolFree(Pointer volume);

  int virStorageVolDownload(Pointer volume, Pointer stream, long offset, long length, int flags);

  int virStorageVolUpload(Pointer volume, Pointer stream, long offset, long length, int flags);

  // Streams. size_t and long long are Java's long (LP64).

  @Nullable Pointer virStreamNew(Pointer connection, int flags);

  int virStreamRecvFlags(Pointer stream, byte[] data, long size, int flags);

  int virStreamRecvHole(Pointer stream, LongByReference length, int flags);

  int virStreamSend(Pointer stream, byte[] data, long size);

  int virStreamSendHole(Pointer stream, long length, int flags);

  int virStreamFinish(Pointer stream);

  int virStreamAbort(Pointer stream);

  int virStreamFree(Pointer stream);

  // Events. A callback's pointers are valid only while it runs, and are not its own to free.

  int virConnectDomainEventRegisterAny(
      Pointer connection,
      @Nullable Pointer domain,
      int eventId,
      Callback callback,
      @Nullable Pointer opaque,
      @Nullable Callback free);

  int virConnectDomainEventDeregisterAny(Pointer connection, int callbackId);

  /** virErrorFunc. */
  interface ErrorSink extends Callback {
    void error(@Nullable Pointer user, @Nullable Pointer error);
  }

  /** virConnectDomainEventCallback: VIR_DOMAIN_EVENT_ID_LIFECYCLE. */
  interface LifecycleCallback extends Callback {
    int event(Pointer connection, Pointer domain, int event, int detail, @Nullable Pointer opaque);
  }

  /** virConnectDomainEventMigrationIterationCallback. */
  interface IterationCallback extends Callback {
    void event(Pointer connection, Pointer domain, int iteration, @Nullable Pointer opaque);
  }

  /** virConnectDomainEventJobCompletedCallback. */
  interface JobCompletedCallback extends Callback {
    void event(
        Pointer connection,
        Pointer domain,
        Pointer parameters,
        int count,
        @Nullable Pointer opaque);
  }

  /** virConnectDomainEventBlockJobCallback, of VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2. */
  interface BlockJobCallback extends Callback {
    void event(
        Pointer connection,
        Pointer domain,
        Pointer disk,
        int type,
        int status,
        @Nullable Pointer opaque);
  }

  /** virConnectDomainEventMetadataChangeCallback. */
  interface MetadataCallback extends Callback {
    void event(
        Pointer connection,
        Pointer domain,
        int type,
        @Nullable Pointer namespace,
        @Nullable Pointer opaque);
  }
}
