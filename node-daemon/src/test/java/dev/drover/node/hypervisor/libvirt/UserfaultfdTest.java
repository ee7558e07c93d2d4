package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which hosts can receive a post-copy, as far as they can tell. */
class UserfaultfdTest {
  private static final String CAPABILITIES =
      """
      <capabilities><host>
        <uuid>5b0a1e52-0000-4000-8000-000000000001</uuid>
        <secmodel><model>apparmor</model><doi>0</doi></secmodel>
        <secmodel><model>dac</model><doi>0</doi>
          <baselabel type='kvm'>%s</baselabel><baselabel type='qemu'>%s</baselabel>
        </secmodel>
      </host></capabilities>
      """;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        // user | sysctl | device | libvirt | qemu | what is said
        "0     | false | false |  9000000 |  7002022 | ",
        "      | false | false |  9000000 |  7002022 | ",
        "64055 | true  | false |  9000000 |  7002022 | ",
        "64055 |       | false |  9000000 |  7002022 | ",
        "64055 | false | true  | 11003000 | 10000002 | ",
        "64055 | false | true  | 10001000 |  8000000 | ",
        "64055 | false | true  |  9000000 |  7002022 | QEMU 7.2.22 does not know /dev/userfaultfd (8.0 does)",
        "64055 | false | true  | 10000000 |  8002000 | libvirt 10.0.0 does not give it /dev/userfaultfd (10.1 does)",
        "64055 | false | false | 11003000 | 10000002 | the kernel has no /dev/userfaultfd",
      })
  void aHostSaysWhatItKnowsToBeInTheWay(
      @Nullable Long user,
      @Nullable Boolean sysctl,
      boolean device,
      long libvirt,
      long qemu,
      @Nullable String said) {
    var obstacle =
        new Userfaultfd(Optional.ofNullable(sysctl), device)
            .obstacle(user == null ? OptionalLong.empty() : OptionalLong.of(user), libvirt, qemu);
    if (said == null) {
      assertThat(obstacle).isEmpty();
    } else {
      assertThat(obstacle)
          .contains("QEMU runs as user 64055 here, vm.unprivileged_userfaultfd is 0, and " + said);
    }
  }

  @Test
  void theKernelIsRead(@TempDir Path proc) throws IOException {
    assertThat(Userfaultfd.of(proc)).isEqualTo(new Userfaultfd(Optional.empty(), false));
    Files.createDirectories(proc.resolve("sys/vm"));
    Files.writeString(proc.resolve("sys/vm/unprivileged_userfaultfd"), "0\n");
    Files.writeString(proc.resolve("misc"), "229 fuse\n257 userfaultfd\n");
    assertThat(Userfaultfd.of(proc)).isEqualTo(new Userfaultfd(Optional.of(false), true));
    Files.writeString(proc.resolve("sys/vm/unprivileged_userfaultfd"), "1\n");
    Files.writeString(proc.resolve("misc"), "229 fuse\n");
    assertThat(Userfaultfd.of(proc)).isEqualTo(new Userfaultfd(Optional.of(true), false));
  }

  @ParameterizedTest
  @CsvSource({"+64055:+64055, 64055", "+0:+0, 0", "64055:108, 64055", "libvirt-qemu:kvm,"})
  void libvirtSaysWhoseQemuIs(String label, @Nullable Long user) {
    var host = HostXml.read(CAPABILITIES.formatted(label, label));
    assertThat(host.emulatorUser())
        .isEqualTo(user == null ? OptionalLong.empty() : OptionalLong.of(user));
  }
}
