package dev.drover.api.crd;

import io.fabric8.crd.generator.annotation.AdditionalPrinterColumn;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceColumnDefinition;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceSubresourceStatus;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceSubresources;
import io.fabric8.kubernetes.api.model.apiextensions.v1.JSONSchemaProps;
import io.fabric8.kubernetes.client.CustomResource;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Adds to a generated schema what the generator has no annotations for, and refuses one that leaves
 * anything without a bound.
 *
 * <ul>
 *   <li>Lists that several writers share, or that have a natural key, become maps by that key, so
 *       that server-side apply merges entries; all others are atomic.
 *   <li>Integers get the format of their Java type, times are {@code date-time}.
 *   <li>Every string has a maxLength or an enum, every list maxItems, every map maxProperties:
 *       without them the API server assumes the worst for CEL's cost, and anyone can fill etcd.
 * </ul>
 */
final class SchemaRefinement {
  private static final Map<String, String> LIST_KEYS =
      Map.of(
          "conditions", "type",
          "sightings", "nodeName",
          "pools", "name",
          "disks", "target",
          "bridges", "guest",
          "phases", "phase",
          "candidates", "nodeName",
          "attempts", "number");

  private final List<String> unbounded = new ArrayList<>();

  private SchemaRefinement() {}

  static void refine(CustomResourceDefinition crd, Class<? extends CustomResource<?, ?>> kind) {
    var version = crd.getSpec().getVersions().getFirst();
    var subresources = new CustomResourceSubresources();
    subresources.setStatus(new CustomResourceSubresourceStatus());
    version.setSubresources(subresources);
    inOrderOfAnnotations(version.getAdditionalPrinterColumns(), kind);
    var root = version.getSchema().getOpenAPIV3Schema();
    var types = ((ParameterizedType) kind.getGenericSuperclass()).getActualTypeArguments();
    var spec = root.getProperties().get("spec");
    var refinement = new SchemaRefinement();
    refinement.visit("spec", spec, types[0]);
    refinement.visit("status", root.getProperties().get("status"), types[1]);
    if (spec.getRequired() != null && !spec.getRequired().isEmpty()) {
      root.setRequired(List.of("spec"));
    }
    if (!refinement.unbounded.isEmpty()) {
      throw new IllegalStateException(
          "%s has parts without a bound; annotate them with @Size: %s"
              .formatted(kind.getSimpleName(), refinement.unbounded));
    }
  }

  /**
   * The generator sorts columns by path; people read them in the order in which they were named.
   */
  private static void inOrderOfAnnotations(
      List<CustomResourceColumnDefinition> columns, Class<?> kind) {
    var order =
        Arrays.stream(kind.getAnnotationsByType(AdditionalPrinterColumn.class))
            .map(AdditionalPrinterColumn::name)
            .toList();
    columns.sort(Comparator.comparing(column -> order.indexOf(column.getName())));
  }

  private void visit(String path, JSONSchemaProps schema, Type type) {
    switch (schema.getType()) {
      case "object" -> object(path, schema, type);
      case "array" -> array(path, schema, ((ParameterizedType) type).getActualTypeArguments()[0]);
      case "string" -> string(path, schema);
      case "integer" -> schema.setFormat(isLong(type) ? "int64" : "int32");
      case "boolean" -> {}
      default ->
          throw new IllegalStateException(
              "%s is a %s: Kubernetes' API conventions know no such thing"
                  .formatted(path, schema.getType()));
    }
  }

  private void object(String path, JSONSchemaProps schema, Type type) {
    if (schema.getAdditionalProperties() != null) {
      require(path, schema.getMaxProperties());
      schema.setXKubernetesMapType("atomic");
      visit(
          path + "[*]",
          schema.getAdditionalProperties().getSchema(),
          ((ParameterizedType) type).getActualTypeArguments()[1]);
      return;
    }
    var components = ((Class<?>) type).getRecordComponents();
    requireSame(path, schema.getProperties().keySet(), components);
    for (RecordComponent component : components) {
      var name = component.getName();
      visit(path + "." + name, schema.getProperties().get(name), component.getGenericType());
    }
  }

  /** A method that Jackson takes for a getter would become a field that nobody meant. */
  private static void requireSame(
      String path, Set<String> properties, RecordComponent[] components) {
    var names = Arrays.stream(components).map(RecordComponent::getName).collect(Collectors.toSet());
    if (!properties.equals(names)) {
      throw new IllegalStateException(
          "%s has the properties %s, but its record has the components %s"
              .formatted(path, properties, names));
    }
  }

  private void array(String path, JSONSchemaProps schema, Type element) {
    require(path, schema.getMaxItems());
    var key = LIST_KEYS.get(path.substring(path.lastIndexOf('.') + 1));
    if (key == null || element.equals(String.class)) {
      schema.setXKubernetesListType("atomic");
    } else {
      schema.setXKubernetesListType("map");
      schema.setXKubernetesListMapKeys(List.of(key));
    }
    visit(path + "[]", schema.getItems().getSchema(), element);
  }

  private void string(String path, JSONSchemaProps schema) {
    if (schema.getEnum() != null && !schema.getEnum().isEmpty()) {
      return;
    }
    require(path, schema.getMaxLength());
    if (isTime(path.substring(path.lastIndexOf('.') + 1))) {
      schema.setFormat("date-time");
    }
  }

  private void require(String path, Long bound) {
    if (bound == null) {
      unbounded.add(path);
    }
  }

  private static boolean isTime(String name) {
    return Set.of("since", "lastTransitionTime", "notBefore").contains(name) || name.endsWith("At");
  }

  private static boolean isLong(Type type) {
    return type == long.class || type == Long.class;
  }
}
