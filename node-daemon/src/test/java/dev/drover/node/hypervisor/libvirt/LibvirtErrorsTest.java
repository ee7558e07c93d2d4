package dev.drover.node.hypervisor.libvirt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.libvirt.LibvirtErrors.Side;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.libvirt.Error.ErrorDomain;
import org.libvirt.Error.ErrorNumber;

class LibvirtErrorsTest {
  private static final int QEMU = 10;

  /** Messages as real hosts have given them. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          NotFound        | 42 | 10 | Domain not found: no domain with matching uuid
          NotFound        | 49 | 18 | Storage pool not found: no storage pool with matching target path '/x'
          NotFound        | 50 | 18 | Storage volume not found
          AlreadyExists   | 90 | 18 | storage volume 'a' exists already
          AlreadyExists   |  9 | 10 | operation failed: domain 'g1' already exists with uuid
          Conflict        | 55 | 10 | Requested operation is not valid: no job is active on the domain
          Aborted         | 78 | 10 | operation aborted: migration out: canceled by client
          Unsafe          | 81 | 10 | Unsafe migration: Migration without shared storage is unsafe
          CpuIncompatible | 91 | 31 | the CPU is incompatible with host CPU
          CpuIncompatible |  9 | 31 | operation failed: guest CPU doesn't match specification: missing features: x
          Incompatible    | 67 | 10 | unsupported configuration: Emulator '/usr/bin/qemu' does not support machine type 'pc-q35-10.0'
          Unsupported     | 74 | 10 | argument unsupported: x
          Unsupported     | 84 | 10 | Operation not supported: migration statistics are available only on the source host
          Timeout         | 68 | 10 | Timed out during operation: cannot acquire state change lock
          NoSpace         |  1 | 18 | internal error: cannot write: No space left on device
          NoSpace         |  9 | 18 | operation failed: Not enough free space in pool for volume 'a'
          NoSpace         | 38 | 18 | cannot fill file '/a': Disk quota exceeded
          LockedMemory | 38 | 0 | cannot limit locked memory of process 191 to 268435456: Operation not permitted
          PostCopyUnsupported | 1 | 10 | internal error: unable to execute QEMU command 'migrate-set-capabilities': Postcopy is not supported
          Other           | 38 | 10 | Unable to read from monitor: Connection reset by peer
          Other           |  9 | 10 | operation failed: domain is not running
          Other           |  1 | 10 | internal error: qemu unexpectedly closed the monitor
          """)
  void kindsThatDoNotDependOnTheSide(Kind kind, int code, int domain, String message) {
    for (Side side : Side.values()) {
      assertThat(LibvirtErrors.kind(code, domain, message, side)).isEqualTo(kind);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
           1 |  7 | internal error: client socket is closed
          38 |  7 | End of file while reading data: Input/output error
          38 |  7 | Unable to read TLS confirmation: Input/output error
          38 |  7 | unable to connect to server at '10.97.0.77:16509': No route to host
          39 | 13 | Lost connection to destination host
           9 | 10 | operation failed: Failed to connect to remote libvirt URI qemu+tcp://10.97.0.77/system
           5 | 20 | no connection driver available
          """)
  void aBrokenConnectionIsTheOneOfThatSide(int code, int domain, String message) {
    assertThat(LibvirtErrors.kind(code, domain, message, Side.ThisHost))
        .isEqualTo(Kind.Unavailable);
    assertThat(LibvirtErrors.kind(code, domain, message, Side.OtherHost))
        .isEqualTo(Kind.PeerUnreachable);
  }

  @Test
  void theNumbersAreThoseOfTheOtherBinding() {
    assertThat(ErrorNumber.VIR_ERR_NO_DOMAIN.ordinal()).isEqualTo(LibvirtErrors.NO_DOMAIN);
    assertThat(ErrorNumber.VIR_ERR_NO_STORAGE_POOL.ordinal())
        .isEqualTo(LibvirtErrors.NO_STORAGE_POOL);
    assertThat(ErrorNumber.VIR_ERR_NO_STORAGE_VOL.ordinal())
        .isEqualTo(LibvirtErrors.NO_STORAGE_VOL);
    assertThat(ErrorNumber.VIR_ERR_OPERATION_INVALID.ordinal())
        .isEqualTo(LibvirtErrors.OPERATION_INVALID);
    assertThat(ErrorNumber.VIR_ERR_OPERATION_UNSUPPORTED.ordinal())
        .isEqualTo(LibvirtErrors.OPERATION_UNSUPPORTED);
    assertThat(ErrorNumber.VIR_ERR_STORAGE_VOL_EXIST.ordinal())
        .isEqualTo(LibvirtErrors.STORAGE_VOL_EXIST);
    assertThat(ErrorNumber.VIR_ERR_CPU_INCOMPATIBLE.ordinal())
        .isEqualTo(LibvirtErrors.CPU_INCOMPATIBLE);
    assertThat(ErrorDomain.VIR_FROM_RPC.ordinal()).isEqualTo(LibvirtErrors.FROM_RPC);
    assertThat(ErrorDomain.VIR_FROM_QEMU.ordinal()).isEqualTo(QEMU);
  }
}
