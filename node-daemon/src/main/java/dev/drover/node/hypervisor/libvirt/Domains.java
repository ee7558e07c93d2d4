package dev.drover.node.hypervisor.libvirt;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The states of domains. What changes comes from libvirt each time, without asking any emulator;
 * what only a definition says is remembered until libvirt tells of a change.
 */
final class Domains {
  /** virDomainStatsRecord: dom, params, nparams. */
  static final int RECORD_PARAMETERS = 8;

  static final int RECORD_COUNT = 16;

  private final ConcurrentMap<UUID, Fixed> known = new ConcurrentHashMap<>();
  private final AtomicLong changes = new AtomicLong();

  /** What only a definition says. */
  private record Fixed(long memoryBytes, int vcpus, @Nullable String guestNamespace) {
    static Fixed of(DomainXml xml) {
      return new Fixed(xml.memoryBytes(), xml.vcpus(), xml.guestNamespace());
    }
  }

  /** That domain's definition may have changed. Never blocks. */
  void forget(UUID uuid) {
    changes.incrementAndGet();
    known.remove(uuid);
  }

  /** Events may have been missed. */
  void forgetAll() {
    changes.incrementAndGet();
    known.clear();
  }

  /**
   * All domains: two calls for all of them (virConnectGetAllDomainStats, virConnectListAllDomains),
   * and one more for each that is new.
   */
  List<DomainState> all(Link link) throws HypervisorException {
    LibvirtNative libvirt = LibvirtNative.instance();
    Set<UUID> persistent = persistent(link);
    List<DomainState> states = new ArrayList<>();
    PointerByReference result = new PointerByReference();
    int count =
        link.check(
            libvirt.virConnectGetAllDomainStats(
                link.pointer(), LibvirtNative.DOMAIN_STATS_STATE, result, 0));
    Pointer records = result.getValue();
    try {
      for (int i = 0; i < count; i++) {
        Pointer record = records.getPointer((long) i * Native.POINTER_SIZE);
        Pointer domain = record.getPointer(0);
        UUID uuid = DomainHandle.uuid(domain);
        TypedParameters parameters =
            TypedParameters.read(record.getPointer(RECORD_PARAMETERS), record.getInt(RECORD_COUNT));
        Optional<Fixed> fixed = fixed(link, uuid);
        // Gone since the first call: then it is no domain of this host.
        if (fixed.isPresent()) {
          states.add(
              state(
                  uuid,
                  libvirt.virDomainGetName(domain),
                  (int) parameters.number("state.state").orElse(0),
                  (int) parameters.number("state.reason").orElse(0),
                  persistent.contains(uuid),
                  fixed.get()));
        }
      }
    } finally {
      if (records != null) {
        libvirt.virDomainStatsRecordListFree(records);
      }
    }
    return List.copyOf(states);
  }

  /** One domain; empty if that host has none of that UUID. */
  Optional<DomainState> one(Link link, UUID uuid) throws HypervisorException {
    Optional<DomainHandle> found = DomainHandle.find(link, uuid);
    if (found.isEmpty()) {
      return Optional.empty();
    }
    try (DomainHandle domain = found.get()) {
      Fixed fixed = known.get(uuid);
      return Optional.of(state(uuid, domain, fixed == null ? learn(uuid, domain) : fixed));
    } catch (HypervisorException e) {
      // Gone between the calls.
      if (e.kind() == Kind.NotFound) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** The state of a domain whose definition has been read just now. */
  static DomainState state(UUID uuid, DomainHandle domain, DomainXml xml)
      throws HypervisorException {
    return state(uuid, domain, Fixed.of(xml));
  }

  private static DomainState state(UUID uuid, DomainHandle domain, Fixed fixed)
      throws HypervisorException {
    boolean persistent = domain.isPersistent();
    DomainHandle.Status status = domain.status();
    return state(uuid, domain.name(), status.state(), status.reason(), persistent, fixed);
  }

  private static DomainState state(
      UUID uuid, String name, int state, int reason, boolean persistent, Fixed fixed) {
    return new DomainState(
        uuid,
        name,
        DomainStates.run(state, reason),
        DomainStates.reason(state, reason),
        persistent,
        fixed.memoryBytes(),
        fixed.vcpus(),
        fixed.guestNamespace());
  }

  private Optional<Fixed> fixed(Link link, UUID uuid) throws HypervisorException {
    Fixed fixed = known.get(uuid);
    if (fixed != null) {
      return Optional.of(fixed);
    }
    Optional<DomainHandle> found = DomainHandle.find(link, uuid);
    if (found.isEmpty()) {
      return Optional.empty();
    }
    try (DomainHandle domain = found.get()) {
      return Optional.of(learn(uuid, domain));
    } catch (HypervisorException e) {
      if (e.kind() == Kind.NotFound) {
        return Optional.empty();
      }
      throw e;
    }
  }

  private Fixed learn(UUID uuid, DomainHandle domain) throws HypervisorException {
    long before = changes.get();
    Fixed fixed = Fixed.of(domain.xml());
    known.put(uuid, fixed);
    // A change told while the definition was read: what was read may be the old one.
    if (changes.get() != before) {
      known.remove(uuid, fixed);
    }
    return fixed;
  }

  private static Set<UUID> persistent(Link link) throws HypervisorException {
    LibvirtNative libvirt = LibvirtNative.instance();
    PointerByReference result = new PointerByReference();
    int count =
        link.check(
            libvirt.virConnectListAllDomains(
                link.pointer(), result, LibvirtNative.LIST_DOMAINS_PERSISTENT));
    Pointer array = result.getValue();
    Set<UUID> uuids = new HashSet<>();
    try {
      for (int i = 0; i < count; i++) {
        Pointer domain = array.getPointer((long) i * Native.POINTER_SIZE);
        uuids.add(DomainHandle.uuid(domain));
        libvirt.virDomainFree(domain);
      }
    } finally {
      if (array != null) {
        Native.free(Pointer.nativeValue(array));
      }
    }
    return uuids;
  }
}
