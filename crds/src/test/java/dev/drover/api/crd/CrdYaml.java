package dev.drover.api.crd;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.drover.api.v1alpha1.HypervisorNode;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.VirtualMachine;
import io.fabric8.crdv2.generator.CRDGenerator;
import io.fabric8.crdv2.generator.CRDPostProcessor;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.client.CustomResource;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Makes the YAML of the CustomResourceDefinitions: fabric8's generator reads the records and their
 * annotations, {@link SchemaRefinement} adds what it has no annotations for.
 *
 * <p>{@code mvn -f crds/pom.xml test -Dtest=CrdYamlTest -Dcrds.update=true} writes the committed
 * files anew.
 */
final class CrdYaml {
  private static final List<Class<? extends CustomResource<?, ?>>> KINDS =
      List.of(LiveMigration.class, VirtualMachine.class, HypervisorNode.class);

  private static final String HEADER =
      """
      # Made from the records in crds/src/main/java by CrdYaml; CrdYamlTest compares. Don't edit:
      #   mvn -f crds/pom.xml test -Dtest=CrdYamlTest -Dcrds.update=true
      """;

  private static final YAMLMapper YAML =
      YAMLMapper.builder()
          .enable(YAMLGenerator.Feature.MINIMIZE_QUOTES)
          .disable(YAMLGenerator.Feature.SPLIT_LINES)
          .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
          .build();

  /** The schema's limits are doubles in fabric8's model, and integers to people. */
  private static final Pattern LIMIT = Pattern.compile("(?m)((?:max|min)imum: )([-0-9.E]+)$");

  private CrdYaml() {}

  /** Content by file name, {@code <plural>.drover.dev.yaml}. */
  static Map<String, String> files() {
    Map<String, String> files = new TreeMap<>();
    for (var crd : definitions()) {
      files.put(crd.getMetadata().getName() + ".yaml", HEADER + yaml(crd));
    }
    return files;
  }

  private static String yaml(CustomResourceDefinition crd) {
    try {
      return LIMIT
          .matcher(YAML.writeValueAsString(crd))
          .replaceAll(
              limit ->
                  limit.group(1) + new BigDecimal(limit.group(2)).toBigIntegerExact().toString());
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  static List<CustomResourceDefinition> definitions() {
    return KINDS.stream().map(CrdYaml::definition).toList();
  }

  static CustomResourceDefinition definition(Class<? extends CustomResource<?, ?>> kind) {
    var definitions = new ArrayList<CustomResourceDefinition>();
    new CRDGenerator()
        .customResourceClasses(List.of(kind))
        .forCRDVersions("v1")
        .withPostProcessor(
            new CRDPostProcessor() {
              @Override
              public HasMetadata process(HasMetadata made, String version) {
                definitions.add((CustomResourceDefinition) made);
                return made;
              }
            })
        .withOutput(new Nowhere())
        .generate();
    SchemaRefinement.refine(definitions.getFirst(), kind);
    return definitions.getFirst();
  }

  static void write(Path directory) throws IOException {
    Files.createDirectories(directory);
    for (var file : files().entrySet()) {
      Files.writeString(directory.resolve(file.getKey()), file.getValue());
    }
  }

  /** The definitions are taken from the post-processor, before the generator writes them. */
  private static final class Nowhere implements CRDGenerator.CRDOutput<OutputStream> {
    @Override
    public OutputStream outputFor(String crdName) {
      return OutputStream.nullOutputStream();
    }

    @Override
    public void close() {}
  }
}
