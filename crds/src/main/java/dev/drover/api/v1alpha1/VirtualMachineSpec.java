package dev.drover.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;

/** Which domain it is; immutable. */
@ValidationRule(
    value = "self == oldSelf",
    message = "a VirtualMachine is one libvirt domain for good: its spec can't be changed")
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public record VirtualMachineSpec(
    @JsonPropertyDescription("UUID of the libvirt domain.")
        @Required
        @Pattern("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        @Size(max = 36)
        String domainUuid,
    @JsonPropertyDescription("Name of the libvirt domain.") @Required @Size(min = 1, max = 253)
        String domainName) {}
