package dev.drover.node.hypervisor.libvirt;

import com.sun.jna.Pointer;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.PoolState;
import dev.drover.node.hypervisor.VolumeSpec;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.libvirt.LibvirtException;
import org.libvirt.StoragePool;
import org.libvirt.StoragePoolInfo;
import org.libvirt.StorageVol;
import org.libvirt.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Pools and volumes, by libvirt-java. Its objects free themselves when collected, even in the midst
 * of a call; here each is freed by hand, in a {@code finally} that keeps it reachable until then.
 */
final class Storage {
  private static final Logger LOGGER = LoggerFactory.getLogger(Storage.class);

  /** Pool types whose volumes are files in a directory. */
  private static final Set<String> FILE_POOLS = Set.of("dir", "fs", "netfs");

  /** A refresh is refused while a volume of the pool is being made, filled or wiped. */
  private static final int REFRESH_ATTEMPTS = 10;

  /** libvirt's messages have room for 4 MiB and send 256 KiB at a time. */
  private static final int DIGEST_PIECE_BYTES = 256 << 10;

  private static final long REFRESH_PAUSE_MILLISECONDS = 100;

  private Storage() {}

  /** All pools, active or not. */
  static List<PoolState> pools(Link link) throws HypervisorException {
    try {
      List<PoolState> states = new ArrayList<>();
      for (String name : link.listStoragePools()) {
        pool(link, name).ifPresent(states::add);
      }
      for (String name : link.listDefinedStoragePools()) {
        pool(link, name).ifPresent(states::add);
      }
      return List.copyOf(states);
    } catch (LibvirtException e) {
      throw link.error(e);
    }
  }

  /** The volume, after the pool was refreshed; empty if there is none, or no such active pool. */
  static Optional<VolumeXml> volume(Link link, String pool, String volume)
      throws HypervisorException {
    return inPool(link, pool, found -> read(link, found, pool, volume)).flatMap(state -> state);
  }

  /** The volume that a path belongs to; looks twice, with a refresh in between. */
  static Optional<VolumeXml> volumeAt(Link link, String path) throws HypervisorException {
    Optional<VolumeXml> known = lookup(link, path);
    if (known.isPresent()) {
      return known;
    }
    Optional<String> pool = poolOf(link, path);
    if (pool.isEmpty()) {
      return Optional.empty();
    }
    inPool(link, pool.get(), found -> true);
    return lookup(link, path);
  }

  /** The active pool over the directory that a path is in, whether there is such a file or not. */
  static Optional<String> poolOf(Link link, String path) throws HypervisorException {
    Path directory = Path.of(path).getParent();
    return directory == null ? Optional.empty() : poolAt(link, directory.toString());
  }

  /** virStorageVolCreateXML; nothing is preallocated. */
  static void create(Link link, VolumeSpec spec) throws HypervisorException {
    boolean made =
        inPool(
                link,
                spec.pool(),
                pool -> {
                  // qemu-img writes over a file that the pool does not know of, so the refresh
                  // and this look come first.
                  if (read(link, pool, spec.pool(), spec.name()).isPresent()) {
                    throw new HypervisorException(
                        Kind.AlreadyExists,
                        LibvirtErrors.STORAGE_VOL_EXIST,
                        "pool " + spec.pool() + " has a volume " + spec.name() + " already");
                  }
                  StorageVol volume = pool.storageVolCreateXML(VolumeXml.write(spec), 0);
                  volume.free();
                  return true;
                })
            .orElse(false);
    if (!made) {
      throw noPool(spec.pool());
    }
  }

  /** virStoragePoolListVolumes; none if there is no such active pool. */
  static List<String> names(Link link, String pool) throws HypervisorException {
    return inPool(link, pool, found -> List.of(found.listVolumes())).orElse(List.of());
  }

  /** virStorageVolDelete; does nothing if there is no such volume or active pool. */
  static void delete(Link link, String pool, String name) throws HypervisorException {
    inPool(
        link,
        pool,
        found -> {
          Optional<StorageVol> volume = find(link, found, name);
          if (volume.isPresent()) {
            try {
              volume.get().delete(0);
            } finally {
              volume.get().free();
            }
          }
          return true;
        });
  }

