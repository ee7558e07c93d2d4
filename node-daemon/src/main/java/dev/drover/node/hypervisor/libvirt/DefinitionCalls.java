package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.PeerAddress;
import dev.drover.node.hypervisor.Pins;
import dev.drover.node.hypervisor.TransferRequest;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** A domain's definition: as another host is to have it, and its removal. */
final class DefinitionCalls {
  /** As libvirt sends it to another version of itself; holds passwords. */
  private static final int MIGRATABLE = LibvirtNative.XML_SECURE | LibvirtNative.XML_MIGRATABLE;

  private static final int MIGRATABLE_PERSISTENT = MIGRATABLE | LibvirtNative.XML_INACTIVE;

  private DefinitionCalls() {}

  /** Of the target's own, where the guest's definition says something of this host. */
  static Definitions of(DomainHandle domain, TransferRequest request) throws HypervisorException {
    var relocation =
        new Relocation(
            request.bridges(),
            LocalAddresses::has,
            request.target().address(),
            request.overlaysOnly() ? Set.of() : Set.copyOf(request.copyDisks()),
            request.newPlaces(),
            request.pins());
    return new Definitions(
        rewrite(relocation, domain, domain.definition(MIGRATABLE)),
        request.persist()
            ? rewrite(relocation, domain, domain.definition(MIGRATABLE_PERSISTENT))
            : Optional.empty());
  }

  /** The persistent definition, as it is true of the target. */
  static String persistentFor(
      DomainHandle domain, PeerAddress target, Map<String, String> bridges, Optional<Pins> pins)
      throws HypervisorException {
    String text = domain.definition(MIGRATABLE_PERSISTENT);
    var relocation =
        new Relocation(bridges, LocalAddresses::has, target.address(), Set.of(), Map.of(), pins);
    return rewrite(relocation, domain, text).orElse(text);
  }

  private static Optional<String> rewrite(
      Relocation relocation, DomainHandle domain, String definition) throws HypervisorException {
    try {
      return relocation.rewrite(definition);
    } catch (IllegalArgumentException e) {
      throw new HypervisorException(
          Kind.Other,
          "the definition of " + domain.name() + " can't be read: " + e.getMessage(),
          e);
    }
  }

  /**
   * virDomainUndefineFlags, of an inactive domain: an active one would be made transient, and be
   * gone once it stops. One that is started in between gets its definition back.
   */
  static void undefine(Link link, DomainHandle domain) throws HypervisorException {
    String definition = domain.definition(LibvirtNative.XML_SECURE | LibvirtNative.XML_INACTIVE);
    requireInactive(domain);
    domain.undefine();
    try {
      requireInactive(domain);
    } catch (HypervisorException e) {
      if (e.kind() == Kind.Conflict) {
        DomainHandle.define(link, definition);
      }
      throw e;
    }
  }

  private static void requireInactive(DomainHandle domain) throws HypervisorException {
    if (domain.isActive()) {
      throw new HypervisorException(
          Kind.Conflict, LibvirtErrors.OPERATION_INVALID, "guest " + domain.name() + " is active");
    }
  }
}
