package dev.drover.node.hypervisor.libvirt;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** libvirt's administration of its own daemon: another library, and another socket. */
interface LibvirtAdmin extends Library {
  /** Who listens for TLS: the monolithic daemon, or the modular ones' proxy. */
  List<String> SERVERS = List.of("libvirtd", "virtproxyd");

  /** Holder: loads the library when it is first needed. */
  final class Loaded {
    private static final LibvirtAdmin LIBRARY = load();

    private Loaded() {}

    private static LibvirtAdmin load() {
      LibvirtAdmin library =
          Native.load("virt-admin", LibvirtAdmin.class, Map.of(OPTION_STRING_ENCODING, "UTF-8"));
      if (library.virAdmInitialize() < 0) {
        throw new UnsatisfiedLinkError("libvirt-admin can't be initialized");
      }
      return library;
    }
  }

  int virAdmInitialize();

  @Nullable Pointer virAdmConnectOpen(String name, int flags);

  int virAdmConnectClose(Pointer connection);

  @Nullable Pointer virAdmConnectLookupServer(Pointer connection, String name, int flags);

  int virAdmServerUpdateTlsFiles(Pointer server, int flags);

  int virAdmServerFree(Pointer server);

  /** On one thread from begin to end. Throws kind {@code Unsupported} if no daemon was told. */
  static void rereadCertificates() throws HypervisorException {
    LibvirtAdmin library;
    try {
      library = Loaded.LIBRARY;
    } catch (UnsatisfiedLinkError e) {
      throw new HypervisorException(Kind.Unsupported, "there is no libvirt-admin here", e);
    }
    for (String name : SERVERS) {
      Pointer connection = library.virAdmConnectOpen(name + ":///system", 0);
      if (connection == null) {
        continue;
      }
      try {
        reread(library, connection, name);
        return;
      } finally {
        library.virAdmConnectClose(connection);
      }
    }
    throw new HypervisorException(
        Kind.Unsupported, -1, "libvirt's admin socket does not answer on this host");
  }

  private static void reread(LibvirtAdmin library, Pointer connection, String name)
      throws HypervisorException {
    Pointer server = library.virAdmConnectLookupServer(connection, name, 0);
    if (server == null) {
      throw LibvirtErrors.last(LibvirtErrors.Side.ThisHost);
    }
    try {
      if (library.virAdmServerUpdateTlsFiles(server, 0) < 0) {
        throw LibvirtErrors.last(LibvirtErrors.Side.ThisHost);
      }
    } finally {
      library.virAdmServerFree(server);
    }
  }
}
