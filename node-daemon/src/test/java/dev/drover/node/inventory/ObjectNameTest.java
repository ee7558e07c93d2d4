package dev.drover.node.inventory;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ObjectNameTest {
  private static final UUID VM = UUID.fromString("6d8a2b1e-0000-4000-8000-000000000001");

  @ParameterizedTest
  @CsvSource({
    "web, web",
    "Web_01, web-01",
    "web.example.com, web.example.com",
    "'  My VM (old) ', my-vm-old",
    "a..b, a.b",
    "-x.-y-, x.y",
    "Büro, b-ro",
  })
  void isAsCloseToTheDomainsNameAsKubernetesAllows(String domain, String expected) {
    assertThat(ObjectName.candidates(domain, VM)).containsExactly(expected, expected + "-6d8a2b1e");
  }

  @Test
  void fallsBackToTheUuid() {
    assertThat(ObjectName.candidates("東京", VM)).containsExactly("vm-" + VM);
  }

  @Test
  void leavesRoomForTheSuffix() {
    assertThat(ObjectName.candidates("x".repeat(243) + ".yyyyyyyyy", VM))
        .allSatisfy(name -> assertThat(name).hasSizeLessThanOrEqualTo(253).doesNotContain(".-"));
  }

  @Test
  void knowsANamespace() {
    assertThat(ObjectName.isNamespace("team-a")).isTrue();
    assertThat(ObjectName.isNamespace("Team A")).isFalse();
    assertThat(ObjectName.isNamespace("../x")).isFalse();
  }
}
