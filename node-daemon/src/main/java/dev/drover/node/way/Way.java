package dev.drover.node.way;

import java.util.Optional;

/**
 * This host's end of the way to others.
 *
 * @param doors of its migration range
 * @param certificates with TLS; empty without
 */
public record Way(Doors doors, Optional<HostCertificates> certificates) {}
