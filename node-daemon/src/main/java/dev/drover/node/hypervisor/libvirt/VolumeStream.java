package dev.drover.node.hypervisor.libvirt;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.LongByReference;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.hypervisor.HypervisorException.Kind;
import dev.drover.node.hypervisor.VolumeReader;
import dev.drover.node.hypervisor.VolumeWriter;
import java.lang.ref.Reference;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.BooleanSupplier;

/**
 * A part of a volume's file through a libvirt stream: virStorageVolDownload or virStorageVolUpload,
 * sparse. Each call ends within the deadline, and soon after nobody wants it any more. What is
 * overdue keeps the stream until it returns.
 */
final class VolumeStream implements VolumeReader, VolumeWriter {
  /** Which way. */
  enum Direction {
    Download,
    Upload
  }

  private final String what;
  private final Link link;
  private final Pointer stream;
  private final NativeCalls calls;
  private final Duration deadline;
  private final BooleanSupplier wanted;
  private final Runnable released;
  private final LibvirtNative libvirt = LibvirtNative.instance();
  private final Object lock = new Object();

  /** Guarded by {@link #lock}. */
  private int running;

  private boolean closed;

  /** Of the thread that uses it. */
  private boolean over;

  private VolumeStream(
      String what,
      Link link,
      Pointer stream,
      NativeCalls calls,
      Duration deadline,
      BooleanSupplier wanted,
      Runnable released) {
    this.what = what;
    this.link = link;
    this.stream = stream;
    this.calls = calls;
    this.deadline = deadline;
    this.wanted = wanted;
    this.released = released;
  }

  /** One part of one volume's file. */
  record Part(String pool, String volume, long offset, long length) {}

  /**
   * Opens a stream; to be called where native calls may be made.
   *
   * @param wanted asked before and during each call
   * @param released called when the link is not used any more; not if this throws
   */
  static VolumeStream open(
      Direction direction,
      Part part,
      Link link,
      NativeCalls calls,
      Duration deadline,
      BooleanSupplier wanted,
      Runnable released)
      throws HypervisorException {
    LibvirtNative libvirt = LibvirtNative.instance();
    Pointer pool = libvirt.virStoragePoolLookupByName(link.pointer(), part.pool());
    if (pool == null) {
      throw link.lastError();
    }
    try {
      Pointer volume = libvirt.virStorageVolLookupByName(pool, part.volume());
      if (volume == null) {
        throw link.lastError();
      }
      try {
        Pointer stream = libvirt.virStreamNew(link.pointer(), 0);
        if (stream == null) {
          throw link.lastError();
        }
        boolean opened = false;
        try {
          link.check(
              direction == Direction.Download
                  ? libvirt.virStorageVolDownload(
                      volume, stream, part.offset(), part.length(), LibvirtNative.VOL_SPARSE_STREAM)
                  : libvirt.virStorageVolUpload(
                      volume,
                      stream,
                      part.offset(),
                      part.length(),
                      LibvirtNative.VOL_SPARSE_STREAM));
          opened = true;
          return new VolumeStream(
              direction + " of " + part.volume(), link, stream, calls, deadline, wanted, released);
        } finally {
          if (!opened) {
            libvirt.virStreamFree(stream);
          }
        }
      } finally {
        libvirt.virStorageVolFree(volume);
      }
    } finally {
      libvirt.virStoragePoolFree(pool);
      Reference.reachabilityFence(link);
    }
  }

  /** virStreamRecvFlags, virStreamRecvHole. */
  @Override
  public Piece read(byte[] buffer) throws HypervisorException {
    return call(
        () -> {
          int got =
              libvirt.virStreamRecvFlags(
                  stream, buffer, buffer.length, LibvirtNative.STREAM_RECV_STOP_AT_HOLE);
          if (got == LibvirtNative.STREAM_AT_HOLE) {
            LongByReference length = new LongByReference();
            link.check(libvirt.virStreamRecvHole(stream, length, 0));
            return new Piece.Hole(length.getValue());
          }
          if (link.check(got) > 0) {
            return new Piece.Data(got);
          }
          over = true;
          link.check(libvirt.virStreamFinish(stream));
          return new Piece.End();
        });
  }

  /** virStreamSend. */
  @Override
  public void write(byte[] buffer, int length) throws HypervisorException {
    call(
        () -> {
          byte[] rest = buffer;
          int left = length;
          while (left > 0) {
            int sent = link.check(libvirt.virStreamSend(stream, rest, left));
            left -= sent;
            if (left > 0) {
              rest = Arrays.copyOfRange(rest, sent, sent + left);
            }
          }
          return true;
        });
  }

  /** virStreamSendHole. */
  @Override
  public void hole(long length) throws HypervisorException {
    call(() -> link.check(libvirt.virStreamSendHole(stream, length, 0)));
  }

  /** virStreamFinish: waits for the other end. */
  @Override
  public void finish() throws HypervisorException {
    call(
        () -> {
          over = true;
          return link.check(libvirt.virStreamFinish(stream));
        });
  }

  /** virStreamAbort, unless it is over; virStreamFree. */
  @Override
  public void close() {
    synchronized (lock) {
      if (closed) {
        return;
      }
      closed = true;
      if (running > 0) {
        return; // whoever leaves last releases
      }
    }
    try {
      // It talks to the other end, which may not answer.
      calls.execute(this::release);
    } catch (RejectedExecutionException e) {
      release();
    }
  }

  private void release() {
    try {
      if (!over) {
        libvirt.virStreamAbort(stream);
      }
      libvirt.virStreamFree(stream);
    } finally {
      Reference.reachabilityFence(link);
      released.run();
    }
  }

  private <T> T call(NativeCalls.Call<T> call) throws HypervisorException {
    if (!wanted.getAsBoolean()) {
      throw new HypervisorException(Kind.Aborted, -1, what + ": not wanted any more");
    }
    return calls.runWhile(
        wanted,
        what,
        deadline,
        () -> {
          synchronized (lock) {
            if (closed) {
              throw new HypervisorException(Kind.Conflict, -1, what + ": closed");
            }
            running++;
          }
          try {
            return call.run();
          } finally {
            boolean last;
            synchronized (lock) {
              running--;
              last = closed && running == 0;
            }
            if (last) {
              release();
            }
          }
        },
        late -> {});
  }
}
