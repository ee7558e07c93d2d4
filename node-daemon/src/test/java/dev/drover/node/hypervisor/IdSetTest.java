package dev.drover.node.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IdSetTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"0-3,^2,8|0-1,3,8", "5|5", "1,0,2|0-2", "0-1, 4|0-1,4", "''|''"})
  void itReadsWhatLibvirtWrites(String text, String canonical) {
    assertThat(IdSet.parse(text)).hasToString(canonical);
    assertThat(IdSet.parse(canonical)).isEqualTo(IdSet.parse(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "3-1", "-1", "1-", "99999999", "0-2000000000"})
  void allElseIsRefused(String text) {
    assertThatIllegalArgumentException().isThrownBy(() -> IdSet.parse(text));
  }

  @Test
  void whatIsMissingIsTold() {
    assertThat(IdSet.parse("0-7").without(IdSet.parse("0-3,5"))).hasToString("4,6-7");
    assertThat(IdSet.parse("0-1").without(IdSet.parse("0-3")).isEmpty()).isTrue();
    assertThat(IdSet.parse("0").and(IdSet.parse("2"))).hasToString("0,2");
  }
}
