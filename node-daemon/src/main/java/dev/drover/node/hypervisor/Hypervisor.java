package dev.drover.node.hypervisor;

import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import java.util.function.BooleanSupplier;

/**
 * The hypervisor of this host. Thread-safe. Calls go over one control connection that is
 * re-established by itself; while it is down, every call throws a {@link HypervisorException} of
 * kind {@link HypervisorException.Kind#Unavailable} at once, and listeners are told when it comes
 * and goes. No call waits for a running transfer.
 */
public interface Hypervisor extends AutoCloseable {

  /** Whether the control connection is up now. */
  boolean isConnected();

  HostFacts host() throws HypervisorException;

  /** All domains, active or only defined. */
  List<DomainState> domains() throws HypervisorException;

  /** The domain of that UUID; empty if the host has none. */
  Optional<DomainState> domain(UUID uuid) throws HypervisorException;

  /** What a migration has to know of an active domain. Touches nothing. */
  GuestDescription describe(UUID uuid) throws HypervisorException;

  /**
   * Whether this host's emulator can run that machine type on that architecture (libvirt: domain
   * capabilities).
   */
  boolean supportsMachine(String architecture, String virtualization, String machineType)
      throws HypervisorException;

  /**
   * What that CPU has that this host's emulator can't give, in libvirt's words; empty if the guest
   * can have it here. {@code cpu} is a {@code <cpu>} element that another host's libvirt has
   * written: only what a CPU consists of is read of it, and libvirt gets a new one.
   */
  Optional<String> cpuDifference(
      String architecture, String virtualization, String machineType, String cpu)
      throws HypervisorException;

  /** Names of libvirt's virtual networks that are active. */
  Set<String> networks() throws HypervisorException;

  /** Which CPUs and NUMA nodes this host has. */
  HostTopology topology() throws HypervisorException;

  /**
   * CPUs that guests which are active here are pinned to. One that may use each CPU of the host is
   * pinned to none.
   */
  IdSet pinnedCpus() throws HypervisorException;

  /** Number of the group that emulators run as; empty if libvirt does not say. */
  OptionalLong emulatorGroup() throws HypervisorException;

  /**
   * Has the hypervisor read its certificates anew. Connections that stand are not touched. Throws
   * kind {@code Unsupported} if it can't be told on this host: it has to be restarted then.
   */
  void rereadCertificates() throws HypervisorException;

  /**
   * What is known to keep this host's emulator from receiving a post-copy, in words; empty if
   * nothing is.
   */
  Optional<String> postCopyObstacle() throws HypervisorException;

  /**
   * What is known to keep that guest's memory from being sent without a copy (zero-copy), in words;
   * empty if nothing is.
   */
  Optional<String> zeroCopyObstacle(UUID uuid) throws HypervisorException;

  /**
   * Speed of the network card by which this host reaches that address; empty if its driver does not
   * say.
   */
  OptionalInt linkMegabitsPerSecond(InetAddress towards);

  /** Whether this host's kernel has a network interface of that name now; a bridge is one. */
  boolean hasInterface(String name);

  /**
   * Begins to sample how fast the guest writes to its memory, for that long (whole seconds, 1 to
   * 60); {@link #memoryUse} has the figure then. By sampling of pages: an order of magnitude, and
   * the guest does not notice.
   */
  void startDirtyRate(UUID uuid, Duration period) throws HypervisorException;

  MemoryUse memoryUse(UUID uuid) throws HypervisorException;

  /** Bytes of memory that could be given to a new guest now (free, buffers and page cache). */
  long availableMemoryBytes() throws HypervisorException;

  /** The huge pages that are free now. */
  FreePages freePages() throws HypervisorException;

  List<PoolState> pools() throws HypervisorException;

  /**
   * The names of a pool's volumes, after it was refreshed; none if there is no such active pool.
   */
  List<String> volumeNames(String pool) throws HypervisorException;

  /** The volume, after the pool was refreshed; empty if there is none (or no such active pool). */
  Optional<VolumeState> volume(String pool, String volume) throws HypervisorException;

  /**
   * Makes an empty volume. Throws kind {@code AlreadyExists} rather than to touch one that is
   * there.
   */
  void createVolume(VolumeSpec volume) throws HypervisorException;

  /** Removes the volume; does nothing if there is none. */
  void deleteVolume(String pool, String volume) throws HypervisorException;

  /** Makes a small raw volume with that content. */
  void writeProbe(String pool, String volume, byte[] content) throws HypervisorException;

  /** The content of a small volume, after the pool was refreshed; empty if there is none. */
  Optional<byte[]> readProbe(String pool, String volume, int maxBytes) throws HypervisorException;

  /**
   * What is another text whenever the volume's file was written to (size, times), after the pool
   * was refreshed; empty if there is no such volume.
   */
  Optional<String> volumeStamp(String pool, String volume) throws HypervisorException;

  /**
   * SHA-256 of all bytes of the volume's file, hexadecimal. Reads all of it, which may take
   * minutes.
   */
  String volumeDigest(String pool, String volume) throws HypervisorException;

  /** Statistics of the domain's active job; empty if it has none (or there is no such domain). */
  Optional<JobStatistics> job(UUID uuid) throws HypervisorException;

  /**
   * Asks for the end of the domain's active job; the outcome is the transfer's result, not this
   * call's.
   */
  void abortJob(UUID uuid) throws HypervisorException;

