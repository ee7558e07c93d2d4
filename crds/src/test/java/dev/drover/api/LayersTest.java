package dev.drover.api;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import io.fabric8.kubernetes.client.CustomResource;

/** DESIGN.md 5: the API module knows no client. */
@AnalyzeClasses(packages = "dev.drover", importOptions = DoNotIncludeTests.class)
class LayersTest {

  /** The base class of a kind is all that is taken from the client's API. */
  @ArchTest
  static final ArchRule apiKnowsNoClient =
      classes()
          .should()
          .onlyDependOnClassesThat(
              DescribedPredicate.<JavaClass>describe(
                  "are values, annotations or the base of a kind",
                  c ->
                      c.isAssignableTo(CustomResource.class)
                          || c.getPackageName().startsWith("java.")
                          || c.getPackageName().startsWith("dev.drover.api")
                          || c.getPackageName().startsWith("org.jspecify.annotations")
                          || c.getPackageName().startsWith("com.fasterxml.jackson.annotation")
                          || c.getPackageName().startsWith("io.fabric8.generator.annotation")
                          || c.getPackageName().startsWith("io.fabric8.crd.generator.annotation")
                          || c.getPackageName().startsWith("io.fabric8.kubernetes.model.annotation")
                          || c.getPackageName().startsWith("io.fabric8.kubernetes.api.model")));
}
