package dev.drover.node.hypervisor.libvirt;

import com.sun.jna.Pointer;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import org.libvirt.LibvirtException;

/** Makes {@link HypervisorException}s of libvirt's errors. */
final class LibvirtErrors {
  /** virErrorNumber, as far as it is told apart here. */
  static final int INTERNAL_ERROR = 1;

  static final int NO_SUPPORT = 3;
  static final int NO_CONNECT = 5;
  static final int INVALID_CONN = 6;
  static final int INVALID_ARG = 8;
  static final int DOM_EXIST = 28;
  static final int SYSTEM_ERROR = 38;
  static final int RPC = 39;
  static final int NO_DOMAIN = 42;
  static final int NO_STORAGE_POOL = 49;
  static final int NO_STORAGE_VOL = 50;
  static final int OPERATION_INVALID = 55;
  static final int CONFIG_UNSUPPORTED = 67;
  static final int OPERATION_TIMEOUT = 68;
  static final int ARGUMENT_UNSUPPORTED = 74;
  static final int OPERATION_ABORTED = 78;
  static final int MIGRATE_UNSAFE = 81;
  static final int OPERATION_UNSUPPORTED = 84;
  static final int RESOURCE_BUSY = 87;
  static final int STORAGE_VOL_EXIST = 90;
  static final int CPU_INCOMPATIBLE = 91;

  /** VIR_FROM_RPC: the error was met in talking to a daemon, by whoever talked. */
  static final int FROM_RPC = 7;

  private static final int CODE = 0;
  private static final int DOMAIN = 4;
  private static final int MESSAGE = 8;

  /** What libvirt says of a connection, its own or that from host to host, in whatever code. */
  private static final List<String> CONNECTION_TEXTS =
      List.of(
          "client socket is closed",
          "unable to connect",
          "failed to connect",
          "lost connection to destination",
          "cannot recv data",
          "cannot write data",
          "end of file while reading data",
          "keepalive",
          "unable to read tls confirmation",
          "no route to host",
          "connection timed out");

  private static final List<String> NO_SPACE_TEXTS =
      List.of(
          "no space left on device",
          "not enough space",
          "not enough free space",
          "disk quota exceeded");

  private LibvirtErrors() {}

  /** Whose connection it is that an error may tell of. */
  enum Side {
    ThisHost(Kind.Unavailable),
    OtherHost(Kind.PeerUnreachable);

    private final Kind broken;

    Side(Kind broken) {
      this.broken = broken;
    }

    /** What a broken connection to that side is. */
    Kind broken() {
      return broken;
    }
  }

  /** The last error of this thread; to be called right after the call that has failed. */
  static HypervisorException last(Side side) {
    Pointer error = LibvirtNative.instance().virGetLastError();
    if (error == null) {
      // Documented as possible: a failing call that has reported nothing.
      return new HypervisorException(Kind.Other, -1, "libvirt failed without saying why");
    }
    Pointer text = error.getPointer(MESSAGE);
    return of(
        error.getInt(CODE),
        error.getInt(DOMAIN),
        text == null ? "no message" : text.getString(0, StandardCharsets.UTF_8.name()),
        side);
  }

  /** The same of what libvirt-java has thrown. */
  @SuppressWarnings("EnumOrdinal") // libvirt-java has its numbers nowhere else
  static HypervisorException of(LibvirtException e, Side side) {
    org.libvirt.Error error = e.getError();
    String message = e.getMessage() == null ? "no message" : e.getMessage();
    HypervisorException made =
        // The enums' order is that of the C headers, so their ordinals are libvirt's numbers.
        of(error.getCode().ordinal(), error.getDomain().ordinal(), message, side);
    made.initCause(e);
    return made;
  }

  static HypervisorException of(int code, int domain, String message, Side side) {
    return new HypervisorException(kind(code, domain, message, side), code, message);
  }

  static Kind kind(int code, int domain, String message, Side side) {
    String text = message.toLowerCase(Locale.ROOT);
    // By text first: these come as internal error, system error or operation failed.
    if (NO_SPACE_TEXTS.stream().anyMatch(text::contains)) {
      return Kind.NoSpace;
    }
    if (text.contains("guest cpu doesn't match") || text.contains("incompatible with host cpu")) {
      return Kind.CpuIncompatible;
    }
    if (text.contains("postcopy is not supported")) { // of the target's QEMU, by userfaultfd
      return Kind.PostCopyUnsupported;
    }
    if (text.contains("cannot limit locked memory")) {
      return Kind.LockedMemory;
    }
    return switch (code) {
      case NO_DOMAIN, NO_STORAGE_POOL, NO_STORAGE_VOL -> Kind.NotFound;
      case DOM_EXIST, STORAGE_VOL_EXIST -> Kind.AlreadyExists;
      case OPERATION_INVALID, RESOURCE_BUSY -> Kind.Conflict;
      case OPERATION_ABORTED -> Kind.Aborted;
      case MIGRATE_UNSAFE -> Kind.Unsafe;
      case CPU_INCOMPATIBLE -> Kind.CpuIncompatible;
      case CONFIG_UNSUPPORTED -> Kind.Incompatible;
      case NO_SUPPORT, ARGUMENT_UNSUPPORTED, OPERATION_UNSUPPORTED -> Kind.Unsupported;
      case OPERATION_TIMEOUT -> Kind.Timeout;
      case NO_CONNECT, INVALID_CONN, RPC -> side.broken();
      default -> {
        // A lost monitor of QEMU reads like a lost connection ("Connection reset by peer"); the
        // error's domain tells them apart.
        if (domain == FROM_RPC || CONNECTION_TEXTS.stream().anyMatch(text::contains)) {
          yield side.broken();
        }
        yield text.contains("already exists") || text.contains("exists already")
            ? Kind.AlreadyExists
            : Kind.Other;
      }
    };
  }
}
