package dev.drover.node.inventory;

import dev.drover.api.v1alpha1.VirtualMachine;
import dev.drover.api.v1alpha1.VirtualMachineSpec;
import dev.drover.api.v1alpha1.VirtualMachineStatus;
import dev.drover.api.v1alpha1.VirtualMachineStatus.Sighting;
import io.fabric8.kubernetes.api.model.KubernetesResourceList;
import io.fabric8.kubernetes.api.model.ListOptionsBuilder;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * {@link VirtualMachines} by server-side apply: every write is a fresh object with this node's
 * fields in it and nothing else.
 */
final class ApiVirtualMachines implements VirtualMachines {
  private static final String RESOURCE = "virtualmachines";
  private static final String SIGHTING = "virtualmachines/status";
  private static final String DOMAIN_UUID = "spec.domainUuid";
  private static final long PAGE = 500;

  private final KubernetesClient client;
  private final ApiServer api;
  private final String nodeName;
  private final String fieldManager;

  ApiVirtualMachines(KubernetesClient client, ApiServer api, String nodeName, String fieldManager) {
    this.client = client;
    this.api = api;
    this.nodeName = nodeName;
    this.fieldManager = fieldManager;
  }

  @Override
  public List<Found> withOwnSighting() throws ApiException {
    var found = new ArrayList<Found>();
    @Nullable String next = null;
    do {
      var page = page(next);
      page.getItems().stream()
          .flatMap(vm -> found(vm).stream())
          .filter(f -> f.own().isPresent())
          .forEach(found::add);
      next = page.getMetadata().getContinue();
    } while (next != null && !next.isEmpty());
    return found;
  }

  private KubernetesResourceList<VirtualMachine> page(@Nullable String next) throws ApiException {
    var options = new ListOptionsBuilder().withLimit(PAGE).withContinue(next).build();
    return api.read(() -> client.resources(VirtualMachine.class).inAnyNamespace().list(options));
  }

  @Override
  public List<Found> of(UUID uuid) throws ApiException {
    return api
        .read(
            () ->
                client
                    .resources(VirtualMachine.class)
                    .inAnyNamespace()
                    .withField(DOMAIN_UUID, uuid.toString())
                    .list())
        .getItems()
        .stream()
        .sorted(
            Comparator.comparing((VirtualMachine vm) -> vm.getMetadata().getCreationTimestamp())
                .thenComparing(vm -> vm.getMetadata().getUid()))
        .flatMap(vm -> found(vm).stream())
        .toList();
  }

  /**
   * Looks before it applies: what this daemon itself applied under that name for another domain
   * would not be a conflict. What another writer creates in between is one.
   */
  @Override
  public Creation create(String namespace, String name, VirtualMachineSpec spec)
      throws ApiException {
    var there =
        Optional.ofNullable(
            api.read(
                () ->
                    client
                        .resources(VirtualMachine.class)
                        .inNamespace(namespace)
                        .withName(name)
                        .get()));
    if (there.isPresent()) {
      return creation(there.get(), spec);
    }
    var fresh = new VirtualMachine();
    fresh.setMetadata(new ObjectMetaBuilder().withNamespace(namespace).withName(name).build());
    fresh.setSpec(spec);
    try {
      return creation(api.write(RESOURCE, () -> client.resource(fresh).patch(apply(false))), spec);
    } catch (ApiException e) {
      if (isNamespaceMissing(e)) {
        return new Creation.NamespaceMissing();
      }
      if (e.code() == ApiServer.CONFLICT) {
        return new Creation.NameTaken(false);
      }
      throw e;
    }
  }

  private Creation creation(VirtualMachine there, VirtualMachineSpec wanted) {
    return found(there)
        .filter(f -> f.uuid().toString().equals(wanted.domainUuid()))
        .<Creation>map(Creation.Created::new)
        .orElseGet(() -> new Creation.NameTaken(isSoonFree(there, wanted)));
  }

  /** Nobody sees it, or only this host did, whose libvirt has another of its name now. */
  private boolean isSoonFree(VirtualMachine there, VirtualMachineSpec wanted) {
    return there.getStatus() == null
        || there.getStatus().sightingsOrEmpty().stream()
            .allMatch(
                s ->
                    s.nodeName().equals(nodeName)
                        && there.getSpec().domainName().equals(wanted.domainName()));
  }

  private static boolean isNamespaceMissing(ApiException e) {
    return e.code() == ApiServer.NOT_FOUND
        && e.getCause() instanceof KubernetesClientException cause
        && cause.getStatus() != null
        && cause.getStatus().getDetails() != null
        && "namespaces".equals(cause.getStatus().getDetails().getKind());
  }

  @Override
  public boolean report(Place place, Optional<Sighting> sighting) throws ApiException {
    var fresh = new VirtualMachine();
    // With the uid, an object of the same name that was made meanwhile is refused as a conflict.
    fresh.setMetadata(
        new ObjectMetaBuilder()
            .withNamespace(place.namespace())
            .withName(place.name())
            .withUid(place.uid())
            .build());
    fresh.setStatus(new VirtualMachineStatus(null, null, sighting.stream().toList()));
    try {
      api.write(SIGHTING, () -> client.resource(fresh).subresource("status").patch(apply(true)));
      return true;
    } catch (ApiException e) {
      if (e.code() == ApiServer.NOT_FOUND || e.code() == ApiServer.CONFLICT) {
        return false;
      }
      throw e;
    }
  }

  private PatchContext apply(boolean force) {
    return new PatchContext.Builder()
        .withPatchType(PatchType.SERVER_SIDE_APPLY)
        .withFieldManager(fieldManager)
        .withForce(force)
        .build();
  }

  private Optional<Found> found(VirtualMachine vm) {
    if (vm.getSpec() == null) {
      return Optional.empty();
    }
    return uuid(vm.getSpec().domainUuid())
        .map(uuid -> new Found(uuid, place(vm.getMetadata()), own(vm.getStatus())));
  }

  private static Optional<UUID> uuid(String text) {
    try {
      return Optional.of(UUID.fromString(text));
    } catch (IllegalArgumentException e) {
      return Optional.empty(); // made by hand before the schema was as strict
    }
  }

  private static Place place(ObjectMeta metadata) {
    return new Place(metadata.getNamespace(), metadata.getName(), metadata.getUid());
  }

  private Optional<Sighting> own(@Nullable VirtualMachineStatus status) {
    return Optional.ofNullable(status).stream()
        .flatMap(s -> s.sightingsOrEmpty().stream())
        .filter(s -> s.nodeName().equals(nodeName))
        .findFirst();
  }
}
