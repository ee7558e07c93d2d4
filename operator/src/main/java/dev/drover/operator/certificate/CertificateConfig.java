package dev.drover.operator.certificate;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * Which requests the operator answers.
 *
 * @param signerName of the hosts' requests
 * @param authority directory of Drover's own CA; empty if another signer signs what is approved
 * @param longest life of a certificate that is signed here
 */
public record CertificateConfig(String signerName, Optional<Path> authority, Duration longest) {}
