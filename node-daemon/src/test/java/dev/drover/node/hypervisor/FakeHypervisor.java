package dev.drover.node.hypervisor;

import dev.drover.node.hypervisor.DomainState.Run;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.HypervisorListener.DiskCopyEvent;
import dev.drover.node.hypervisor.HypervisorListener.DomainEvent;
import dev.drover.node.hypervisor.TransferConnections.Traffic;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * A host in memory, for tests of what stands on the port. It does what it is told and nothing by
 * itself: a transfer ends when the test says so, and says what the test says. Events are fired on
 * the thread of whoever causes them, before the call returns. Thread-safe.
 *
 * <p>Every call that changes something is in {@link #calls()}, as {@code "abortJob <uuid>"}. Any
 * call can be made to fail with {@link #fail}.
 */
public final class FakeHypervisor implements Hypervisor {
  public static final HostFacts HOST =
      new HostFacts(
          UUID.fromString("00000000-0000-4000-8000-00000000000a"),
          "host-a",
          "11.3.0",
          "10.0.2",
          "x86_64",
          "Skylake-Client",
          8,
          32L << 30);

  private record Volume(VolumeState state, byte[] content) {}

  private final InstantSource clock;
  private final List<HypervisorListener> listeners = new CopyOnWriteArrayList<>();
  private final List<String> calls = Collections.synchronizedList(new ArrayList<>());
  private final Map<String, HypervisorException> failures = new LinkedHashMap<>();
  private final Map<String, Integer> lookUps = new LinkedHashMap<>();
  private final Map<UUID, DomainState> domains = new LinkedHashMap<>();
  private final Map<UUID, GuestDescription> descriptions = new LinkedHashMap<>();
  private final Map<UUID, JobStatistics> jobs = new LinkedHashMap<>();
  private final Map<UUID, JobStatistics> completedJobs = new LinkedHashMap<>();
  private final Map<UUID, FakeTransfer> transfers = new LinkedHashMap<>();
  private final Map<UUID, Traffic> traffics = new LinkedHashMap<>();
  private final Map<UUID, FakeProcess> processes = new LinkedHashMap<>();
  private final Map<String, PoolState> pools = new LinkedHashMap<>();
  private final Map<String, PoolState> poolsOnceRefreshed = new LinkedHashMap<>();
  private final Map<String, Volume> volumes = new LinkedHashMap<>();
  private final Set<UUID> autostarts = new HashSet<>();
  private final Map<InetAddress, FakeHypervisor> peers = new LinkedHashMap<>();
  private HostFacts host = HOST;
  private long availableMemoryBytes = 16L << 30;
  private FreePages freePages = new FreePages(OptionalLong.empty(), Map.of());
  private boolean machinesSupported = true;
  private String cpuDifference;
  private String postCopyObstacle;
  private MemoryUse memoryUse = new MemoryUse(0, OptionalLong.of(0));
  private final Set<String> networks = new HashSet<>();
  private final Set<String> interfaces = new HashSet<>();
  private boolean connected = true;
  private volatile boolean survivesResumption = true;
  private long nextPid = 1000;
  private volatile CountDownLatch jobIsAnswered = new CountDownLatch(0);
  private volatile CountDownLatch domainIsAnswered = new CountDownLatch(0);

  public FakeHypervisor(InstantSource clock) {
    this.clock = clock;
  }

  // What a test sets up, and causes.

  /** A running, persistent domain with 1 GiB and 2 CPUs. */
  public static DomainState running(UUID uuid, String name) {
    return new DomainState(uuid, name, Run.Running, "booted", true, 1L << 30, 2, null);
  }

  public static DomainState in(DomainState domain, Run run, String reason) {
    return new DomainState(
        domain.uuid(),
        domain.name(),
        run,
        reason,
        domain.persistent(),
        domain.memoryBytes(),
        domain.vcpus(),
        domain.guestNamespace());
  }

  /** The host has that domain, and it has a process if it is active; no event. */
  public synchronized DomainState put(DomainState domain) {
    domains.put(domain.uuid(), domain);
    if (domain.run().isActive()) {
      processes.computeIfAbsent(domain.uuid(), _ -> new FakeProcess(nextPid++));
    } else {
      endProcess(domain.uuid());
    }
    return domain;
  }

  /** As {@link #put}, and everybody is told. */
  public void put(DomainState domain, DomainEvent event) {
    put(domain);
    fire(domain.uuid(), event);
  }

  /** The domain is in that state from now on, and everybody is told. */
  public void become(UUID uuid, Run run, String reason, DomainEvent event) {
    synchronized (this) {
      put(in(known(uuid), run, reason));
    }
    fire(uuid, event);
  }

  /** The domain, its definition and its process are gone, and everybody is told. */
  public void remove(UUID uuid, DomainEvent event) {
    synchronized (this) {
      domains.remove(uuid);
      endProcess(uuid);
    }
    fire(uuid, event);
  }

  public synchronized void putDescription(UUID uuid, GuestDescription description) {
    descriptions.put(uuid, description);
  }

  /** What is seen of it once a volume of it is asked for. */
  public synchronized void putPoolOnceRefreshed(PoolState pool) {
    poolsOnceRefreshed.put(pool.name(), pool);
  }

  public synchronized void putPool(PoolState pool) {
    pools.put(pool.name(), pool);
  }

  /** A volume with that content; it replaces an earlier one. */
  public synchronized void putVolume(String pool, String name, String content) {
    byte[] bytes = content.getBytes(StandardCharsets.US_ASCII);
    volumes.put(
        key(pool, name),
        new Volume(
            new VolumeState(pool, name, path(pool, name), "qcow2", bytes.length, bytes.length),
            bytes));
  }

  public synchronized void putVolume(VolumeState volume) {
    volumes.put(key(volume.pool(), volume.name()), new Volume(volume, new byte[0]));
  }

  /** A volume whose file holds that. */
  public synchronized void putVolume(VolumeState volume, byte[] content) {
    volumes.put(key(volume.pool(), volume.name()), new Volume(volume, content.clone()));
  }

  public synchronized void putAutostart(UUID uuid) {
    autostarts.add(uuid);
  }

  /** From now on {@link #job} blocks, as it does while QEMU is in its stop-and-copy. */
  public void fallDeaf() {
    jobIsAnswered = new CountDownLatch(1);
  }

  /**
   * From now on {@link #domain} is not answered, as nothing is while libvirtd is stopped. {@link
   * #killDaemon} ends that: then libvirt is away until {@link #setConnected}.
   */
  public void fallSilent() {
    domainIsAnswered = new CountDownLatch(1);
  }

  /** Ends {@link #fallSilent}. */
  public void answerAgain() {
    domainIsAnswered.countDown();
  }

  /** Ends {@link #fallDeaf}. */
  public void hearAgain() {
    jobIsAnswered.countDown();
  }

  /** What {@link #job} says from now on; empty for no job. */
  public synchronized void putJob(UUID uuid, Optional<JobStatistics> statistics) {
    statistics.ifPresentOrElse(s -> jobs.put(uuid, s), () -> jobs.remove(uuid));
  }

  /** What this host says, as a peer, of a transfer that has arrived. */
  public synchronized void putCompletedJob(UUID uuid, JobStatistics statistics) {
    completedJobs.put(uuid, statistics);
  }

  public synchronized void setHost(HostFacts facts) {
    host = facts;
  }

  public synchronized void setAvailableMemoryBytes(long bytes) {
    availableMemoryBytes = bytes;
  }

  public synchronized void setMachinesSupported(boolean supported) {
    machinesSupported = supported;
  }

  /** What every CPU that is compared here lacks; null for nothing. */
  public synchronized void setCpuDifference(String difference) {
    cpuDifference = difference;
  }

  /** What keeps this host from receiving a post-copy; null for nothing. */
  public synchronized void setPostCopyObstacle(String obstacle) {
    postCopyObstacle = obstacle;
  }

  public synchronized void setMemoryUse(MemoryUse use) {
    memoryUse = use;
  }

  public synchronized void putNetwork(String name) {
    networks.add(name);
  }

  /** Whoever connects to that address finds that host. */
  public synchronized void putPeer(InetAddress address, FakeHypervisor peer) {
    peers.put(address, peer);
  }

  /** As libvirt from 11.2 on. */
  public void dieOfResumption() {
    survivesResumption = false;
  }

  /** Loses or regains libvirt, and tells everybody. */
  public void setConnected(boolean now) {
    synchronized (this) {
      connected = now;
    }
    listeners.forEach(l -> l.onConnection(now, clock.instant()));
  }

  /** The next call of the method of that name, and only that one, throws {@code failure}. */
  public synchronized void fail(String method, HypervisorException failure) {
    failures.put(method, failure);
  }

  public void fire(UUID uuid, DomainEvent event) {
    listeners.forEach(l -> l.onDomainEvent(uuid, event, clock.instant()));
  }

  public void fireIteration(UUID uuid, int iteration) {
    listeners.forEach(l -> l.onIteration(uuid, iteration, clock.instant()));
  }

  public void fireJobCompleted(UUID uuid, JobStatistics statistics) {
    listeners.forEach(l -> l.onJobCompleted(uuid, statistics, clock.instant()));
  }

  public void fireDiskCopy(UUID uuid, String disk, DiskCopyEvent event) {
    listeners.forEach(l -> l.onDiskCopy(uuid, disk, event, clock.instant()));
  }

  // What a test looks at.

  /** The calls that change something, in order. */
  public List<String> calls() {
    return List.copyOf(calls);
  }

  /** How often a method that changes nothing was called. */
  public synchronized int lookUps(String method) {
    return lookUps.getOrDefault(method, 0);
  }

  /** The transfer of that domain that was started last. */
  public synchronized FakeTransfer transfer(UUID uuid) {
    return Optional.ofNullable(transfers.get(uuid))
        .orElseThrow(() -> new AssertionError("no transfer of " + uuid + " was started"));
  }

  /** The process of an active domain. */
  public synchronized FakeProcess process(UUID uuid) {
    return Optional.ofNullable(processes.get(uuid))
        .orElseThrow(() -> new AssertionError("the domain " + uuid + " has no process"));
  }

  /** What a volume's file holds. */
  public synchronized byte[] content(String pool, String volume) {
    return Optional.ofNullable(volumes.get(key(pool, volume)))
        .orElseThrow(() -> new AssertionError("no volume " + volume))
        .content()
        .clone();
  }

  public synchronized boolean autostarts(UUID uuid) {
    return autostarts.contains(uuid);
  }

  public synchronized Collection<VolumeState> volumes() {
    return volumes.values().stream().map(Volume::state).toList();
  }

  // The port.

  @Override
  public synchronized boolean isConnected() {
    return connected;
  }

  @Override
  public synchronized HostFacts host() throws HypervisorException {
    look("host");
    return host;
  }

  @Override
  public synchronized List<DomainState> domains() throws HypervisorException {
    look("domains");
    return List.copyOf(domains.values());
  }

  @Override
  public Optional<DomainState> domain(UUID uuid) throws HypervisorException {
    try {
      if (!domainIsAnswered.await(10, TimeUnit.SECONDS)) {
        throw new HypervisorException(Kind.Timeout, -1, "no answer within 10 s");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new HypervisorException(Kind.Timeout, "interrupted", e);
    }
    synchronized (this) {
      look("domain");
      return Optional.ofNullable(domains.get(uuid));
    }
  }

  @Override
  public synchronized GuestDescription describe(UUID uuid) throws HypervisorException {
    look("describe");
    var state = known("describe", uuid);
    return Optional.ofNullable(descriptions.get(uuid))
        .orElseGet(
            () ->
                new GuestDescription(
                    state,
                    "x86_64",
                    "pc-q35-9.2",
                    "kvm",
                    null,
                    List.of(),
                    List.of(),
                    Surroundings.NONE,
                    List.of()));
  }

  @Override
  public synchronized boolean supportsMachine(
      String architecture, String virtualization, String machineType) throws HypervisorException {
    look("supportsMachine");
    return machinesSupported;
  }

  @Override
  public synchronized Optional<String> cpuDifference(
      String architecture, String virtualization, String machineType, String cpu)
      throws HypervisorException {
    look("cpuDifference");
    return Optional.ofNullable(cpuDifference);
  }

  @Override
  public synchronized Optional<String> zeroCopyObstacle(UUID uuid) throws HypervisorException {
    look("zeroCopyObstacle");
    return Optional.of("no memory may be locked");
  }

  @Override
  public OptionalLong emulatorGroup() {
    return OptionalLong.empty();
  }

  @Override
  public synchronized void rereadCertificates() throws HypervisorException {
    call("rereadCertificates", "");
  }

  @Override
  public synchronized Optional<String> postCopyObstacle() throws HypervisorException {
    look("postCopyObstacle");
    return Optional.ofNullable(postCopyObstacle);
  }

  @Override
  public synchronized void startDirtyRate(UUID uuid, Duration period) throws HypervisorException {
    look("startDirtyRate");
    known("startDirtyRate", uuid);
  }

  @Override
  public synchronized MemoryUse memoryUse(UUID uuid) throws HypervisorException {
    look("memoryUse");
    known("memoryUse", uuid);
    return memoryUse;
  }

  @Override
  public synchronized Set<String> networks() throws HypervisorException {
    look("networks");
    return Set.copyOf(networks);
  }

  @Override
  public synchronized HostTopology topology() throws HypervisorException {
    look("topology");
    return new HostTopology(IdSet.parse("0-3"), IdSet.parse("0"), Map.of(0, IdSet.parse("0-3")));
  }

  @Override
  public synchronized IdSet pinnedCpus() throws HypervisorException {
    look("pinnedCpus");
    return IdSet.parse("1");
  }

  /** A bridge of this host. */
  public synchronized void putInterface(String name) {
    interfaces.add(name);
  }

  @Override
  public OptionalInt linkMegabitsPerSecond(InetAddress towards) {
    return OptionalInt.of(10_000);
  }

  @Override
  public synchronized boolean hasInterface(String name) {
    return interfaces.contains(name);
  }

  @Override
  public synchronized long availableMemoryBytes() throws HypervisorException {
    look("availableMemoryBytes");
    return availableMemoryBytes;
  }

  public synchronized void setFreePages(FreePages free) {
    freePages = free;
  }

  @Override
  public synchronized FreePages freePages() throws HypervisorException {
    look("freePages");
    return freePages;
  }

  @Override
  public synchronized List<PoolState> pools() throws HypervisorException {
    look("pools");
    return List.copyOf(pools.values());
  }

  @Override
  public synchronized Optional<VolumeState> volume(String pool, String volume)
      throws HypervisorException {
    look("volume");
    Optional.ofNullable(poolsOnceRefreshed.remove(pool)).ifPresent(this::putPool);
    return Optional.ofNullable(volumes.get(key(pool, volume))).map(Volume::state);
  }

  @Override
  public synchronized void createVolume(VolumeSpec volume) throws HypervisorException {
    var base = volume.base();
    call(
        "createVolume",
        volume.pool() + " " + volume.name() + (base == null ? "" : " on " + base.path()));
    make(
        new VolumeState(
            volume.pool(),
            volume.name(),
            path(volume.pool(), volume.name()),
            volume.format(),
            volume.capacityBytes(),
            0),
        new byte[0]);
  }

  @Override
  public synchronized List<String> volumeNames(String pool) throws HypervisorException {
    look("volumeNames");
    return volumes().stream().filter(v -> v.pool().equals(pool)).map(VolumeState::name).toList();
  }

  @Override
  public synchronized void deleteVolume(String pool, String volume) throws HypervisorException {
    call("deleteVolume", pool + " " + volume);
    volumes.remove(key(pool, volume));
  }

  @Override
  public synchronized void writeProbe(String pool, String volume, byte[] content)
      throws HypervisorException {
    call("writeProbe", pool + " " + volume);
    make(
        new VolumeState(pool, volume, path(pool, volume), "raw", content.length, content.length),
        content.clone());
  }

  @Override
  public synchronized Optional<byte[]> readProbe(String pool, String volume, int maxBytes)
      throws HypervisorException {
    look("readProbe");
    return Optional.ofNullable(volumes.get(key(pool, volume))).map(v -> v.content().clone());
  }

  /** Another text for other content. */
  @Override
  public synchronized Optional<String> volumeStamp(String pool, String volume)
      throws HypervisorException {
    look("volumeStamp");
    return Optional.ofNullable(volumes.get(key(pool, volume)))
        .map(v -> Integer.toString(Arrays.hashCode(v.content())));
  }

  /** Not SHA-256, but as long as the content is. */
  @Override
  public synchronized String volumeDigest(String pool, String volume) throws HypervisorException {
    look("volumeDigest");
    return Optional.ofNullable(volumes.get(key(pool, volume)))
        .map(v -> HexFormat.of().formatHex(v.content()))
        .orElseThrow(() -> new HypervisorException(Kind.NotFound, 50, "no volume " + volume));
  }

  @Override
  public Optional<JobStatistics> job(UUID uuid) throws HypervisorException {
    try {
      if (!jobIsAnswered.await(10, TimeUnit.SECONDS)) {
        throw new HypervisorException(Kind.Timeout, 68, "cannot acquire state change lock");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    synchronized (this) {
      look("job");
      return Optional.ofNullable(jobs.get(uuid));
    }
  }

  /** Only asks, as libvirt does: the test ends the transfer. */
  @Override
  public synchronized void abortJob(UUID uuid) throws HypervisorException {
    call("abortJob", uuid.toString());
    if (!jobs.containsKey(uuid)) {
      throw new HypervisorException(Kind.Conflict, 55, "no job is active on the domain");
    }
  }

  @Override
  public void startPostCopy(UUID uuid) throws HypervisorException {
    call("startPostCopy", uuid.toString());
  }

  @Override
  public void pausePostCopy(UUID uuid) throws HypervisorException {
    call("pausePostCopy", uuid.toString());
    become(uuid, Run.PausedForPostCopy, DomainState.POST_COPY_FAILED, DomainEvent.PostCopyFailed);
  }

  @Override
  public synchronized Transfer resumePostCopy(TransferRequest request) throws HypervisorException {
    call("resumePostCopy", request.uuid().toString());
    known("resumePostCopy", request.uuid());
    var transfer = new FakeTransfer(request);
    transfers.put(request.uuid(), transfer);
    return transfer;
  }

  @Override
  public void setMaxDowntime(UUID uuid, Duration downtime) throws HypervisorException {
    call("setMaxDowntime", uuid + " " + downtime.toMillis());
  }

  @Override
  public void setMemoryBandwidth(UUID uuid, OptionalInt mebibytesPerSecond)
      throws HypervisorException {
    call(
        "setMemoryBandwidth",
        uuid
            + " "
            + (mebibytesPerSecond.isPresent() ? mebibytesPerSecond.getAsInt() : "without a cap"));
  }

  @Override
  public void setDiskBandwidth(UUID uuid, String disk, long bytesPerSecond)
      throws HypervisorException {
    call("setDiskBandwidth", uuid + " " + disk + " " + bytesPerSecond);
  }

  /** As libvirt does while a transfer runs: its reason is the migration then. */
  @Override
  public void suspend(UUID uuid) throws HypervisorException {
    call("suspend", uuid.toString());
    boolean migrating;
    synchronized (this) {
      migrating = jobs.containsKey(uuid);
    }
    become(
        uuid,
        migrating ? Run.PausedForMigration : Run.Paused,
        migrating ? "migration" : "user",
        migrating ? DomainEvent.SuspendedForMigration : DomainEvent.Suspended);
  }

  @Override
  public void resume(UUID uuid) throws HypervisorException {
    call("resume", uuid.toString());
    become(uuid, Run.Running, "unpaused", DomainEvent.Resumed);
  }

  @Override
  public void destroy(UUID uuid) throws HypervisorException {
    call("destroy", uuid.toString());
    boolean remains;
    synchronized (this) {
      var domain = domains.get(uuid);
      if (domain == null || !domain.run().isActive()) {
        return;
      }
      remains = domain.persistent();
      if (remains) {
        put(in(domain, Run.ShutOff, "destroyed"));
      } else {
        domains.remove(uuid);
        endProcess(uuid);
      }
    }
    fire(uuid, DomainEvent.Stopped);
  }

  @Override
  public void undefine(UUID uuid) throws HypervisorException {
    call("undefine", uuid.toString());
    boolean was;
    synchronized (this) {
      var domain = domains.get(uuid);
      if (domain != null && domain.run().isActive()) {
        throw new HypervisorException(Kind.Conflict, 55, "the domain is active");
      }
      was = domains.remove(uuid) != null;
    }
    if (was) {
      fire(uuid, DomainEvent.Undefined);
    }
  }

  @Override
  public synchronized GuestDescription describeShutOff(UUID uuid) throws HypervisorException {
    look("describeShutOff");
    return describe(uuid);
  }

  /** Its text is the name, and the bridges if there are any. */
  @Override
  public synchronized GuestDefinition definitionFor(
      UUID uuid, PeerAddress target, Map<String, String> bridges, Optional<Pins> pins)
      throws HypervisorException {
    look("definitionFor");
    var name = known("definitionFor", uuid).name();
    return new GuestDefinition(uuid, bridges.isEmpty() ? name : name + " " + bridges);
  }

  @Override
  public synchronized VolumeReader readVolume(
      String pool, String volume, long offset, long length, BooleanSupplier wanted)
      throws HypervisorException {
    look("readVolume");
    return new FakeReader(contentOf(pool, volume), (int) offset, (int) (offset + length), wanted);
  }

  @Override
  public synchronized OptionalLong fileBytes(String pool, String volume)
      throws HypervisorException {
    look("fileBytes");
    var found = volumes.get(key(pool, volume));
    return found == null ? OptionalLong.empty() : OptionalLong.of(found.content().length);
  }

  @Override
  public void flushStorage() {
    calls.add("flushStorage");
  }

  /** Only asks; the test lets the guest go off. */
  @Override
  public void shutDown(UUID uuid) throws HypervisorException {
    call("shutDown", uuid.toString());
  }

  @Override
  public void start(UUID uuid) throws HypervisorException {
    call("start", uuid.toString());
    boolean off;
    synchronized (this) {
      off = !known("start", uuid).run().isActive();
    }
    if (off) {
      become(uuid, Run.Running, "booted", DomainEvent.Started);
    }
  }

  @Override
  public synchronized Transfer startTransfer(TransferRequest request) throws HypervisorException {
    call("startTransfer", request.uuid().toString());
    known("startTransfer", request.uuid());
    var transfer = new FakeTransfer(request);
    transfers.put(request.uuid(), transfer);
    return transfer;
  }

  @Override
  public synchronized Peer connectPeer(PeerAddress address, Duration deadline)
      throws HypervisorException {
    call("connectPeer", address.address().getHostAddress());
    var peer = peers.get(address.address());
    if (peer == null || !peer.isConnected()) {
      throw new HypervisorException(Kind.PeerUnreachable, 38, "unable to connect to " + address);
    }
    return new FakePeer(peer);
  }

  @Override
  public synchronized Optional<EmulatorProcess> emulatorProcess(UUID uuid)
      throws HypervisorException {
    look("emulatorProcess");
    return Optional.ofNullable(processes.get(uuid));
  }

  @Override
  public TransferConnections connections(
      UUID uuid, EmulatorProcess process, PeerAddress target, boolean fresh)
      throws HypervisorException {
    look("connections");
    return new FakeConnections(this, uuid);
  }

  /** What the kernel says of the connections of a transfer from here. */
  public synchronized void putTraffic(UUID uuid, Traffic traffic) {
    traffics.put(uuid, traffic);
  }

  @Override
  public void killDaemon() throws HypervisorException {
    call("killDaemon", "");
    if (domainIsAnswered.getCount() > 0) {
      setConnected(false);
      domainIsAnswered.countDown();
    }
  }

  private record FakeConnections(FakeHypervisor host, UUID uuid) implements TransferConnections {
    @Override
    public Traffic traffic() throws HypervisorException {
      synchronized (host) {
        host.look("traffic");
        return host.traffics.getOrDefault(uuid, Traffic.NONE);
      }
    }

    /** They are gone then; what QEMU and libvirt make of it is the test's to cause. */
    @Override
    public int breakStreams() throws HypervisorException {
      host.call("breakStreams", uuid.toString());
      synchronized (host) {
        var before = host.traffics.put(uuid, Traffic.NONE);
        return before == null ? 0 : before.streams();
      }
    }

    @Override
    public int breakControl() throws HypervisorException {
      host.call("breakControl", uuid.toString());
      return 1;
    }

    @Override
    public void close() {}
  }

  @Override
  public void subscribe(HypervisorListener listener) {
    listeners.add(listener);
  }

  @Override
  public void close() {
    listeners.clear();
  }

  // Inside.

  private synchronized void look(String method) throws HypervisorException {
    lookUps.merge(method, 1, Integer::sum);
    answer(method);
  }

  private synchronized void call(String method, String arguments) throws HypervisorException {
    calls.add(method + " " + arguments);
    answer(method);
  }

  private void answer(String method) throws HypervisorException {
    if (!connected) {
      throw new HypervisorException(Kind.Unavailable, 38, "no connection to the hypervisor");
    }
    var failure = failures.remove(method);
    if (failure != null) {
      throw failure;
    }
  }

  private byte[] contentOf(String pool, String volume) throws HypervisorException {
    var found = volumes.get(key(pool, volume));
    if (found == null) {
      throw new HypervisorException(Kind.NotFound, 50, "no volume " + volume);
    }
    return found.content();
  }

  private DomainState known(UUID uuid) {
    return Optional.ofNullable(domains.get(uuid))
        .orElseThrow(() -> new AssertionError("the test knows no domain " + uuid));
  }

  private DomainState known(String method, UUID uuid) throws HypervisorException {
    var domain = domains.get(uuid);
    if (domain == null) {
      throw new HypervisorException(Kind.NotFound, 42, method + ": no domain " + uuid);
    }
    return domain;
  }

  private void make(VolumeState volume, byte[] content) throws HypervisorException {
    if (!pools.containsKey(volume.pool())) {
      throw new HypervisorException(Kind.NotFound, 49, "no storage pool " + volume.pool());
    }
    if (volumes.putIfAbsent(key(volume.pool(), volume.name()), new Volume(volume, content))
        != null) {
      throw new HypervisorException(
          Kind.AlreadyExists, 90, "storage volume %s exists already".formatted(volume.name()));
    }
  }

  private void endProcess(UUID uuid) {
    var process = processes.remove(uuid);
    if (process != null) {
      process.end();
    }
  }

  private static String key(String pool, String volume) {
    return pool + "/" + volume;
  }

  private static String path(String pool, String volume) {
    return "/pools/" + pool + "/" + volume;
  }

  /** A transfer that ends when the test says so. */
  public static final class FakeTransfer implements Transfer {
    private final TransferRequest request;
    private final CompletableFuture<Void> returned = new CompletableFuture<>();
    private volatile boolean closed;

    FakeTransfer(TransferRequest request) {
      this.request = request;
    }

    public TransferRequest request() {
      return request;
    }

    /** libvirt's call returns well. What it means for the domains is the test's to set up. */
    public void complete() {
      returned.complete(null);
    }

    /** libvirt's call fails. */
    public void fail(HypervisorException failure) {
      returned.completeExceptionally(failure);
    }

    public boolean isClosed() {
      return closed;
    }

    @Override
    public CompletableFuture<Void> returned() {
      return returned;
    }

    @Override
    public void close() {
      closed = true;
    }
  }

  /** A process that lives as long as its domain is active; or longer, if the test holds it. */
  public static final class FakeProcess implements EmulatorProcess {
    private final long pid;
    private final CountDownLatch gone = new CountDownLatch(1);
    private volatile boolean held;
    private volatile boolean closed;

    FakeProcess(long pid) {
      this.pid = pid;
    }

    /** It outlives its domain until {@link #release}: a process in uninterruptible sleep. */
    public void hold() {
      held = true;
    }

    public void release() {
      held = false;
      gone.countDown();
    }

    void end() {
      if (!held) {
        gone.countDown();
      }
    }

    public boolean isClosed() {
      return closed;
    }

    @Override
    public long pid() {
      return pid;
    }

    @Override
    public boolean awaitExit(Duration timeout) {
      try {
        return gone.await(timeout.toNanos(), TimeUnit.NANOSECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return false;
      }
    }

    @Override
    public void close() {
      closed = true;
    }
  }

  /** Another host, seen through a connection that it was reached by. */
  private record FakePeer(FakeHypervisor host) implements Peer {
    @Override
    public Optional<DomainState> domain(UUID uuid) throws HypervisorException {
      return host.domain(uuid);
    }

    @Override
    public void resume(UUID uuid) throws HypervisorException {
      host.call("resume", uuid.toString());
      synchronized (host) {
        var domain = host.known("resume", uuid);
        if (domain.run().executes()) {
          return;
        }
        host.put(in(domain, Run.Running, "unpaused"));
      }
      host.fire(uuid, DomainEvent.Resumed);
    }

    @Override
    public void discard(UUID uuid) throws HypervisorException {
      host.call("discard", uuid.toString());
      synchronized (host) {
        var domain = host.domains.get(uuid);
        if (domain == null) {
          return;
        }
        if (domain.run().executes()) {
          throw new HypervisorException(Kind.Conflict, 55, "the guest runs there");
        }
      }
      host.remove(uuid, DomainEvent.Stopped);
    }

    @Override
    public boolean canResumePostCopy() {
      return host.survivesResumption;
    }

    @Override
    public void enableAutostart(UUID uuid) throws HypervisorException {
      host.call("enableAutostart", uuid.toString());
      var unused = host.known("enableAutostart", uuid);
      host.putAutostart(uuid);
    }

    @Override
    public Optional<JobStatistics> completedJob(UUID uuid) throws HypervisorException {
      host.look("completedJob");
      synchronized (host) {
        return Optional.ofNullable(host.completedJobs.get(uuid));
      }
    }

    @Override
    public VolumeWriter writeVolume(
        String pool, String volume, long offset, long length, BooleanSupplier wanted)
        throws HypervisorException {
      host.call("writeVolume", pool + " " + volume + " " + offset);
      synchronized (host) {
        var unused = host.contentOf(pool, volume);
      }
      return new FakeWriter(host, pool, volume, (int) offset);
    }

    @Override
    public CompletableFuture<Void> define(GuestDefinition definition) {
      try {
        host.call("define", definition.text());
        host.put(
            in(running(definition.uuid(), "web"), Run.ShutOff, "unknown"), DomainEvent.Defined);
        return CompletableFuture.completedFuture(null);
      } catch (HypervisorException e) {
        return CompletableFuture.failedFuture(e);
      }
    }

    @Override
    public void start(UUID uuid) throws HypervisorException {
      host.start(uuid);
    }

    @Override
    public void close() {}
  }

  /** Zeroes in blocks of 4 KiB are holes. */
  private static final class FakeReader implements VolumeReader {
    private static final int BLOCK = 4096;

    private final byte[] content;
    private final int end;
    private final BooleanSupplier wanted;
    private int at;

    FakeReader(byte[] content, int at, int end, BooleanSupplier wanted) {
      this.content = content;
      this.wanted = wanted;
      this.at = at;
      this.end = Math.min(end, content.length);
    }

    @Override
    public Piece read(byte[] buffer) throws HypervisorException {
      if (!wanted.getAsBoolean()) {
        throw new HypervisorException(Kind.Aborted, -1, "not wanted any more");
      }
      if (at >= end) {
        return new Piece.End();
      }
      int length = Math.min(Math.min(BLOCK, buffer.length), end - at);
      boolean empty = Arrays.equals(content, at, at + length, new byte[length], 0, length);
      System.arraycopy(content, at, buffer, 0, length);
      at += length;
      return empty ? new Piece.Hole(length) : new Piece.Data(length);
    }

    @Override
    public void close() {}
  }

  /** What is written is there at once. */
  private static final class FakeWriter implements VolumeWriter {
    private final FakeHypervisor host;
    private final String key;
    private int at;

    FakeWriter(FakeHypervisor host, String pool, String volume, int at) {
      this.host = host;
      this.key = key(pool, volume);
      this.at = at;
    }

    @Override
    public void write(byte[] buffer, int length) throws HypervisorException {
      synchronized (host) {
        host.answer("write");
        var volume = Objects.requireNonNull(host.volumes.get(key));
        var content =
            Arrays.copyOf(volume.content(), Math.max(at + length, volume.content().length));
        System.arraycopy(buffer, 0, content, at, length);
        host.volumes.put(key, new Volume(volume.state(), content));
        at += length;
      }
    }

    @Override
    public void hole(long length) throws HypervisorException {
      write(new byte[(int) length], (int) length);
    }

    @Override
    public void finish() throws HypervisorException {
      synchronized (host) {
        host.answer("finish");
      }
    }

    @Override
    public void close() {}
  }
}
