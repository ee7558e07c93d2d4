package dev.drover.node.hypervisor.libvirt;

import dev.drover.node.hypervisor.MemoryStream;
import dev.drover.node.hypervisor.MemoryStream.Compression;
import dev.drover.node.hypervisor.PeerAddress;
import dev.drover.node.hypervisor.TransferRequest;
import dev.drover.node.hypervisor.libvirt.TypedParameters.Int;
import dev.drover.node.hypervisor.libvirt.TypedParameters.Parameter;
import dev.drover.node.hypervisor.libvirt.TypedParameters.Text;
import dev.drover.node.hypervisor.libvirt.TypedParameters.UnsignedLong64;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;

/**
 * The arguments of virDomainMigrateToURI3. VIR_MIGRATE_UNSAFE is never among them: a disk that is
 * neither copied nor on storage that libvirt knows for shared has to be refused.
 *
 * @param destination the other host's libvirt, as this host's libvirt reaches it
 */
record TransferCall(String destination, TypedParameters parameters, int flags) {

  static TransferCall of(TransferRequest request) {
    boolean encrypted = request.target().transport() == PeerAddress.Transport.tls;
    String address = literal(request.target().address());
    List<Parameter> parameters = new ArrayList<>();
    parameters.add(new Text("migrate_uri", "tcp://" + bracketed(request.target().address())));
    // Without it the target's QEMU listens on every address it has.
    parameters.add(new Text("listen_address", address));
    int flags =
        LibvirtNative.MIGRATE_LIVE
            | LibvirtNative.MIGRATE_PEER2PEER
            | LibvirtNative.MIGRATE_ABORT_ON_ERROR;
    if (request.persist()) {
      flags |= LibvirtNative.MIGRATE_PERSIST_DEST | LibvirtNative.MIGRATE_UNDEFINE_SOURCE;
    }
    if (request.landPaused()) {
      flags |= LibvirtNative.MIGRATE_PAUSED;
    }
    if (request.postCopy()) {
      flags |= LibvirtNative.MIGRATE_POSTCOPY;
    }
    if (!request.copyDisks().isEmpty()) {
      flags |=
          request.overlaysOnly()
              ? LibvirtNative.MIGRATE_NON_SHARED_INC
              : LibvirtNative.MIGRATE_NON_SHARED_DISK;
      request.copyDisks().forEach(disk -> parameters.add(new Text("migrate_disks", disk)));
    }
    if (encrypted) {
      flags |= LibvirtNative.MIGRATE_TLS;
      // libvirt before 10.3 checks the disks' certificate against an empty name without it.
      parameters.add(new Text("tls.destination", address));
    }
    if (request.bandwidthMiBps().isPresent()) {
      int cap = request.bandwidthMiBps().getAsInt();
      parameters.add(new UnsignedLong64("bandwidth", cap));
      if (request.postCopy()) {
        // Another figure to libvirt, and without it post-copy takes all that the network has.
        parameters.add(new UnsignedLong64("bandwidth.postcopy", cap));
      }
    }
    flags |= stream(request.stream(), parameters);
    return new TransferCall(uri(request.target()), new TypedParameters(parameters), flags);
  }

  /** With definitions of the target's own. */
  TransferCall with(Definitions definitions) {
    List<Parameter> all = new ArrayList<>(parameters.parameters());
    definitions.live().ifPresent(xml -> all.add(new Text("destination_xml", xml)));
    definitions.persistent().ifPresent(xml -> all.add(new Text("persistent_xml", xml)));
    return new TransferCall(destination, new TypedParameters(all), flags);
  }

  private static int stream(MemoryStream stream, List<Parameter> parameters) {
    int flags = 0;
    if (stream.connections().isPresent()) {
      flags |= LibvirtNative.MIGRATE_PARALLEL;
      parameters.add(new Int("parallel.connections", stream.connections().getAsInt()));
    }
    if (stream.compression() != Compression.None) {
      flags |= LibvirtNative.MIGRATE_COMPRESSED;
      parameters.add(
          new Text(
              "compression",
              switch (stream.compression()) {
                case Xbzrle -> "xbzrle";
                case Zstd -> "zstd";
                case Zlib -> "zlib";
                case None -> throw new IllegalStateException();
              }));
    }
    if (stream.zeroCopy()) {
      flags |= LibvirtNative.MIGRATE_ZEROCOPY;
    }
    if (stream.throttle().isPresent()) {
      flags |= LibvirtNative.MIGRATE_AUTO_CONVERGE;
      var throttle = stream.throttle().get();
      parameters.add(new Int("auto_converge.initial", throttle.initialPercent()));
      parameters.add(new Int("auto_converge.increment", throttle.incrementPercent()));
    }
    return flags;
  }

  /** For a guest that is paused: libvirt lets it land paused, and refuses post-copy then. */
  TransferCall withoutPostCopy() {
    return new TransferCall(destination, parameters, flags & ~LibvirtNative.MIGRATE_POSTCOPY);
  }

  /** Goes on with what was interrupted. */
  TransferCall resumingPostCopy() {
    return new TransferCall(destination, parameters, flags | LibvirtNative.MIGRATE_POSTCOPY_RESUME);
  }

  /** The URI of another host's libvirt. */
  static String uri(PeerAddress peer) {
    return "qemu+" + peer.transport().name() + "://" + bracketed(peer.address()) + "/system";
  }

  private static String bracketed(InetAddress address) {
    return address instanceof Inet6Address ? "[" + literal(address) + "]" : literal(address);
  }

  /** The number, never a name: no resolver has a say in where memory goes. */
  private static String literal(InetAddress address) {
    String text = address.getHostAddress();
    int scope = text.indexOf('%');
    return scope < 0 ? text : text.substring(0, scope);
  }
}
