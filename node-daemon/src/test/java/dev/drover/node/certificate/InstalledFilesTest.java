package dev.drover.node.certificate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.node.certificate.InstalledFiles.Issue;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InstalledFilesTest {
  private static final Issue FIRST = new Issue("key 1", "certificate 1", "ca 1");
  private static final Issue SECOND = new Issue("key 2", "certificate 2", "ca 1");

  @TempDir Path pki;
  private InstalledFiles files;

  @BeforeEach
  void files() {
    files = new InstalledFiles(pki);
  }

  private String read(String file) throws IOException {
    return Files.readString(pki.resolve(file));
  }

  @Test
  void liesWhereLibvirtAndQemuLook() throws IOException {
    assertThat(files.current()).isEmpty();

    files.install(FIRST, OptionalLong.empty());

    assertThat(files.current()).contains(FIRST);
    assertThat(files.foreign()).isEmpty();
    for (var file : new String[] {"CA/cacert.pem", "qemu/ca-cert.pem"}) {
      assertThat(read(file)).isEqualTo("ca 1");
    }
    for (var file :
        new String[] {
          "libvirt/servercert.pem",
          "libvirt/clientcert.pem",
          "qemu/server-cert.pem",
          "qemu/client-cert.pem"
        }) {
      assertThat(read(file)).isEqualTo("certificate 1");
    }
    for (var file :
        new String[] {
          "libvirt/private/serverkey.pem",
          "libvirt/private/clientkey.pem",
          "qemu/server-key.pem",
          "qemu/client-key.pem"
        }) {
      assertThat(read(file)).isEqualTo("key 1");
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(pki.resolve(file))))
          .isEqualTo("rw-------");
    }
  }

  @Test
  void qemusGroupReadsTheKeyAndNobodyElse() throws IOException {
    // One of this process's own: others are root's to give.
    int group = (int) Files.getAttribute(pki, "unix:gid");
    files.install(FIRST, OptionalLong.of(group));

    var key = pki.resolve("qemu/server-key.pem");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(key)))
        .isEqualTo(group == 0 ? "rw-------" : "rw-r-----");
    assertThat(Files.getAttribute(key, "unix:gid")).isEqualTo(group);
  }

  @Test
  void theNextOneTakesTheirPlaceAndNothingIsLeft() throws IOException {
    files.install(FIRST, OptionalLong.empty());
    files.install(SECOND, OptionalLong.empty());

    assertThat(files.current()).contains(SECOND);
    assertThat(read("libvirt/servercert.pem")).isEqualTo("certificate 2");
    assertThat(read("libvirt/private/serverkey.pem")).isEqualTo("key 2");
    try (var left = Files.list(pki.resolve("qemu/drover"))) {
      assertThat(left).as("the link and what it leads to").hasSize(2);
    }
  }

  @Test
  void anotherCaWithTheSameCertificateIsAnotherIssue() throws IOException {
    files.install(FIRST, OptionalLong.empty());
    files.install(new Issue("key 1", "certificate 1", "ca 1 and 2"), OptionalLong.empty());

    assertThat(read("CA/cacert.pem")).isEqualTo("ca 1 and 2");
    assertThat(read("qemu/server-cert.pem")).isEqualTo("certificate 1");
  }

  @Test
  void whatAnInterruptedOneLeftIsFinished() throws IOException {
    files.install(FIRST, OptionalLong.empty());
    Files.delete(pki.resolve("qemu/server-key.pem"));
    Files.createDirectory(pki.resolve("qemu/drover/.new123"));
    Files.writeString(pki.resolve("qemu/drover/.new123/key.pem"), "half");

    files.install(FIRST, OptionalLong.empty());

    assertThat(read("qemu/server-key.pem")).isEqualTo("key 1");
    assertThat(pki.resolve("qemu/drover/.new123")).doesNotExist();
  }

  @Test
  void anAdminsFileIsLeftAlone() throws IOException {
    Files.createDirectories(pki.resolve("libvirt"));
    var own = pki.resolve("libvirt/servercert.pem");
    Files.writeString(own, "an admin's");

    assertThat(files.foreign()).contains(own);
    assertThatThrownBy(() -> files.install(FIRST, OptionalLong.empty()))
        .isInstanceOf(FileAlreadyExistsException.class);
    assertThat(Files.readString(own)).isEqualTo("an admin's");

    Files.delete(own);
    Files.createSymbolicLink(own, Path.of("/somewhere/else.pem"));
    assertThat(files.foreign()).contains(own);
    assertThat(Files.exists(own, LinkOption.NOFOLLOW_LINKS)).isTrue();
  }
}
