package dev.drover.node.hypervisor.libvirt;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Whether this host's QEMU may have its missing memory fetched (userfaultfd(2)), without which it
 * can't receive a post-copy. Asked of the kernel, and of what libvirt says of the user that QEMU
 * runs as; what is not known is taken for good, as libvirt finds out itself before anything is
 * sent.
 *
 * @param unprivileged {@code vm.unprivileged_userfaultfd}; empty if this kernel has no such setting
 * @param device whether the kernel has /dev/userfaultfd
 */
record Userfaultfd(Optional<Boolean> unprivileged, boolean device) {
  /** From there on libvirt lets QEMU open /dev/userfaultfd in its own /dev. */
  private static final long LIBVIRT_OPENS_DEVICE = 10_001_000;

  /** From there on QEMU tries /dev/userfaultfd; older ones know the system call only. */
  private static final long QEMU_OPENS_DEVICE = 8_000_000;

  /**
   * @param proc the host's /proc; a container sees these files as its host has them
   */
  static Userfaultfd of(Path proc) {
    return new Userfaultfd(
        read(proc.resolve("sys/vm/unprivileged_userfaultfd")).map(text -> !text.equals("0")),
        read(proc.resolve("misc"))
            .filter(
                devices -> devices.lines().anyMatch(line -> line.strip().endsWith(" userfaultfd")))
            .isPresent());
  }

  private static Optional<String> read(Path file) {
    try {
      return Optional.of(Files.readString(file).strip());
    } catch (IOException e) {
      return Optional.empty(); // another kernel
    }
  }

  /**
   * What keeps an emulator of that user from it; empty if nothing is known to.
   *
   * @param emulatorUser the user that QEMU runs as; empty if libvirt does not say
   * @param libvirt and
   * @param qemu as libvirt counts versions: 1000000 * major + 1000 * minor + micro
   */
  Optional<String> obstacle(OptionalLong emulatorUser, long libvirt, long qemu) {
    if (emulatorUser.isEmpty()
        || emulatorUser.getAsLong() == 0
        || unprivileged.isEmpty()
        || unprivileged.get()) {
      return Optional.empty();
    }
    return withoutDevice(libvirt, qemu)
        .map(
            why ->
                "QEMU runs as user %d here, vm.unprivileged_userfaultfd is 0, and %s"
                    .formatted(emulatorUser.getAsLong(), why));
  }

  private Optional<String> withoutDevice(long libvirt, long qemu) {
    if (!device) {
      return Optional.of("the kernel has no /dev/userfaultfd");
    }
    if (qemu < QEMU_OPENS_DEVICE) {
      return Optional.of(
          "QEMU %s does not know /dev/userfaultfd (8.0 does)"
              .formatted(LibvirtHypervisor.version(qemu)));
    }
    return libvirt < LIBVIRT_OPENS_DEVICE
        ? Optional.of(
            "libvirt %s does not give it /dev/userfaultfd (10.1 does)"
                .formatted(LibvirtHypervisor.version(libvirt)))
        : Optional.empty();
  }
}
