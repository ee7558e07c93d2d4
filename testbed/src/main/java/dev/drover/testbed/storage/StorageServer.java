package dev.drover.testbed.storage;

import dev.drover.testbed.host.Bridge;
import dev.drover.testbed.process.LogTail;
import dev.drover.testbed.process.Recipes;
import dev.drover.testbed.process.Service;
import dev.drover.testbed.process.StateDirectory;
import dev.drover.testbed.process.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * A real server of one network volume, reached by all hosts over the testbed's bridge. All of its
 * processes are in namespaces of their own, whose first process is noted: they go with it, also
 * when this JVM is killed.
 */
public final class StorageServer implements AutoCloseable {

  /** What is spoken. */
  public enum Protocol {
    /** tgt; QEMU's side is libiscsi. */
    iscsi("iqn.2026-01.dev.drover:volumes/1", 3260),
    /** Ceph with a monitor and an object store; QEMU's side is librbd. */
    rbd("rbd/volume", 6789);

    private final String volume;
    private final int port;

    Protocol(String volume, int port) {
      this.volume = volume;
      this.port = port;
    }

    /** The volume's name in a libvirt definition. */
    public String volume() {
      return volume;
    }

    public int port() {
      return port;
    }
  }

  private static final Duration PATIENCE = Duration.ofSeconds(90);

  private final Service service;

  private StorageServer(Service service) {
    this.service = service;
  }

  /** Returns when the volume can be used. */
  public static StorageServer start(StateDirectory state, Protocol protocol, int sizeMib) {
    String name = "storage-" + protocol;
    for (String directory : List.of("upper", "work", "root", "volumes")) {
      state.data(name + "/" + directory);
    }
    Path directory = state.data(name);
    var service =
        new Service(
            name,
            state,
            List.of(
                "unshare",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--propagation",
                "private",
                Recipes.script("storage-init"),
                directory.toString()),
            Map.of(
                "ROOT", Recipes.root("storage").toString(),
                "ADDRESS", Bridge.ADDRESS,
                "KIND", protocol.name(),
                "SIZE_MIB", Integer.toString(sizeMib)));
    service.start();
    LogTail.explaining(
        service.log(),
        () ->
            Waiting.until(
                name + " is ready", PATIENCE, () -> isReady(directory.resolve("ready.new"))));
    return new StorageServer(service);
  }

  private static boolean isReady(Path file) {
    try {
      return Files.readString(file).startsWith("ready");
    } catch (IOException e) {
      return false;
    }
  }

  /** Ends it; what it stored goes with the testbed. */
  @Override
  public void close() {
    service.kill();
  }
}
