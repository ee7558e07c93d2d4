package dev.drover.testbed.guest;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;

class DomainXmlTest {

  private static final InetSocketAddress OBSERVER = new InetSocketAddress("10.98.0.254", 7000);

  @Test
  void theNamespaceIsInDroversOwnMetadata() {
    String xml = DomainXml.of(GuestSpec.named("web").inNamespace("shop"), OBSERVER);

    assertThat(xml)
        .containsPattern("<metadata><drover:guest [^>]*xmlns:drover=\"https://drover.dev/guest/1\"")
        .containsPattern("<drover:guest [^>]*namespace=\"shop\"");
  }

  @Test
  void aGuestWithoutNamespaceHasNoMetadata() {
    assertThat(DomainXml.of(GuestSpec.named("web"), OBSERVER)).doesNotContain("metadata");
  }

  @Test
  void aDiskThatOthersWriteToIsLeftAloneByTheGuest() {
    String xml =
        DomainXml.of(GuestSpec.named("web").withDisk(DiskSpec.shared(8).asShareable()), OBSERVER);

    assertThat(xml).contains("<shareable/>").contains("<serial>drover-0-r</serial>");
  }

  @Test
  void namesAreEscaped() {
    assertThat(DomainXml.of(GuestSpec.named("a<b"), OBSERVER)).contains("<name>a&lt;b</name>");
  }
}
