package dev.drover.node.hypervisor;

/**
 * A domain as its definition has it, active or not, for a migration that moves it shut off.
 *
 * @param description its disks are files as they lie there: a disk in a pool has the format {@code
 *     raw} and its file's size as its capacity. A file with the firmware's variables is a disk with
 *     the target {@link #NVRAM}
 * @param autostart the host starts it when it starts itself
 */
public record GuestDefinition(GuestDescription description, boolean autostart) {
  /** Target of the disk that is no disk: the firmware's variables. */
  public static final String NVRAM = "nvram";
}