  /** Makes a raw volume of exactly that content, and reads it again to be sure. */
  static void writeProbe(Link link, String pool, String name, byte[] content)
      throws HypervisorException {
    create(link, new VolumeSpec(pool, name, "raw", content.length));
    boolean written = false;
    try {
      inPool(
          link,
          pool,
          found -> {
            upload(link, found, name, content);
            return true;
          });
      Optional<byte[]> there = readProbe(link, pool, name, content.length);
      written = there.isPresent() && Arrays.equals(there.get(), content);
      if (!written) {
        throw new HypervisorException(
            Kind.Other, -1, "volume " + name + " of " + pool + " does not hold what was written");
      }
    } finally {
      if (!written) {
        delete(link, pool, name);
      }
    }
  }

  /** The first bytes of a volume, at most {@code maxBytes}. */
  static Optional<byte[]> readProbe(Link link, String pool, String name, int maxBytes)
      throws HypervisorException {
    return inPool(
            link,
            pool,
            found -> {
              Optional<StorageVol> volume = find(link, found, name);
              if (volume.isEmpty()) {
                return Optional.<byte[]>empty();
              }
              try {
                return Optional.of(download(link, volume.get(), maxBytes));
              } finally {
                volume.get().free();
              }
            })
        .flatMap(content -> content);
  }

  /**
   * virStorageVolDownload of all of it, in pieces.
   *
   * @param overdue once true, the reading ends with kind {@code Timeout}
   */
  static String digest(Link link, String pool, String name, BooleanSupplier overdue)
      throws HypervisorException {
    return inPool(
            link,
            pool,
            found -> {
              StorageVol volume =
                  find(link, found, name)
                      .orElseThrow(
                          () ->
                              new HypervisorException(
                                  Kind.NotFound,
                                  LibvirtErrors.NO_STORAGE_VOL,
                                  "no volume " + name + " in pool " + pool));
              try {
                return digest(link, volume, overdue);
              } finally {
                volume.free();
              }
            })
        .orElseThrow(() -> noPool(pool));
  }

  private static String digest(Link link, StorageVol volume, BooleanSupplier overdue)
      throws LibvirtException, HypervisorException {
    MessageDigest digest = sha256();
    Stream stream = link.streamNew(0);
    boolean finished = false;
    try {
      volume.download(stream, 0, 0, 0); // to libvirt, a length of 0 is all that there is
      byte[] piece = new byte[DIGEST_PIECE_BYTES];
      for (int count = stream.receive(piece); count > 0; count = stream.receive(piece)) {
        digest.update(piece, 0, count);
        if (overdue.getAsBoolean()) {
          throw new HypervisorException(Kind.Timeout, -1, "reading the volume took too long");
        }
      }
      stream.finish();
      finished = true;
      return HexFormat.of().formatHex(digest.digest());
    } finally {
      if (!finished) {
        abort(stream);
      }
      stream.free();
    }
  }

