package dev.drover.node.certificate;

import dev.drover.node.way.CertificateFile;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Stream;

/**
 * This daemon's files below {@code /etc/pki}. Key, certificate and CA lie together in one directory
 * for each issue, below {@code qemu/drover} (AppArmor lets QEMU read below {@code /etc/pki/qemu}
 * only). Where libvirt and QEMU look there are links into {@code qemu/drover/current}, itself a
 * link that is replaced in one step: nobody ever finds a key and another key's certificate. A file
 * that is not such a link is somebody else's and never touched.
 */
final class InstalledFiles {
  private static final String CURRENT = "current";
  private static final String KEY = "key.pem";
  private static final String CERTIFICATE = "cert.pem";
  private static final String AUTHORITIES = "ca.pem";

  /** Where they are looked for, and what is there. */
  private static final Map<String, String> LINKS = links();

  private final Path pki;
  private final Path store;

  /**
   * @param pki {@code /etc/pki}
   */
  InstalledFiles(Path pki) {
    this.pki = pki;
    this.store = pki.resolve("qemu/drover");
  }

  /** What is installed. */
  record Issue(String key, String certificate, String authorities) {

    CertificateFile certificateFile() throws IOException {
      return CertificateFile.parse(Path.of(CERTIFICATE), certificate);
    }
  }

  private static Map<String, String> links() {
    var links = new LinkedHashMap<String, String>();
    links.put("CA/cacert.pem", AUTHORITIES);
    links.put("qemu/ca-cert.pem", AUTHORITIES);
    for (var end : List.of("server", "client")) {
      links.put("libvirt/%scert.pem".formatted(end), CERTIFICATE);
      links.put("libvirt/private/%skey.pem".formatted(end), KEY);
      links.put("qemu/%s-cert.pem".formatted(end), CERTIFICATE);
      links.put("qemu/%s-key.pem".formatted(end), KEY);
    }
    return links;
  }

  /** A file of somebody else's that is in the way. */
  Optional<Path> foreign() throws IOException {
    for (var link : LINKS.entrySet()) {
      Path path = pki.resolve(link.getKey());
      if (Files.exists(path, LinkOption.NOFOLLOW_LINKS) && !isOwn(path, link.getValue())) {
        return Optional.of(path);
      }
    }
    return Optional.empty();
  }

  private boolean isOwn(Path path, String file) throws IOException {
    return Files.isSymbolicLink(path) && Files.readSymbolicLink(path).equals(target(path, file));
  }

  private Path target(Path link, String file) {
    return directoryOf(link).relativize(store.resolve(CURRENT).resolve(file));
  }

  private static Path directoryOf(Path file) {
    return Objects.requireNonNull(file.getParent(), "every file here is below /etc/pki");
  }

  /** What this daemon, or one before it, has installed; empty if that is nothing, or not whole. */
  Optional<Issue> current() throws IOException {
    Path directory = store.resolve(CURRENT);
    try {
      return Optional.of(
          new Issue(
              Files.readString(directory.resolve(KEY)),
              Files.readString(directory.resolve(CERTIFICATE)),
              Files.readString(directory.resolve(AUTHORITIES))));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  /**
   * Puts it in the place of what was there, in one step, and survives a loss of power at any
   * moment.
   *
   * @param emulatorGroup that reads the key, too; root's, or none: nobody but root does
   */
  void install(Issue issue, OptionalLong emulatorGroup) throws IOException {
    Files.createDirectories(store);
    Path directory = store.resolve(name(issue));
    if (!Files.isDirectory(directory)) {
      Path unfinished = Files.createTempDirectory(store, ".new");
      Files.setPosixFilePermissions(unfinished, PosixFilePermissions.fromString("rwxr-xr-x"));
      write(unfinished.resolve(KEY), issue.key(), "rw-------");
      write(unfinished.resolve(CERTIFICATE), issue.certificate(), "rw-r--r--");
      write(unfinished.resolve(AUTHORITIES), issue.authorities(), "rw-r--r--");
      if (emulatorGroup.orElse(0) != 0) {
        Path key = unfinished.resolve(KEY);
        Files.setAttribute(key, "unix:gid", Math.toIntExact(emulatorGroup.getAsLong()));
        Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-r-----"));
      }
      sync(unfinished);
      Files.move(unfinished, directory, StandardCopyOption.ATOMIC_MOVE);
    }
    link(store.resolve(CURRENT), directory.getFileName());
    sync(store);
    for (var entry : LINKS.entrySet()) {
      Path path = pki.resolve(entry.getKey());
      Files.createDirectories(directoryOf(path));
      if (!isOwn(path, entry.getValue())) {
        // Fails on a file that has come since somebody looked: it is not Drover's.
        Files.createSymbolicLink(path, target(path, entry.getValue()));
        sync(directoryOf(path));
      }
    }
    removeAllBut(Set.of(CURRENT, directory.getFileName().toString()));
  }

  /** One issue has one name: what was installed half-way is found again. */
  private static String name(Issue issue) {
    try {
      var digest = MessageDigest.getInstance("SHA-256");
      digest.update(issue.certificate().getBytes(StandardCharsets.US_ASCII));
      digest.update(issue.authorities().getBytes(StandardCharsets.UTF_8));
      return "issue-" + HexFormat.of().formatHex(digest.digest(), 0, 8);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  private static void link(Path link, Path target) throws IOException {
    Path beside = link.resolveSibling(link.getFileName() + ".new");
    Files.deleteIfExists(beside);
    Files.createSymbolicLink(beside, target);
    Files.move(beside, link, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private static void write(Path path, String text, String permissions) throws IOException {
    try (var channel =
        FileChannel.open(
            path,
            Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions)))) {
      var buffer = StandardCharsets.UTF_8.encode(text);
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
      channel.force(true);
    }
    // Whatever the umask has made of it.
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(permissions));
  }

  private static void sync(Path directory) throws IOException {
    try (var channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  private void removeAllBut(Set<String> names) throws IOException {
    List<Path> old;
    try (Stream<Path> all = Files.list(store)) {
      old = all.filter(path -> !names.contains(path.getFileName().toString())).toList();
    }
    for (Path directory : old) {
      List<Path> files;
      try (Stream<Path> all = Files.walk(directory)) {
        files = all.toList().reversed();
      }
      for (Path file : files) {
        Files.delete(file);
      }
    }
  }
}
