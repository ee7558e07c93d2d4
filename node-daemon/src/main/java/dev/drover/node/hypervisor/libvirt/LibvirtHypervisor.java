package dev.drover.node.hypervisor.libvirt;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.EmulatorProcess;
import dev.drover.node.hypervisor.FreePages;
import dev.drover.node.hypervisor.GuestDefinition;
import dev.drover.node.hypervisor.GuestDescription;
import dev.drover.node.hypervisor.HostFacts;
import dev.drover.node.hypervisor.HostTopology;
import dev.drover.node.hypervisor.Hypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.HypervisorListener;
import dev.drover.node.hypervisor.IdSet;
import dev.drover.node.hypervisor.JobStatistics;
import dev.drover.node.hypervisor.MemoryUse;
import dev.drover.node.hypervisor.Peer;
import dev.drover.node.hypervisor.PeerAddress;
import dev.drover.node.hypervisor.Pins;
import dev.drover.node.hypervisor.PoolState;
import dev.drover.node.hypervisor.Transfer;
import dev.drover.node.hypervisor.TransferConnections;
import dev.drover.node.hypervisor.TransferRequest;
import dev.drover.node.hypervisor.VolumeReader;
import dev.drover.node.hypervisor.VolumeSpec;
import dev.drover.node.hypervisor.VolumeState;
import dev.drover.node.hypervisor.libvirt.LibvirtErrors.Side;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import org.libvirt.LibvirtException;
import org.libvirt.NodeInfo;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The libvirt of this host. No call takes longer than its deadline ({@link LibvirtConfig}): an
 * overdue one throws kind {@code Timeout}, and may still take effect when libvirt gets to it. Only
 * {@link #startTransfer} has no effect if it throws; it waits a moment longer if the start is under
 * way just then.
 */
public final class LibvirtHypervisor implements Hypervisor {
  private static final Logger LOGGER = LoggerFactory.getLogger(LibvirtHypervisor.class);

  /** Since 11.0 a disk's cap can be set while a transfer runs; before, the call waits for 30 s. */
  private static final long DISK_SPEED_IN_TRANSFER = 11_000_000;

  /** An image that can't be read within that is no use to anybody who waits. */
  private static final Duration DIGEST_DEADLINE = Duration.ofHours(1);

  /** {@code virNodeMemoryStats}: char field[80], unsigned long long value. */
  private static final int MEMORY_STATS_SIZE = 88;

  private static final int MEMORY_STATS_VALUE = 80;
  private static final Set<String> AVAILABLE_MEMORY = Set.of("free", "buffers", "cached");
  private static final Set<String> ALL_MEMORY = Set.of("total");
  private static final long SMALLEST_PAGE_KIBIBYTES = 64;

  private final LibvirtConfig config;
  private final InstantSource clock;
  private final NativeCalls calls = new NativeCalls();
  private final Domains domains = new Domains();
  private final DomainEvents events;
  private final ControlConnection connection;
  private final EmulatorProcesses processes;
  private final SocketOwners owners;
  private final PeerClaims claims;

  /** Begins to connect and returns at once, whether there is a libvirt or not. */
  public LibvirtHypervisor(LibvirtConfig config, InstantSource clock) {
    this.config = config;
    this.clock = clock;
    events = new DomainEvents(clock, domains::forget);
    processes = new EmulatorProcesses(config.runDirectory(), config.procDirectory());
    owners = new SocketOwners(config.procDirectory());
    claims = new PeerClaims(owners);
    connection = new ControlConnection(config, calls, events, domains::forgetAll);
  }

  @Override
  public boolean isConnected() {
    return connection.isUp();
  }

  /** virConnectGetCapabilities, virNodeGetInfo, virNodeGetMemoryStats and the two versions. */
  @Override
  public HostFacts host() throws HypervisorException {
    return fromCapabilities(
        "host facts",
        (link, host) -> {
          NodeInfo node = link.nodeInfo();
          return new HostFacts(
              host.uuid(),
              link.getHostName(),
              version(link.getLibVersion()),
              version(link.getVersion()),
              host.architecture(),
              host.cpuModel(),
              node.cpus,
              // virNodeGetInfo sums up NUMA nodes, and differs from what the kernel has.
              memory(link, ALL_MEMORY));
        });
  }

  private interface OfCapabilities<T> {
    T of(Link link, HostXml host) throws LibvirtException, HypervisorException;
  }

  private <T> T fromCapabilities(String what, OfCapabilities<T> answer) throws HypervisorException {
    return call(
        what,
        link -> {
          try {
            return answer.of(link, HostXml.read(link.getCapabilities()));
          } catch (LibvirtException e) {
            throw link.error(e);
          } catch (IllegalArgumentException e) {
            throw new HypervisorException(
                Kind.Other, "the host's capabilities can't be read: " + e.getMessage(), e);
          }
        });
  }

  @Override
  public HostTopology topology() throws HypervisorException {
    return fromCapabilities("topology", (link, host) -> host.topology());
  }

  /** virDomainGetXMLDesc of each active domain. */
  @Override
  public IdSet pinnedCpus() throws HypervisorException {
    IdSet all = topology().cpus();
    IdSet pinned = IdSet.EMPTY;
    for (DomainState domain : domains()) {
      if (domain.run().isActive()) {
        IdSet own =
            call(
                "pins of " + domain.uuid(),
                link -> {
                  Optional<DomainHandle> found = DomainHandle.find(link, domain.uuid());
                  if (found.isEmpty()) {
                    return IdSet.EMPTY;
                  }
                  try (DomainHandle handle = found.get()) {
                    return handle.xml().surroundings().cpus();
                  }
                });
        if (!all.without(own).isEmpty()) {
          pinned = pinned.and(own);
        }
      }
    }
    return pinned;
  }

  /** virConnectGetCapabilities: the security model "dac". */
  @Override
  public OptionalLong emulatorGroup() throws HypervisorException {
    return fromCapabilities("group of the emulator", (link, host) -> host.emulatorGroup());
  }

  /** virAdmServerUpdateTlsFiles. */
  @Override
  public void rereadCertificates() throws HypervisorException {
    call(
        "certificates",
        link -> {
          LibvirtAdmin.rereadCertificates();
          return true;
        });
  }

  /** virConnectGetCapabilities for QEMU's user, the two versions, and the kernel's own word. */
  @Override
  public Optional<String> postCopyObstacle() throws HypervisorException {
    return fromCapabilities(
        "user of the emulator",
        (link, host) ->
            Userfaultfd.of(config.procDirectory())
                .obstacle(host.emulatorUser(), link.getLibVersion(), link.getVersion()));
  }

  /** /proc of the emulator and of libvirt's daemon. */
  @Override
  public Optional<String> zeroCopyObstacle(UUID uuid) throws HypervisorException {
    Optional<DomainState> domain = domain(uuid);
    Optional<EmulatorProcess> process = emulatorProcess(uuid);
    if (domain.isEmpty() || process.isEmpty()) {
      return Optional.empty();
    }
    try (EmulatorProcess emulator = process.get()) {
      return LockedMemory.obstacle(
          config.procDirectory(), emulator.pid(), domain.get().memoryBytes());
    } catch (UncheckedIOException e) {
      LOGGER.atInfo().setCause(e).log("The host's processes can't be listed");
      return Optional.empty();
    }
  }

  /** The kernel's route and /sys/class/net. */
  @Override
  public OptionalInt linkMegabitsPerSecond(InetAddress towards) {
    return LocalAddresses.linkMegabitsPerSecond(towards);
  }

  @Override
  public boolean hasInterface(String name) {
    return LocalAddresses.hasInterface(name);
  }

  @Override
  public List<DomainState> domains() throws HypervisorException {
    return call("list of domains", domains::all);
  }

  @Override
  public Optional<DomainState> domain(UUID uuid) throws HypervisorException {
    return call("state of " + uuid, link -> domains.one(link, uuid));
  }

  @Override
  public GuestDescription describe(UUID uuid) throws HypervisorException {
    return connection.emulatorCall(
        "description of " + uuid,
        uuid,
        config.storageDeadline(),
        link -> GuestReader.describe(link, uuid));
  }

  /** virConnectGetDomainCapabilities of the default emulator. */
  @Override
  public boolean supportsMachine(String architecture, String virtualization, String machineType)
      throws HypervisorException {
    return call(
        "capabilities of " + machineType,
        link -> {
          Pointer text =
              LibvirtNative.instance()
                  .virConnectGetDomainCapabilities(
                      link.pointer(), null, architecture, machineType, virtualization, 0);
          if (text != null) {
            DomainHandle.takeString(text);
            return true;
          }
          HypervisorException error = link.lastError();
          if (saysUnsupported(error)) {
            return false;
          }
          throw error;
        });
  }

  /** virConnectCompareHypervisorCPU of the default emulator. */
  @Override
  public Optional<String> cpuDifference(
      String architecture, String virtualization, String machineType, String cpu)
      throws HypervisorException {
    String own;
    try {
      own = CpuXml.read(cpu);
    } catch (IllegalArgumentException e) {
      throw new HypervisorException(
          Kind.Other, "the CPU that the source has sent can't be read: " + e.getMessage(), e);
    }
    return call(
        "comparison of a CPU",
        link -> {
          int result =
              LibvirtNative.instance()
                  .virConnectCompareHypervisorCPU(
                      link.pointer(),
                      null,
                      architecture,
                      machineType,
                      virtualization,
                      own,
                      LibvirtNative.COMPARE_CPU_FAIL_INCOMPATIBLE);
          if (result >= 0) {
            return result == LibvirtNative.CPU_INCOMPATIBLE
                ? Optional.of("this host's CPU lacks something of it")
                : Optional.empty();
          }
          HypervisorException error = link.lastError();
          String message = String.valueOf(error.getMessage());
          // Or a model or a feature that this libvirt has never heard of.
          if (error.code() == LibvirtErrors.CPU_INCOMPATIBLE || isUnknownCpu(message)) {
            return Optional.of(message);
          }
          if (saysUnsupported(error)) {
            return Optional.empty(); // libvirt can't tell, and won't compare when it comes to it
          }
          throw error;
        });
  }

  private static boolean isUnknownCpu(String message) {
    return message.contains("nknown CPU");
  }

  /** virDomainStartDirtyRateCalc. */
  @Override
  public void startDirtyRate(UUID uuid, Duration period) throws HypervisorException {
    tellEmulator("dirty rate of " + uuid, uuid, (link, domain) -> domain.startDirtyRate(period));
  }

  /**
   * virDomainListGetStats. What the emulator has for itself counts to its resident set, so the
   * kernel's page map says better what it holds of the guest.
   */
  @Override
  public MemoryUse memoryUse(UUID uuid) throws HypervisorException {
    Stats stats = stats(uuid);
    try (var process = emulatorProcess(uuid).orElse(null)) {
      if (process != null) {
        var held =
            GuestRam.residentBytes(config.procDirectory(), process.pid(), stats.memoryBytes());
        if (held.isPresent()) {
          return new MemoryUse(held.getAsLong(), stats.use().dirtyBytesPerSecond());
        }
      }
    } catch (HypervisorException e) {
      LOGGER.atDebug().addKeyValue("guest", uuid).setCause(e).log("No look at its pages");
    }
    return stats.use();
  }

  private record Stats(MemoryUse use, long memoryBytes) {}

  private Stats stats(UUID uuid) throws HypervisorException {
    return connection.emulatorCall(
        "memory of " + uuid,
        uuid,
        config.emulatorDeadline(),
        link -> {
          try (DomainHandle domain = DomainHandle.get(link, uuid)) {
            TypedParameters stats =
                domain.stats(
                    LibvirtNative.DOMAIN_STATS_BALLOON | LibvirtNative.DOMAIN_STATS_DIRTYRATE);
            boolean measured =
                stats.number("dirtyrate.calc_status").orElse(0) == LibvirtNative.DIRTYRATE_MEASURED;
            OptionalLong rate = stats.number("dirtyrate.megabytes_per_second");
            return new Stats(
                new MemoryUse(
                    stats.number("balloon.rss").orElse(0) << 10,
                    measured && rate.isPresent() && rate.getAsLong() >= 0
                        ? OptionalLong.of(rate.getAsLong() << 20)
                        : OptionalLong.empty()),
                stats.number("balloon.maximum").orElse(0) << 10);
          }
        });
  }

  @Override
  public Set<String> networks() throws HypervisorException {
    return call(
        "list of networks",
        link -> {
          try {
            return Set.of(link.listNetworks());
          } catch (LibvirtException e) {
            HypervisorException error = link.error(e);
            if (error.code() == LibvirtErrors.NO_SUPPORT) {
              return Set.of(); // a libvirt without networks has none
            }
            throw error;
          }
        });
  }

  /** virNodeGetMemoryStats. */
  @Override
  public long availableMemoryBytes() throws HypervisorException {
    return call("memory of the host", link -> memory(link, AVAILABLE_MEMORY));
  }

  /**
   * virNodeGetFreePages. Which size is meant where none is named is the kernel's to say: libvirt
   * takes that of the first hugetlbfs, which is the default one.
   */
  @Override
  public FreePages freePages() throws HypervisorException {
    OptionalLong defaultSize = KernelMemory.defaultHugePageKibibytes(config.procDirectory());
    return fromCapabilities(
        "free huge pages",
        (link, host) -> {
          var sizes =
              host.pageSizes().stream().filter(size -> size > SMALLEST_PAGE_KIBIBYTES).toList();
          Map<Long, Long> free = new HashMap<>();
          for (long size : sizes) {
            free.put(size, freePages(link, size) * (size << 10));
          }
          return new FreePages(defaultSize, free);
        });
  }

  private static long freePages(Link link, long kibibytes) throws HypervisorException {
    long[] count = new long[1];
    link.check(
        LibvirtNative.instance()
            .virNodeGetFreePages(
                link.pointer(),
                1,
                new int[] {Math.toIntExact(kibibytes)},
                LibvirtNative.ALL_CELLS,
                1,
                count,
                0));
    return count[0];
  }

  @Override
  public List<PoolState> pools() throws HypervisorException {
    return storageCall("list of pools", Storage::pools);
  }

  @Override
  public Optional<VolumeState> volume(String pool, String volume) throws HypervisorException {
    return storageCall(
        "volume " + volume, link -> Storage.volume(link, pool, volume).map(VolumeXml::state));
  }

  @Override
  public void createVolume(VolumeSpec volume) throws HypervisorException {
    storageCall(
        "making of volume " + volume.name(),
        link -> {
          Storage.create(link, volume);
          return true;
        });
  }

  @Override
  public List<String> volumeNames(String pool) throws HypervisorException {
    return storageCall("volumes of pool " + pool, link -> Storage.names(link, pool));
  }

  @Override
  public void deleteVolume(String pool, String volume) throws HypervisorException {
    storageCall(
        "removal of volume " + volume,
        link -> {
          Storage.delete(link, pool, volume);
          return true;
        });
  }

  @Override
  public void writeProbe(String pool, String volume, byte[] content) throws HypervisorException {
    byte[] copy = content.clone();
    storageCall(
        "writing of volume " + volume,
        link -> {
          Storage.writeProbe(link, pool, volume, copy);
          return true;
        });
  }

  @Override
  public Optional<byte[]> readProbe(String pool, String volume, int maxBytes)
      throws HypervisorException {
    return storageCall(
        "reading of volume " + volume, link -> Storage.readProbe(link, pool, volume, maxBytes));
  }

  @Override
  public Optional<String> volumeStamp(String pool, String volume) throws HypervisorException {
    return storageCall(
        "stamp of volume " + volume,
        link -> Storage.volume(link, pool, volume).map(VolumeXml::stamp));
  }

  @Override
  public String volumeDigest(String pool, String volume) throws HypervisorException {
    Instant deadline = clock.instant().plus(DIGEST_DEADLINE);
    return connection.call(
        "digest of volume " + volume,
        DIGEST_DEADLINE.plus(config.storageDeadline()),
        link -> Storage.digest(link, pool, volume, () -> clock.instant().isAfter(deadline)));
  }

  /** virDomainGetJobStats. Of a transfer that comes in, libvirt tells no more than that. */
  @Override
  public Optional<JobStatistics> job(UUID uuid) throws HypervisorException {
    return connection.emulatorCall(
        "job of " + uuid,
        uuid,
        config.emulatorDeadline(),
        link -> {
          Optional<DomainHandle> found = DomainHandle.find(link, uuid);
          if (found.isEmpty()) {
            return Optional.empty();
          }
          try (DomainHandle domain = found.get()) {
            return domain.job(0);
          } catch (HypervisorException e) {
            return switch (e.code()) {
              case LibvirtErrors.NO_DOMAIN, LibvirtErrors.OPERATION_INVALID -> Optional.empty();
              case LibvirtErrors.OPERATION_UNSUPPORTED -> Optional.of(JobReader.incoming());
              default -> throw e;
            };
          }
        });
  }

  /** virDomainAbortJob. */
  @Override
  public void abortJob(UUID uuid) throws HypervisorException {
    tellEmulator("abort of " + uuid, uuid, (link, domain) -> domain.abortJob());
  }

  /** virDomainMigrateStartPostCopy. */
  @Override
  public void startPostCopy(UUID uuid) throws HypervisorException {
    tellEmulator("post-copy of " + uuid, uuid, (link, domain) -> domain.startPostCopy());
  }

  /** virDomainMigrateSetMaxDowntime. */
  @Override
  public void setMaxDowntime(UUID uuid, Duration downtime) throws HypervisorException {
    tellEmulator(
        "max downtime of " + uuid, uuid, (link, domain) -> domain.setMaxDowntime(downtime));
  }

  /** virDomainMigrateSetMaxSpeed, of pre-copy and of post-copy, which libvirt caps apart. */
  @Override
  public void setMemoryBandwidth(UUID uuid, OptionalInt mebibytesPerSecond)
      throws HypervisorException {
    long cap =
        mebibytesPerSecond.isPresent() ? mebibytesPerSecond.getAsInt() : LibvirtNative.MAX_SPEED;
    tellEmulator(
        "bandwidth of " + uuid,
        uuid,
        (link, domain) -> {
          domain.setMaxSpeed(cap, 0);
          if (GuestReader.jobOf(domain).isPresent()) {
            try {
              domain.setMaxSpeed(cap, LibvirtNative.MAX_SPEED_POSTCOPY);
            } catch (HypervisorException e) {
              // Of use only to a transfer that may go post-copy.
              LOGGER.atDebug().addKeyValue("guest", uuid).setCause(e).log("No post-copy cap");
            }
          }
        });
  }

  /** virDomainBlockJobSetSpeed, where it does not wait for the end of the transfer. */
  @Override
  public void setDiskBandwidth(UUID uuid, String disk, long bytesPerSecond)
      throws HypervisorException {
    tellEmulator(
        "bandwidth of " + disk + " of " + uuid,
        uuid,
        (link, domain) -> {
          if (libvirtVersion(link) < DISK_SPEED_IN_TRANSFER
              && GuestReader.jobOf(domain).isPresent()) {
            throw new HypervisorException(
                Kind.Unsupported,
                LibvirtErrors.OPERATION_UNSUPPORTED,
                "this libvirt can't set a disk's bandwidth while a transfer runs");
          }
          domain.setDiskSpeed(disk, bytesPerSecond);
        });
  }

  /** virDomainAbortJobFlags with VIR_DOMAIN_ABORT_JOB_POSTCOPY. */
  @Override
  public void pausePostCopy(UUID uuid) throws HypervisorException {
    tellEmulator(
        "pause of the post-copy of " + uuid, uuid, (link, domain) -> domain.pausePostCopy());
  }

  /** virDomainSuspend, which libvirt allows while a transfer runs. */
  @Override
  public void suspend(UUID uuid) throws HypervisorException {
    tellEmulator("suspension of " + uuid, uuid, (link, domain) -> domain.suspend());
  }

  /** virDomainResume. */
  @Override
  public void resume(UUID uuid) throws HypervisorException {
    tellEmulator(
        "resume of " + uuid,
        uuid,
        (link, domain) -> {
          DomainHandle.Status status = domain.status();
          if (!DomainStates.run(status.state(), status.reason()).executes()) {
            domain.resume();
          }
        });
  }

  /** virDomainDestroy: kills the emulator first, and so needs no answer from it. */
  @Override
  public void destroy(UUID uuid) throws HypervisorException {
    call(
        "destruction of " + uuid,
        link -> {
          Optional<DomainHandle> found = DomainHandle.find(link, uuid);
          if (found.isPresent()) {
            try (DomainHandle domain = found.get()) {
              domain.destroy();
            } catch (HypervisorException e) {
              if (e.code() != LibvirtErrors.OPERATION_INVALID
                  && e.code() != LibvirtErrors.NO_DOMAIN) {
                throw e;
              }
              // not active, or gone meanwhile
            }
          }
          return true;
        });
  }

  @Override
  public GuestDescription describeShutOff(UUID uuid) throws HypervisorException {
    return storageCall("description of " + uuid, link -> GuestReader.describeShutOff(link, uuid));
  }

  /** virDomainGetXMLDesc, as libvirt would send it to another version of itself. */
  @Override
  public GuestDefinition definitionFor(
      UUID uuid, PeerAddress target, Map<String, String> bridges, Optional<Pins> pins)
      throws HypervisorException {
    return call(
        "definition of " + uuid,
        link -> {
          try (DomainHandle domain = DomainHandle.get(link, uuid)) {
            return new GuestDefinition(
                uuid, DefinitionCalls.persistentFor(domain, target, bridges, pins));
          }
        });
  }

  /** virStorageVolDownload. */
  @Override
  public VolumeReader readVolume(
      String pool, String volume, long offset, long length, BooleanSupplier wanted)
      throws HypervisorException {
    return calls.runWhile(
        wanted,
        "reading of volume " + volume,
        config.storageDeadline(),
        () -> {
          Link link =
              Link.open(
                  config.uri(), config.keepAliveSeconds(), config.keepAliveCount(), Side.ThisHost);
          boolean opened = false;
          try {
            VolumeReader reader =
                VolumeStream.open(
                    VolumeStream.Direction.Download,
                    new VolumeStream.Part(pool, volume, offset, length),
                    link,
                    calls,
                    config.storageDeadline(),
                    wanted,
                    link::shut);
            opened = true;
            return reader;
          } finally {
            if (!opened) {
              link.shut();
            }
          }
        },
        VolumeReader::close);
  }

  @Override
  public OptionalLong fileBytes(String pool, String volume) throws HypervisorException {
    return storageCall(
        "size of volume " + volume,
        link ->
            Storage.volume(link, pool, volume)
                .map(found -> OptionalLong.of(found.fileBytes()))
                .orElse(OptionalLong.empty()));
  }

  /** sync(2). */
  @Override
  public void flushStorage() {
    Libc.instance().sync();
  }

  /** virDomainShutdownFlags. */
  @Override
  public void shutDown(UUID uuid) throws HypervisorException {
    tellEmulator("shutdown of " + uuid, uuid, (link, domain) -> domain.shutDown());
  }

  /** virDomainCreate. */
  @Override
  public void start(UUID uuid) throws HypervisorException {
    connection.call(
        "start of " + uuid,
        config.storageDeadline(),
        link -> {
          try (DomainHandle domain = DomainHandle.get(link, uuid)) {
            domain.start();
            return true;
          }
        });
  }

  /** virDomainUndefineFlags; NVRAM and TPM state stay. */
  @Override
  public void undefine(UUID uuid) throws HypervisorException {
    call(
        "removal of " + uuid,
        link -> {
          Optional<DomainHandle> found = DomainHandle.find(link, uuid);
          if (found.isPresent()) {
            try (DomainHandle domain = found.get()) {
              DefinitionCalls.undefine(link, domain);
            } catch (HypervisorException e) {
              if (e.code() != LibvirtErrors.NO_DOMAIN) {
                throw e;
              }
            }
          }
          return true;
        });
  }

  /**
   * virDomainMigrateToURI3. A guest that is paused now lands paused whatever the request says, and
   * without post-copy, which libvirt refuses for it: it dirties no memory.
   *
   * <p>A caller who gives up and the start of the thread that calls libvirt exclude each other, by
   * a compare-and-set: after a {@code Timeout} virDomainMigrateToURI3 was not called and will not
   * be.
   */
  @Override
  public Transfer startTransfer(TransferRequest request) throws HypervisorException {
    return claims.starting(request.uuid(), request.target(), () -> start(request));
  }

  private Transfer start(TransferRequest request) throws HypervisorException {
    return begin(
        "start of the transfer of " + request.uuid(),
        request.uuid(),
        domain -> {
          TransferCall call = TransferCall.of(request).with(DefinitionCalls.of(domain, request));
          DomainHandle.Status status = domain.status();
          return request.postCopy()
                  && DomainStates.run(status.state(), status.reason()) == DomainState.Run.Paused
              ? call.withoutPostCopy()
              : call;
        });
  }

  /** virDomainMigrateToURI3 with VIR_MIGRATE_POSTCOPY_RESUME. */
  @Override
  public Transfer resumePostCopy(TransferRequest request) throws HypervisorException {
    return begin(
        "resumption of the transfer of " + request.uuid(),
        request.uuid(),
        domain -> TransferCall.of(request).resumingPostCopy());
  }

  private interface CallFor {
    TransferCall callFor(DomainHandle domain) throws HypervisorException;
  }

  private Transfer begin(String what, UUID uuid, CallFor shape) throws HypervisorException {
    return connection.onOwnLink(
        what,
        (link, commitment) -> {
          DomainHandle domain = DomainHandle.get(link, uuid);
          boolean started = false;
          try {
            TransferCall call = shape.callFor(domain);
            Transfer transfer = LibvirtTransfer.start(link, domain, uuid, call, commitment);
            started = true;
            return transfer;
          } finally {
            if (!started) {
              domain.close();
            }
          }
        });
  }

  @Override
  public Peer connectPeer(PeerAddress address, Duration deadline) throws HypervisorException {
    return new LibvirtPeer(openPeer(address, deadline), calls, config.callDeadline());
  }

  private Link openPeer(PeerAddress address, Duration deadline) throws HypervisorException {
    String uri = TransferCall.uri(address);
    try {
      return calls.run(
          "connection to " + uri,
          deadline,
          () -> Link.open(uri, config.keepAliveSeconds(), config.keepAliveCount(), Side.OtherHost),
          Link::shut);
    } catch (HypervisorException e) {
      throw e.kind() == Kind.Timeout
          ? new HypervisorException(Kind.PeerUnreachable, String.valueOf(e.getMessage()), e)
          : e;
    }
  }

  /**
   * Works without libvirt, too: then its pid file is not consulted, and empty rests on the command
   * lines of all processes alone.
   */
  @Override
  public Optional<EmulatorProcess> emulatorProcess(UUID uuid) throws HypervisorException {
    Optional<DomainState> domain;
    try {
      domain = domain(uuid);
    } catch (HypervisorException e) {
      LOGGER.atDebug().addKeyValue("guest", uuid).setCause(e).log("Searching without a name");
      domain = Optional.empty();
    }
    return processes.find(uuid, domain);
  }

  @Override
  public TransferConnections connections(
      UUID uuid, EmulatorProcess process, PeerAddress target, boolean fresh)
      throws HypervisorException {
    claims.forget(uuid);
    return new KernelConnections(
        uuid, process.pid(), target, config.migrationPorts(), fresh, owners, claims);
  }

  /** SIGKILL: told to end, it would wait for the very call that does not return. */
  @Override
  public void killDaemon() throws HypervisorException {
    for (long pid : owners.libvirtDaemons()) {
      try {
        Optional<PidfdProcess> daemon = PidfdProcess.open(pid);
        if (daemon.isPresent()) {
          try (PidfdProcess held = daemon.get()) {
            // Looked at again: the number may have been another's by the time it was opened.
            if (owners.libvirtDaemons().contains(pid)) {
              held.kill();
            }
          }
        }
      } catch (IllegalStateException e) {
        throw new HypervisorException(Kind.Unsupported, "libvirt's daemon can't be ended", e);
      }
    }
  }

  @Override
  public void subscribe(HypervisorListener listener) {
    events.subscribe(listener);
  }

  /**
   * Gives the connections back. Transfers go on; their futures complete as long as the JVM lives.
   */
  @Override
  public void close() {
    connection.close();
    events.close();
    calls.close();
  }

  /** Something that is told to a domain. */
  private interface DomainCall {
    void run(Link link, DomainHandle domain) throws HypervisorException;
  }

  private void tellEmulator(String what, UUID uuid, DomainCall call) throws HypervisorException {
    connection.emulatorCall(
        what,
        uuid,
        config.emulatorDeadline(),
        link -> {
          try (DomainHandle domain = DomainHandle.get(link, uuid)) {
            call.run(link, domain);
            return true;
          }
        });
  }

  private <T> T call(String what, ControlConnection.LinkCall<T> call) throws HypervisorException {
    return connection.call(what, config.callDeadline(), call);
  }

  private <T> T storageCall(String what, ControlConnection.LinkCall<T> call)
      throws HypervisorException {
    return connection.call(what, config.storageDeadline(), call);
  }

  /** virNodeGetMemoryStats: the sum of those fields, in bytes. */
  private static long memory(Link link, Set<String> fields) throws HypervisorException {
    LibvirtNative libvirt = LibvirtNative.instance();
    IntByReference count = new IntByReference();
    link.check(
        libvirt.virNodeGetMemoryStats(link.pointer(), LibvirtNative.ALL_CELLS, null, count, 0));
    int slots = Math.max(1, count.getValue());
    try (Memory stats = new Memory((long) slots * MEMORY_STATS_SIZE)) {
      link.check(
          libvirt.virNodeGetMemoryStats(link.pointer(), LibvirtNative.ALL_CELLS, stats, count, 0));
      long kibibytes = 0;
      for (int i = 0; i < Math.min(slots, count.getValue()); i++) {
        Pointer at = stats.share((long) i * MEMORY_STATS_SIZE);
        if (fields.contains(at.getString(0, StandardCharsets.US_ASCII.name()))) {
          kibibytes += at.getLong(MEMORY_STATS_VALUE);
        }
      }
      return kibibytes * 1024;
    }
  }

  private static long libvirtVersion(Link link) throws HypervisorException {
    try {
      return link.getLibVersion();
    } catch (LibvirtException e) {
      throw link.error(e);
    }
  }

  /** libvirt's texts for a machine, an architecture or a virtualization that it has not. */
  private static boolean saysUnsupported(HypervisorException error) {
    String text = String.valueOf(error.getMessage());
    return switch (error.code()) {
      case LibvirtErrors.INVALID_ARG,
          LibvirtErrors.CONFIG_UNSUPPORTED,
          LibvirtErrors.OPERATION_UNSUPPORTED ->
          true;
      default -> text.contains("not supported") || text.contains("unable to find any emulator");
    };
  }

  /** libvirt's {@code 1000000 * major + 1000 * minor + micro}. */
  static String version(long number) {
    return number / 1_000_000 + "." + number / 1000 % 1000 + "." + number % 1000;
  }
}