  private static void abort(Stream stream) {
    try {
      stream.abort();
    } catch (LibvirtException e) {
      LOGGER.atDebug().setCause(e).log("A stream that was given up could not be aborted");
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /** Something that is done with a pool. */
  private interface PoolCall<T> {
    T run(StoragePool pool) throws LibvirtException, HypervisorException;
  }

  /** Runs the call on a refreshed pool; empty if there is no such pool, or it is not active. */
  private static <T> Optional<T> inPool(Link link, String name, PoolCall<T> call)
      throws HypervisorException {
    try {
      StoragePool pool = link.storagePoolLookupByName(name);
      try {
        if (pool.isActive() != 1) {
          return Optional.empty();
        }
        refresh(link, pool, name);
        return Optional.of(call.run(pool));
      } finally {
        pool.free();
      }
    } catch (LibvirtException e) {
      HypervisorException told = link.error(e);
      if (told.code() == LibvirtErrors.NO_STORAGE_POOL) {
        return Optional.empty();
      }
      throw told;
    }
  }

  /**
   * virStoragePoolRefresh. Where the pool stays busy, what libvirt knows of it has to do: the
   * operation that keeps it busy keeps it known, too.
   */
  private static void refresh(Link link, StoragePool pool, String name) throws HypervisorException {
    for (int attempt = 1; ; attempt++) {
      try {
        pool.refresh(0);
        return;
      } catch (LibvirtException e) {
        HypervisorException told = link.error(e);
        String message = String.valueOf(told.getMessage());
        if (!message.contains("asynchronous jobs running")) {
          throw told;
        }
        if (attempt == REFRESH_ATTEMPTS) {
          LOGGER.atInfo().addKeyValue("pool", name).log("The pool is too busy to be refreshed");
          return;
        }
      }
      try {
        TimeUnit.MILLISECONDS.sleep(REFRESH_PAUSE_MILLISECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  private static Optional<PoolState> pool(Link link, String name) throws HypervisorException {
    try {
      StoragePool pool = link.storagePoolLookupByName(name);
      try {
        StoragePoolInfo info = pool.getInfo();
        String type = Xml.parse(pool.getXMLDesc(0)).getAttribute("type");
        return Optional.of(
            new PoolState(
                name,
                pool.isActive() == 1,
                FILE_POOLS.contains(type),
                info.capacity,
                info.available));
      } finally {
        pool.free();
      }
    } catch (LibvirtException e) {
      HypervisorException told = link.error(e);
      if (told.kind() == Kind.NotFound) {
        return Optional.empty(); // gone since it was listed
      }
      throw told;
    }
  }

  /** virStoragePoolLookupByTargetPath. */
  private static Optional<String> poolAt(Link link, String directory) throws HypervisorException {
    LibvirtNative libvirt = LibvirtNative.instance();
    Pointer pool = libvirt.virStoragePoolLookupByTargetPath(link.pointer(), directory);
    if (pool == null) {
      HypervisorException error = link.lastError();
      if (error.kind() == Kind.NotFound) {
        return Optional.empty();
      }
      throw error;
    }
    try {
      return Optional.of(libvirt.virStoragePoolGetName(pool));
    } finally {
      libvirt.virStoragePoolFree(pool);
    }
  }

  /** virStorageVolLookupByPath. */
  private static Optional<VolumeXml> lookup(Link link, String path) throws HypervisorException {
    try {
      StorageVol volume = link.storageVolLookupByPath(path);
      try {
        StoragePool pool = volume.storagePoolLookupByVolume();
        try {
          return Optional.of(VolumeXml.read(pool.getName(), volume.getXMLDesc(0)));
        } finally {
          pool.free();
        }
      } finally {
        volume.free();
      }
    } catch (LibvirtException e) {
      HypervisorException told = link.error(e);
      if (told.kind() == Kind.NotFound) {
        return Optional.empty();
      }
      throw told;
    }
  }

  private static Optional<VolumeXml> read(Link link, StoragePool pool, String poolName, String name)
      throws LibvirtException, HypervisorException {
    Optional<StorageVol> volume = find(link, pool, name);
    if (volume.isEmpty()) {
      return Optional.empty();
    }
    try {
      return Optional.of(VolumeXml.read(poolName, volume.get().getXMLDesc(0)));
    } finally {
      volume.get().free();
    }
  }

  private static Optional<StorageVol> find(Link link, StoragePool pool, String name)
      throws HypervisorException {
    try {
      return Optional.of(pool.storageVolLookupByName(name));
    } catch (LibvirtException e) {
      HypervisorException told = link.error(e);
      if (told.kind() == Kind.NotFound) {
        return Optional.empty();
      }
      throw told;
    }
  }

  /** virStorageVolUpload. */
  private static void upload(Link link, StoragePool pool, String name, byte[] content)
      throws LibvirtException, HypervisorException {
    StorageVol volume =
        find(link, pool, name)
            .orElseThrow(
                () ->
                    new HypervisorException(
                        Kind.NotFound,
                        LibvirtErrors.NO_STORAGE_VOL,
                        "volume " + name + " has vanished"));
    try {
      Stream stream = link.streamNew(0);
      try {
        volume.upload(stream, 0, content.length, 0);
        int sent = 0;
        while (sent < content.length) {
          // Not the channel's write(): it hands JNA a buffer whose position JNA ignores.
          sent += stream.send(Arrays.copyOfRange(content, sent, content.length));
        }
        stream.finish();
      } finally {
        stream.free();
      }
    } finally {
      volume.free();
    }
  }

  /** virStorageVolDownload. */
  private static byte[] download(Link link, StorageVol volume, int maxBytes)
      throws LibvirtException {
    int length = (int) Math.min(maxBytes, volume.getInfo().capacity);
    byte[] content = new byte[length];
    if (length == 0) {
      return content; // to libvirt, a length of 0 is all that there is
    }
    Stream stream = link.streamNew(0);
    try {
      volume.download(stream, 0, length, 0);
      int received = 0;
      while (received < length) {
        byte[] chunk = new byte[length - received];
        int count = stream.receive(chunk);
        if (count <= 0) {
          break;
        }
        System.arraycopy(chunk, 0, content, received, count);
        received += count;
      }
      stream.finish();
      return received == length ? content : Arrays.copyOf(content, received);
    } finally {
      stream.free();
    }
  }

  private static HypervisorException noPool(String pool) {
    return new HypervisorException(
        Kind.NotFound, LibvirtErrors.NO_STORAGE_POOL, "no active pool " + pool + " here");
  }
}
