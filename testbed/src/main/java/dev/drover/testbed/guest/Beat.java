package dev.drover.testbed.guest;

import java.time.Instant;

/**
 * A heartbeat of a guest, as it arrived.
 *
 * @param at when, by the observer's clock
 * @param host the host that it came from
 * @param sequence the guest's own count; it never repeats itself as long as one copy runs
 * @param guestMilliseconds the guest's monotonic clock, which stands still when the guest does
 */
public record Beat(Instant at, String host, long sequence, long guestMilliseconds) {}
