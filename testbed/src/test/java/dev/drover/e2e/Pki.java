package dev.drover.e2e;

import dev.drover.testbed.host.HypervisorHost;
import dev.drover.testbed.process.Command;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Real certificates for hosts that speak TLS, made by openssl; each host is both ends. */
final class Pki {
  private final Path directory;

  Pki(Path directory) {
    this.directory = directory;
  }

  /** A CA of that name; one of the same file name is replaced. */
  void authority(String name) {
    run(
        """
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
          -keyout %1$s.key -out %1$s.pem -subj /CN=drover-test-%1$s \
          -addext basicConstraints=critical,CA:TRUE
        """
            .formatted(name));
  }

  /** A certificate for that address, of that CA, that has those days to live (less than 0: had). */
  void certificate(String name, String authority, String address, int days) {
    run(
        """
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout %1$s.key -out %1$s.csr -subj /CN=%1$s
        printf 'subjectAltName=IP:%3$s\\nextendedKeyUsage=serverAuth,clientAuth\\n' > %1$s.ext
        """
            .formatted(name, authority, address));
    if (days > 0) {
      run(
          "openssl x509 -req -in %1$s.csr -CA %2$s.pem -CAkey %2$s.key -CAcreateserial -extfile %1$s.ext -out %1$s.pem -days %3$d"
              .formatted(name, authority, days));
    } else {
      // `openssl x509` of Debian 12 makes none of the past; `openssl ca` does.
      run(
          """
          : > index; echo 1000 > serial
          printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index\\nserial=serial\\nnew_certs_dir=.\\ndefault_md=sha256\\npolicy=p\\n[p]\\ncommonName=supplied\\n' > ca.cnf
          openssl ca -batch -notext -config ca.cnf -in %1$s.csr -cert %2$s.pem -keyfile %2$s.key -extfile %1$s.ext \
            -startdate 20200101000000Z -enddate 20200201000000Z -out %1$s.pem
          """
              .formatted(name, authority));
    }
  }

  /** Puts them where libvirt and QEMU look for them. */
  void install(HypervisorHost host, String authority, String certificate) {
    Map.ofEntries(
            Map.entry("CA/cacert.pem", authority + ".pem"),
            Map.entry("libvirt/servercert.pem", certificate + ".pem"),
            Map.entry("libvirt/clientcert.pem", certificate + ".pem"),
            Map.entry("libvirt/private/serverkey.pem", certificate + ".key"),
            Map.entry("libvirt/private/clientkey.pem", certificate + ".key"),
            Map.entry("qemu/ca-cert.pem", authority + ".pem"),
            Map.entry("qemu/server-cert.pem", certificate + ".pem"),
            Map.entry("qemu/client-cert.pem", certificate + ".pem"),
            Map.entry("qemu/server-key.pem", certificate + ".key"),
            Map.entry("qemu/client-key.pem", certificate + ".key"))
        .forEach((file, from) -> put(host, file, from));
  }

  /** One file of a host, below /etc/pki. */
  void put(HypervisorHost host, String file, String from) {
    try {
      host.exec(
              "sh",
              "-c",
              "mkdir -p \"$(dirname \"$0\")\" && printf '%s' \"$1\" > \"$0\"",
              "/etc/pki/" + file,
              Files.readString(directory.resolve(from)))
          .orThrow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void run(String script) {
    Command.of("sh", "-ec", "cd \"$0\"\n" + script, directory.toString()).run().orThrow();
  }
}
