package dev.drover.operator;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import dev.drover.operator.migration.phase.Step;
import java.util.Set;

/** The rules that hold the shape (DESIGN.md 5). */
@AnalyzeClasses(
    packages = "dev.drover.operator",
    importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  @ArchTest
  static final ArchRule STEPS_DO_NOT_KNOW_EACH_OTHER =
      noClasses()
          .that()
          .implement(Step.class)
          .should()
          .callCodeUnitWhere(
              new DescribedPredicate<JavaCall<?>>("another step is called") {
                @Override
                public boolean test(JavaCall<?> call) {
                  return call.getTargetOwner().isAssignableTo(Step.class)
                      && !call.getTargetOwner().equals(call.getOriginOwner());
                }
              });

  @ArchTest
  static final ArchRule STEPS_ARE_PURE =
      noClasses()
          .that()
          .resideInAPackage("..migration.phase")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "io.fabric8.kubernetes.client..",
              "io.javaoperatorsdk..",
              "..operator.status..",
              "..operator.event..",
              "..operator.cluster..",
              "org.slf4j..");

  @ArchTest
  static final ArchRule ONE_CLASS_WRITES_STATUS =
      noClasses()
          .that()
          .doNotHaveSimpleName("ServerSideApplyWriter")
          .should()
          .callMethodWhere(
              new DescribedPredicate<JavaCall<?>>("status is written") {
                private static final Set<String> WRITES =
                    Set.of(
                        "subresource",
                        "patch",
                        "patchStatus",
                        "updateStatus",
                        "editStatus",
                        "replaceStatus",
                        "serverSideApply");

                @Override
                public boolean test(JavaCall<?> call) {
                  return WRITES.contains(call.getName())
                      && (call.getTargetOwner().getPackageName().startsWith("io.fabric8")
                          || call.getTargetOwner()
                              .getPackageName()
                              .startsWith("io.javaoperatorsdk"));
                }
              });

  @ArchTest
  static final ArchRule TIME_IS_INJECTED =
      noClasses()
          .should()
          .callMethodWhere(
              new DescribedPredicate<JavaCall<?>>("the time is asked for") {
                @Override
                public boolean test(JavaCall<?> call) {
                  String owner = call.getTargetOwner().getFullName();
                  return (owner.startsWith("java.time.") && call.getName().equals("now"))
                      || (owner.equals("java.lang.System")
                          && call.getName().equals("currentTimeMillis"));
                }
              });

  @ArchTest
  static final ArchRule ONLY_MAIN_MAKES_A_CLOCK =
      noClasses()
          .that()
          .doNotHaveSimpleName("OperatorMain")
          .should()
          .callMethodWhere(
              new DescribedPredicate<JavaCall<?>>("a system clock is made") {
                @Override
                public boolean test(JavaCall<?> call) {
                  return call.getName().startsWith("system")
                      && call.getTargetOwner().getFullName().startsWith("java.time.");
                }
              });

  @ArchTest
  static final ArchRule THE_OPERATOR_DOES_NOT_KNOW_THE_DAEMON =
      noClasses()
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("dev.drover.node..", "org.libvirt..");

  @ArchTest
  static final ArchRule NAMES_COME_FROM_THE_FIELD =
      classes().should().haveNameNotMatching(".*(Manager|Helper|Utils?|Impl)(\\$.*)?");

  @ArchTest
  static final ArchRule NOBODY_SLEEPS =
      noClasses().should().callMethod(Thread.class, "sleep", long.class);
}
