package dev.drover.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;

/**
 * What a disk's file holds, byte for byte.
 *
 * @param target as the guest's bus sees it: {@code vda}; {@code nvram} for the firmware's variables
 * @param bytes the size of the file
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public record DiskDigest(
    @Required @Size(max = 32) String target,
    @Required @Min(0) long bytes,
    @JsonPropertyDescription("Hexadecimal.") @Required @Size(max = 64) String sha256) {}
