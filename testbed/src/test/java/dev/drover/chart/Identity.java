package dev.drover.chart;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.NamespaceableResource;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.utils.Serialization;

/** Somebody who writes YAML to the API server, with the rights that his kubeconfig gives him. */
record Identity(KubernetesClient client, String fieldManager) {

  Identity as(String otherFieldManager) {
    return new Identity(client, otherFieldManager);
  }

  GenericKubernetesResource apply(String yaml) {
    return resource(yaml).patch(serverSideApply());
  }

  /** Applies to the status subresource. */
  GenericKubernetesResource report(String yaml) {
    return resource(yaml).subresource("status").patch(serverSideApply());
  }

  /** Merges JSON into the status subresource, which lets a writer remove what isn't his. */
  GenericKubernetesResource mergeIntoStatus(String yaml) {
    try {
      return resource(yaml)
          .subresource("status")
          .patch(
              PatchContext.of(PatchType.JSON_MERGE),
              Serialization.jsonMapper()
                  .writeValueAsString(Serialization.yamlMapper().readTree(yaml)));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
  }

  GenericKubernetesResource create(String yaml) {
    return resource(yaml).create();
  }

  void delete(String yaml) {
    resource(yaml).delete();
  }

  GenericKubernetesResource get(String yaml) {
    return resource(yaml).get();
  }

  /** Whether a write would be refused with that text; nothing is written. */
  boolean isRefused(String yaml, String message) {
    try {
      resource(yaml).dryRun(true).create();
      return false;
    } catch (KubernetesClientException e) {
      return String.valueOf(e.getMessage()).contains(message);
    }
  }

  private NamespaceableResource<GenericKubernetesResource> resource(String yaml) {
    return client.resource(Serialization.unmarshal(yaml, GenericKubernetesResource.class));
  }

  private PatchContext serverSideApply() {
    return new PatchContext.Builder()
        .withPatchType(PatchType.SERVER_SIDE_APPLY)
        .withFieldManager(fieldManager)
        .withForce(true)
        .build();
  }
}
