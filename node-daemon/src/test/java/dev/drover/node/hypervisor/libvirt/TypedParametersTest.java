package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.jna.Memory;
import dev.drover.node.hypervisor.libvirt.TypedParameters.Flag;
import dev.drover.node.hypervisor.libvirt.TypedParameters.Int;
import dev.drover.node.hypervisor.libvirt.TypedParameters.Long64;
import dev.drover.node.hypervisor.libvirt.TypedParameters.Real;
import dev.drover.node.hypervisor.libvirt.TypedParameters.Text;
import dev.drover.node.hypervisor.libvirt.TypedParameters.UnsignedInt;
import dev.drover.node.hypervisor.libvirt.TypedParameters.UnsignedLong64;
import java.lang.ref.Reference;
import java.util.List;
import org.junit.jupiter.api.Test;

class TypedParametersTest {

  @Test
  void everyTypeSurvivesNativeMemory() {
    TypedParameters parameters =
        new TypedParameters(
            List.of(
                new Int("int", -7),
                new UnsignedInt("uint", 4_000_000_000L),
                new Long64("llong", Long.MIN_VALUE),
                new UnsignedLong64("ullong", Long.MAX_VALUE),
                new Real("double", 0.5),
                new Flag("boolean", true),
                new Text("string", "größer"),
                new Text("empty", "")));

    assertThat(roundTrip(parameters)).isEqualTo(parameters);
  }

  @Test
  void aNameMayOccurMoreThanOnce() {
    TypedParameters parameters =
        new TypedParameters(
            List.of(new Text("migrate_disks", "vda"), new Text("migrate_disks", "vdb")));

    assertThat(roundTrip(parameters)).isEqualTo(parameters);
    assertThat(parameters.text("migrate_disks")).contains("vda");
  }

  @Test
  void nothingIsWrittenAsNothing() {
    assertThat(roundTrip(new TypedParameters(List.of())).parameters()).isEmpty();
  }

  @Test
  void theLayoutIsThatOfTheHeader() {
    TypedParameters.Block block =
        new TypedParameters(List.of(new Int("a", 1), new UnsignedLong64("bandwidth", 800))).write();

    assertThat(block.array().size()).isEqualTo(2 * 96);
    assertThat(block.array().getString(96)).isEqualTo("bandwidth");
    assertThat(block.array().getInt(96 + 80)).isEqualTo(4);
    assertThat(block.array().getLong(96 + 88)).isEqualTo(800);
  }

  @Test
  void anUnknownTypeIsLeftOut() {
    try (Memory memory = new Memory(96)) {
      memory.clear();
      memory.setString(0, "new");
      memory.setInt(80, 99);

      assertThat(TypedParameters.read(memory, 1).parameters()).isEmpty();
    }
  }

  @Test
  void numbersAreFoundWhateverTheirWidth() {
    TypedParameters parameters =
        new TypedParameters(List.of(new Text("a", "1"), new Int("b", 2), new Flag("c", true)));

    assertThat(parameters.number("a")).isEmpty();
    assertThat(parameters.number("b")).hasValue(2);
    assertThat(parameters.number("c")).isEmpty();
    assertThat(parameters.number("d")).isEmpty();
  }

  @Test
  void aNameThatDoesNotFitIsRefused() {
    TypedParameters parameters = new TypedParameters(List.of(new Int("x".repeat(80), 1)));

    assertThatThrownBy(parameters::write).isInstanceOf(IllegalArgumentException.class);
  }

  private static TypedParameters roundTrip(TypedParameters parameters) {
    TypedParameters.Block block = parameters.write();
    try {
      return TypedParameters.read(block.array(), block.count());
    } finally {
      Reference.reachabilityFence(block);
    }
  }
}
