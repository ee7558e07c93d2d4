package dev.drover.testbed.observer;

import dev.drover.testbed.process.ProcessMark;

/**
 * One QEMU process of a guest. A guest that moves away and back again is three copies, one after
 * the other.
 *
 * @param guest the name of the domain, as QEMU was started with
 * @param host where the process lives
 * @param process its identity on this machine
 */
public record Copy(String guest, String host, ProcessMark process) {

  @Override
  public String toString() {
    return guest + "@" + host + "/" + process.pid();
  }
}
