package dev.drover.node;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;

/** The shape of the daemon. */
@AnalyzeClasses(packages = "dev.drover.node", importOptions = ImportOption.DoNotIncludeTests.class)
class LayersTest {
  private static final String LIBVIRT = "dev.drover.node.hypervisor.libvirt..";
  private static final String[] ROLES = {
    "dev.drover.node.source..", "dev.drover.node.target..", "dev.drover.node.inventory.."
  };

  @ArchTest
  static final ArchRule libvirtStaysInItsAdapter =
      noClasses()
          .that()
          .resideOutsideOfPackage(LIBVIRT)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.libvirt..", "com.sun.jna..");

  @ArchTest
  static final ArchRule onlyTheWiringKnowsTheAdapter =
      noClasses()
          .that()
          .resideOutsideOfPackage(LIBVIRT)
          .and()
          .doNotHaveFullyQualifiedName(DaemonMain.class.getName())
          .should()
          .dependOnClassesThat()
          .resideInAPackage(LIBVIRT);

  @ArchTest
  static final ArchRule thePortKnowsNobody =
      classes()
          .that()
          .resideInAPackage("dev.drover.node.hypervisor")
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage("dev.drover.node.hypervisor", "java..", "org.jspecify..");

  @ArchTest
  static final ArchRule theOperatorIsAnotherProcess =
      noClasses().should().dependOnClassesThat().resideInAPackage("dev.drover.operator..");

  @ArchTest
  static final ArchRule sourceKnowsNoTarget =
      noClasses()
          .that()
          .resideInAPackage("dev.drover.node.source..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("dev.drover.node.target..", "dev.drover.node.inventory..")
          .allowEmptyShould(true);

  @ArchTest
  static final ArchRule targetKnowsNoSource =
      noClasses()
          .that()
          .resideInAPackage("dev.drover.node.target..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("dev.drover.node.source..", "dev.drover.node.inventory..")
          .allowEmptyShould(true);

  @ArchTest
  static final ArchRule inventoryKnowsNoOtherRole =
      noClasses()
          .that()
          .resideInAPackage("dev.drover.node.inventory..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("dev.drover.node.source..", "dev.drover.node.target..");

  @ArchTest
  static final ArchRule decisionsArePure =
      noClasses()
          .that()
          .haveSimpleNameEndingWith("Plan")
          .or()
          .resideInAnyPackage("dev.drover.node.convergence..", "dev.drover.node.bandwidth..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.fabric8..", "io.javaoperatorsdk..", "java.net..", "java.nio..");

  @ArchTest
  static final ArchRule timeIsInjected =
      noClasses()
          .that()
          .doNotHaveFullyQualifiedName(DaemonMain.class.getName())
          .should()
          .callMethod(Instant.class, "now")
          .orShould()
          .callMethod(System.class, "currentTimeMillis")
          .orShould()
          .callMethod(Clock.class, "systemUTC")
          .orShould()
          .callMethod(Clock.class, "systemDefaultZone");

  @ArchTest
  static final ArchRule rolesDoNotSleep =
      noClasses()
          .that()
          .resideInAnyPackage(ROLES)
          .should()
          .callMethod(Thread.class, "sleep", long.class)
          .orShould()
          .callMethod(Thread.class, "sleep", long.class, int.class)
          .orShould()
          .callMethod(Thread.class, "sleep", Duration.class);

  @ArchTest
  static final ArchRule httpIsForHealthOnly =
      noClasses()
          .that(resideInAPackage("dev.drover.node.inventory.."))
          .should()
          .dependOnClassesThat()
          .resideInAPackage("com.sun.net.httpserver..");

  @ArchTest
  static final ArchRule noCyclesBelowTheWiring =
      slices().matching("dev.drover.node.(*)..").should().beFreeOfCycles();
}
