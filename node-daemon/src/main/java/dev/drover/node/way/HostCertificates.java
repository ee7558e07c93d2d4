package dev.drover.node.way;

import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.TargetReport.Authorities;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * This host's certificates for transfers by TLS, where libvirt and QEMU look for them. Read anew
 * each time: whoever has mended one wants to see it. libvirtd itself reads its server's certificate
 * when it starts, QEMU when a transfer does. Keys are only looked for, not opened.
 */
public final class HostCertificates {
  private static final Duration SOON = Duration.ofDays(7);

  private final Path directory;
  private final InetAddress address;
  private final InstantSource clock;

  /**
   * @param directory {@code /etc/pki}
   * @param address at which other hosts reach this one
   */
  public HostCertificates(Path directory, InetAddress address, InstantSource clock) {
    this.directory = directory;
    this.address = address;
    this.clock = clock;
  }

  /** What was found wrong, and what will be soon. */
  public record Findings(List<Blocker> blockers, List<Blocker> warnings) {
    public Findings {
      blockers = List.copyOf(blockers);
      warnings = List.copyOf(warnings);
    }
  }

  /** Who speaks. */
  private enum End {
    Server,
    Client
  }

  /** Who uses the files. */
  private enum User {
    libvirt,
    QEMU
  }

  /** As the target: whether its libvirt and its QEMU can be connected to. */
  public Findings asServer() {
    return check(End.Server);
  }

  /** As the source: whether its libvirt and its QEMU can connect. */
  public Findings asClient() {
    return check(End.Client);
  }

  /**
   * What another host has to know; the first of each list is the one that has signed the server's
   * certificate. Empty if that can't be told; {@link #asServer} says why.
   */
  public Optional<Authorities> authorities() {
    List<String> libvirt = authorities(User.libvirt);
    List<String> qemu = authorities(User.QEMU);
    return libvirt.isEmpty() || qemu.isEmpty()
        ? Optional.empty()
        : Optional.of(new Authorities(libvirt, qemu));
  }

  /** What keeps this host, as the source, and a target from believing each other. */
  public List<Blocker> against(String target, Authorities theirs) {
    List<Blocker> blockers = new ArrayList<>();
    against(User.libvirt, target, theirs.libvirt(), blockers);
    against(User.QEMU, target, theirs.qemu(), blockers);
    return blockers;
  }

  private void against(User user, String target, List<String> theirs, List<Blocker> blockers) {
    try {
      var authorities = CertificateFile.read(authorityFile(user));
      List<String> own =
          authorities.certificates().stream().map(CertificateFile::fingerprint).toList();
      if (!theirs.isEmpty() && !own.contains(theirs.getFirst())) {
        blockers.add(
            Blocker.of(
                Reason.CertificateUntrusted,
                "the certificate of %s's %s is not signed by a CA in %s here"
                    .formatted(target, user, authorities.path())));
      }
      var mine = CertificateFile.read(certificateFile(user, End.Client)).signer(authorities);
      if (mine.isPresent() && !theirs.contains(CertificateFile.fingerprint(mine.get()))) {
        blockers.add(
            Blocker.of(
                Reason.CertificateUntrusted,
                "%s's %s does not have the CA that has signed %s here"
                    .formatted(target, user, certificateFile(user, End.Client))));
      }
    } catch (IOException e) {
      // Told by asClient already.
    }
  }

  private List<String> authorities(User user) {
    try {
      var authorities = CertificateFile.read(authorityFile(user));
      var signer = CertificateFile.read(certificateFile(user, End.Server)).signer(authorities);
      return signer
          .map(
              first ->
                  Stream.concat(Stream.of(first), authorities.certificates().stream())
                      .distinct()
                      .limit(16)
                      .map(CertificateFile::fingerprint)
                      .toList())
          .orElse(List.of());
    } catch (IOException e) {
      return List.of();
    }
  }

  /** As both ends, in a sentence that stays the same as long as the files do. */
  public CertificateState state() {
    var blockers = new ArrayList<>(asServer().blockers());
    blockers.addAll(asClient().blockers());
    Optional<Instant> notAfter =
        Stream.of(User.values())
            .flatMap(user -> Stream.of(End.values()).map(end -> certificateFile(user, end)))
            .flatMap(HostCertificates::readable)
            .map(file -> file.own().getNotAfter().toInstant())
            .min(Comparator.naturalOrder());
    return blockers.stream()
        .findFirst()
        .map(
            first ->
                new CertificateState(
                    Reason.valueOf(first.reason()),
                    first.message().replaceFirst("; by this host's clock.*", ""),
                    notAfter))
        .orElseGet(
            () ->
                new CertificateState(
                    Reason.CertificatesValid, Reason.CertificatesValid.meaning(), notAfter));
  }