  /** Lets the guest go on at the target now, if the transfer was started with post-copy. */
  void startPostCopy(UUID uuid) throws HypervisorException;

  /**
   * Interrupts a post-copy, so that it can be resumed: both halves of the guest are kept. Asked of
   * the host that the guest comes from.
   */
  void pausePostCopy(UUID uuid) throws HypervisorException;

  /** Longest time for which libvirt may plan to stop the guest. */
  void setMaxDowntime(UUID uuid, Duration downtime) throws HypervisorException;

  /**
   * Cap of the memory stream in MiB/s, empty for none; during disk copy it is stored and obeyed
   * once memory is sent.
   */
  void setMemoryBandwidth(UUID uuid, OptionalInt mebibytesPerSecond) throws HypervisorException;

  /**
   * Cap of one disk's mirror in bytes/s, 0 for none. Hosts older than libvirt 11 refuse it while a
   * transfer runs (kind {@code Unsupported} or {@code Timeout}).
   */
  void setDiskBandwidth(UUID uuid, String disk, long bytesPerSecond) throws HypervisorException;

  /**
   * Stops the guest's CPUs, also while it is being transferred; does nothing if they stand still.
   */
  void suspend(UUID uuid) throws HypervisorException;

  /** Lets the guest go on here; does nothing if it runs. */
  void resume(UUID uuid) throws HypervisorException;

  /** Ends the domain's process at once; does nothing if it is not active. */
  void destroy(UUID uuid) throws HypervisorException;

  /**
   * What a cold migration has to know of a persistent domain, active or not. Its disks are files as
   * they lie there: one in a pool has the format {@code raw} and its file's size as its capacity. A
   * file with the firmware's variables is a disk with the target {@link GuestDescription#NVRAM}.
   * Touches nothing.
   */
  GuestDescription describeShutOff(UUID uuid) throws HypervisorException;

  /**
   * The persistent definition, with what it says of this host made true of another one.
   *
   * @param bridges that host's bridges that take the place of this host's, by the name here
   */
  GuestDefinition definitionFor(
      UUID uuid, PeerAddress target, Map<String, String> bridges, Optional<Pins> pins)
      throws HypervisorException;

  /**
   * Reads so many bytes of a volume's file from {@code offset} on, on a connection of its own.
   *
   * @param wanted asked before and during each call that may take long; once it says no, they throw
   *     kind {@code Aborted}, this one and the reader's
   */
  VolumeReader readVolume(
      String pool, String volume, long offset, long length, BooleanSupplier wanted)
      throws HypervisorException;

  /** Bytes of a volume's file; empty if there is no such volume. The pool is refreshed before. */
  OptionalLong fileBytes(String pool, String volume) throws HypervisorException;

  /** Returns once all that was written to this host's file systems is on its disks. */
  void flushStorage();

  /** Presses the guest's power button (ACPI); whether it heeds it shows later. */
  void shutDown(UUID uuid) throws HypervisorException;

  /** Starts a domain that is shut off; does nothing if it is active. */
  void start(UUID uuid) throws HypervisorException;

  /**
   * Removes the definition of an inactive domain; does nothing if there is none. Throws kind {@code
   * Conflict} if it is active, or was started at that very moment: then it has its definition
   * still, or again.
   */
  void undefine(UUID uuid) throws HypervisorException;

  /**
   * Starts a peer-to-peer transfer on a connection and a thread of its own. It belongs to libvirt:
   * it goes on when this process ends.
   *
   * <p>INVARIANT: if this throws, kind {@code Timeout} included, no transfer was started, and none
   * will be. A start that is under way when the deadline passes is waited for and returned.
   */
  Transfer startTransfer(TransferRequest request) throws HypervisorException;

  /**
   * Goes on with an interrupted post-copy; {@code request} is what it was started with. Only where
   * {@link Peer#canResumePostCopy}. The same is guaranteed as of {@link #startTransfer}.
   */
  Transfer resumePostCopy(TransferRequest request) throws HypervisorException;

  /**
   * Connects to another host's hypervisor, for the hand-over or a cold migration. Gives up after
   * {@code deadline}.
   */
  Peer connectPeer(PeerAddress address, Duration deadline) throws HypervisorException;

  /**
   * A handle on the domain's emulator process that can't be fooled by a re-used pid.
   *
   * <p>INVARIANT: empty is evidence that there is no such process on this host. Whenever that can't
   * be told, this throws: a process can't be looked at, or the hypervisor says that the domain is
   * active and no process is found. It is worth asking again then.
   */
  Optional<EmulatorProcess> emulatorProcess(UUID uuid) throws HypervisorException;

  /**
   * The connections of the transfer of that process's guest to {@code target}.
   *
   * @param fresh it has not been started yet: what is there now is not its
   */
  TransferConnections connections(
      UUID uuid, EmulatorProcess process, PeerAddress target, boolean fresh)
      throws HypervisorException;

  /**
   * Ends this host's libvirt daemon at once, to be started again by whoever keeps it running
   * (systemd). Guests go on; transfers from this host are given up by it when it comes back. The
   * last resort against a call that never returns.
   */
  void killDaemon() throws HypervisorException;

  /**
   * Tells {@code listener} of everything that happens from now on, on a thread where it must not
   * block.
   */
  void subscribe(HypervisorListener listener);

  @Override
  void close();
}
