package dev.drover.node.inventory;

import dev.drover.api.v1alpha1.Text;
import dev.drover.api.v1alpha1.VirtualMachineSpec;
import dev.drover.node.LogKeys;
import dev.drover.node.hypervisor.DomainState;
import dev.drover.node.inventory.SightingPlan.Step;
import dev.drover.node.inventory.VirtualMachines.Creation;
import java.time.Duration;
import java.time.InstantSource;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries out what the {@link SightingBook} says, one step after the other, until nothing is due.
 * What fails is not queued again: the difference is still in the book. While the API server is away
 * it is asked at most every five seconds.
 */
final class SightingWriter {
  private static final Logger LOG = LoggerFactory.getLogger(SightingWriter.class);

  /** It says that it lives at least that often. */
  static final Duration LONGEST_WAIT = Duration.ofSeconds(10);

  static final Backoff AWAY = new Backoff(Duration.ofMillis(500), Duration.ofSeconds(5));

  private final SightingBook book;
  private final VirtualMachines virtualMachines;
  private final String guestNamespace;
  private final InstantSource clock;
  private int failures;

  SightingWriter(
      SightingBook book,
      VirtualMachines virtualMachines,
      String guestNamespace,
      InstantSource clock) {
    this.book = book;
    this.virtualMachines = virtualMachines;
    this.guestNamespace = guestNamespace;
    this.clock = clock;
  }

  /** Works off what is due while {@code goOn}; returns how long nothing will be. */
  Duration round(BooleanSupplier goOn) {
    try {
      if (!book.isSeeded()) {
        book.seed(virtualMachines.withOwnSighting(), clock.instant());
      }
      while (goOn.getAsBoolean()) {
        var step = book.next(clock.instant(), LONGEST_WAIT);
        if (step instanceof Step.Wait(var wait)) {
          return wait;
        }
        carryOut(step);
        failures = 0;
      }
      return Duration.ZERO;
    } catch (ApiException e) {
      if (e.kind() == ApiException.Kind.Refused) {
        LOG.atWarn()
            .addKeyValue(LogKeys.CODE, e.code())
            .addKeyValue(LogKeys.ERROR, e.getMessage())
            .log("The API server does not list VirtualMachines");
      }
      return AWAY.after(++failures);
    }
  }

  /** Throws only when the API server is away; a refusal concerns one domain. */
  private void carryOut(Step step) throws ApiException {
    switch (step) {
      case Step.Locate(var uuid) -> unlessRefused(uuid, () -> locate(uuid));
      case Step.Create create -> unlessRefused(create.uuid(), () -> create(create));
      case Step.Report report -> unlessRefused(report.uuid(), () -> report(report));
      case Step.Wait _, Step.Forget _ -> {}
    }
  }

  @FunctionalInterface
  private interface Call {
    void run() throws ApiException;
  }

  private void unlessRefused(UUID uuid, Call call) throws ApiException {
    try {
      call.run();
    } catch (ApiException e) {
      if (e.kind() == ApiException.Kind.Away) {
        throw e;
      }
      book.refused(uuid, clock.instant());
      LOG.atWarn()
          .addKeyValue(LogKeys.DOMAIN, uuid)
          .addKeyValue(LogKeys.CODE, e.code())
          .addKeyValue(LogKeys.ERROR, e.getMessage())
          .log("The API server refuses what this host has to say of a domain; it is asked again");
    }
  }

  private void locate(UUID uuid) throws ApiException {
    var found = virtualMachines.of(uuid);
    if (found.isEmpty()) {
      book.missing(uuid, clock.instant());
      return;
    }
    if (found.size() > 1) {
      LOG.atWarn()
          .addKeyValue(LogKeys.DOMAIN, uuid)
          .addKeyValue(LogKeys.VIRTUAL_MACHINE, found.getFirst().place().name())
          .addKeyValue(LogKeys.NAMESPACE, found.getFirst().place().namespace())
          .log("More than one VirtualMachine claims this domain; the oldest is used");
    }
    var oldest = found.getFirst();
    book.located(uuid, oldest.place(), oldest.own(), clock.instant());
  }

  private void report(Step.Report report) throws ApiException {
    if (virtualMachines.report(report.place(), report.sighting())) {
      book.reported(report.uuid(), report.sighting(), clock.instant());
    } else {
      book.lost(report.uuid());
    }
  }

  private void create(Step.Create create) throws ApiException {
    var domain = create.domain();
    var namespace = namespaceOf(domain);
    if (!createIn(namespace, create)) {
      LOG.atWarn()
          .addKeyValue(LogKeys.DOMAIN, domain.uuid())
          .addKeyValue(LogKeys.NAMESPACE, namespace)
          .log("A domain's metadata names a namespace that does not exist; the default is used");
      if (namespace.equals(guestNamespace) || !createIn(guestNamespace, create)) {
        book.refused(domain.uuid(), clock.instant());
        LOG.atError()
            .addKeyValue(LogKeys.DOMAIN, domain.uuid())
            .addKeyValue(LogKeys.NAMESPACE, guestNamespace)
            .log("The namespace for guests does not exist");
      }
    }
  }

  private String namespaceOf(DomainState domain) {
    var own = domain.guestNamespace();
    if (own == null) {
      return guestNamespace;
    }
    if (ObjectName.isNamespace(own)) {
      return own;
    }
    LOG.atWarn()
        .addKeyValue(LogKeys.DOMAIN, domain.uuid())
        .log("What a domain's metadata names as its namespace can't be one; the default is used");
    return guestNamespace;
  }

  /** False if there is no such namespace. */
  private boolean createIn(String namespace, Step.Create create) throws ApiException {
    var domain = create.domain();
    var spec = new VirtualMachineSpec(domain.uuid().toString(), Text.limit(domain.name(), 253));
    for (var name : ObjectName.candidates(domain.name(), domain.uuid())) {
      switch (virtualMachines.create(namespace, name, spec)) {
        case Creation.Created(var object) -> {
          book.located(domain.uuid(), object.place(), object.own(), clock.instant());
          LOG.atInfo()
              .addKeyValue(LogKeys.DOMAIN, domain.uuid())
              .addKeyValue(LogKeys.VIRTUAL_MACHINE, name)
              .addKeyValue(LogKeys.NAMESPACE, namespace)
              .log("A domain of this host is a VirtualMachine now");
          return true;
        }
        case Creation.NamespaceMissing() -> {
          return false;
        }
        case Creation.NameTaken(var soonFree) -> {
          if (soonFree && create.patient()) {
            book.nameAwaited(domain.uuid(), clock.instant());
            LOG.atInfo()
                .addKeyValue(LogKeys.DOMAIN, domain.uuid())
                .addKeyValue(LogKeys.VIRTUAL_MACHINE, name)
                .addKeyValue(LogKeys.NAMESPACE, namespace)
                .log("A domain's name is still that of one that no host sees; it waits for it");
            return true;
          }
          // else the next candidate
        }
      }
    }
    book.refused(domain.uuid(), clock.instant());
    LOG.atWarn()
        .addKeyValue(LogKeys.DOMAIN, domain.uuid())
        .addKeyValue(LogKeys.DOMAIN_NAME, domain.name())
        .addKeyValue(LogKeys.NAMESPACE, namespace)
        .log("Every name for this domain's VirtualMachine is taken; it is tried again");
    return true;
  }
}