  private static Stream<CertificateFile> readable(Path path) {
    try {
      return Stream.of(CertificateFile.read(path));
    } catch (IOException e) {
      return Stream.empty(); // told as a blocker
    }
  }

  private Findings check(End end) {
    List<Blocker> blockers = new ArrayList<>();
    List<Blocker> warnings = new ArrayList<>();
    for (User user : User.values()) {
      Optional<CertificateFile> authorities = read(authorityFile(user), blockers);
      Optional<CertificateFile> own = read(certificateFile(user, end), blockers);
      Path key = keyFile(user, end);
      if (!Files.isReadable(key)) {
        blockers.add(
            Blocker.of(
                Reason.CertificateMissing,
                key + (Files.exists(key) ? " can't be read" : " is not there")));
      }
      own.ifPresent(file -> dates(file.path(), file.own(), blockers, warnings));
      if (own.isPresent() && authorities.isPresent()) {
        var signer = own.get().signer(authorities.get());
        if (signer.isPresent()) {
          dates(authorities.get().path(), signer.get(), blockers, warnings);
        } else {
          blockers.add(
              Blocker.of(
                  Reason.CertificateUntrusted,
                  "%s is not signed by a CA in %s"
                      .formatted(own.get().path(), authorities.get().path())));
        }
      }
      if (end == End.Server && own.isPresent() && !own.get().names(address)) {
        blockers.add(
            Blocker.of(
                Reason.CertificateNameMismatch,
                "%s is not for %s, but for %s"
                    .formatted(own.get().path(), address.getHostAddress(), names(own.get()))));
      }
    }
    return new Findings(blockers, warnings);
  }

  private static String names(CertificateFile file) {
    var addresses = file.addresses().stream().map(InetAddress::getHostAddress).toList();
    return addresses.isEmpty() ? "no address at all" : String.join(", ", addresses);
  }

  private static Optional<CertificateFile> read(Path path, List<Blocker> blockers) {
    try {
      return Optional.of(CertificateFile.read(path));
    } catch (IOException e) {
      blockers.add(Blocker.of(Reason.CertificateMissing, String.valueOf(e.getMessage())));
      return Optional.empty();
    }
  }

  private void dates(
      Path path, X509Certificate certificate, List<Blocker> blockers, List<Blocker> warnings) {
    Instant now = clock.instant();
    Instant from = certificate.getNotBefore().toInstant();
    Instant until = certificate.getNotAfter().toInstant();
    if (now.isBefore(from)) {
      blockers.add(
          Blocker.of(
              Reason.CertificateExpired,
              "%s is valid from %s on; by this host's clock it is %s".formatted(path, from, now)));
    } else if (now.isAfter(until)) {
      blockers.add(
          Blocker.of(
              Reason.CertificateExpired,
              "%s was valid until %s; by this host's clock it is %s".formatted(path, until, now)));
    } else if (now.plus(SOON).isAfter(until)) {
      warnings.add(
          Blocker.of(
              Reason.CertificateExpired, "%s is valid until %s only".formatted(path, until)));
    }
  }

  private Path authorityFile(User user) {
    return directory.resolve(
        switch (user) {
          case libvirt -> "CA/cacert.pem";
          case QEMU -> "qemu/ca-cert.pem";
        });
  }

  private Path certificateFile(User user, End end) {
    return directory.resolve(
        switch (user) {
          case libvirt -> end == End.Server ? "libvirt/servercert.pem" : "libvirt/clientcert.pem";
          case QEMU -> end == End.Server ? "qemu/server-cert.pem" : "qemu/client-cert.pem";
        });
  }

  private Path keyFile(User user, End end) {
    return directory.resolve(
        switch (user) {
          case libvirt ->
              end == End.Server ? "libvirt/private/serverkey.pem" : "libvirt/private/clientkey.pem";
          case QEMU -> end == End.Server ? "qemu/server-key.pem" : "qemu/client-key.pem";
        });
  }
}
