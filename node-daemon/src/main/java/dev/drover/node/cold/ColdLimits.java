package dev.drover.node.cold;

import java.time.Duration;
import java.util.OptionalInt;

/** What a person may change while a cold migration runs. */
public record ColdLimits(OptionalInt mebibytesPerSecond, Duration completionTimeout) {}
