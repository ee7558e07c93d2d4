package dev.drover.node.target;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.api.v1alpha1.SourceReport.BackingImage;
import dev.drover.api.v1alpha1.SourceReport.Disk;
import dev.drover.api.v1alpha1.SourceReport.Probe;
import dev.drover.node.backing.ImageDigests;
import dev.drover.node.hypervisor.FakeHypervisor;
import dev.drover.node.hypervisor.HypervisorException;
import dev.drover.node.target.BaseProof.Verdict;
import java.time.InstantSource;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is taken for the same image, and what is not. */
class BaseProofTest {
  private static final String DIGEST_OF_ABC = "616263";

  private final FakeHypervisor host = new FakeHypervisor(InstantSource.system());
  private final ImageDigests digests = new ImageDigests(host);
  private final BaseProof proof = new BaseProof(host, new Probes(host), digests);

  @BeforeEach
  void image() {
    host.putVolume("default", "base", "abc");
  }

  @AfterEach
  void stop() {
    digests.close();
  }

  private static BackingImage image(String volume, @Nullable String sha256, @Nullable Probe probe) {
    return new BackingImage(
        "default", volume, "/pools/default/" + volume, "qcow2", 3, sha256, probe);
  }

  private static Disk over(BackingImage... images) {
    return new Disk(
        "vda",
        Disk.Kind.File,
        "default",
        "top",
        "/pools/default/top",
        "qcow2",
        1,
        1,
        false,
        false,
        true,
        null,
        List.of(images));
  }

  private Verdict verdict(Disk disk) throws HypervisorException {
    proof.prove(disk);
    return await().until(() -> proof.prove(disk), v -> !(v instanceof Verdict.Unfinished));
  }

  @Test
  void theSameBytesAreAProof() throws HypervisorException {
    var image = image("base", DIGEST_OF_ABC, null);
    assertThat(verdict(over(image))).isEqualTo(new Verdict.Proved(image));
  }

  @Test
  void theSameStorageIsAProofAndNothingIsRead() throws HypervisorException {
    host.putVolume("default", "probe", "secret");
    var image = image("base", null, new Probe("probe", "secret"));
    assertThat(proof.prove(over(image))).isEqualTo(new Verdict.Proved(image));
    assertThat(host.lookUps("volumeDigest")).isZero();
  }

  @Test
  void otherBytesUnderTheSameNameAreNone() throws HypervisorException {
    assertThat(verdict(over(image("base", "616264", new Probe("probe", "secret")))))
        .isEqualTo(
            new Verdict.Missing("volume \"base\" of pool \"default\" has other content here"));
  }

  @Test
  void eachImageOfTheChainMustBeHere() throws HypervisorException {
    var first = image("base", DIGEST_OF_ABC, null);
    assertThat(verdict(over(first, image("older", DIGEST_OF_ABC, null))))
        .isEqualTo(new Verdict.Missing("pool \"default\" here has no volume \"older\""));
    host.putVolume("default", "older", "abc");
    assertThat(verdict(over(first, image("older", DIGEST_OF_ABC, null))))
        .isEqualTo(new Verdict.Proved(first));
  }

  @Test
  void whatTheSourceHasNotReadIsNotKnownYet() throws HypervisorException {
    assertThat(proof.prove(over(image("base", null, null)))).isInstanceOf(Verdict.Unfinished.class);
  }

  @Test
  void anotherPathAnUnknownChainAndAFileOutsideOfPoolsAreNone() throws HypervisorException {
    assertThat(
            proof.prove(
                over(
                    new BackingImage(
                        "default", "base", "/elsewhere/base", "raw", 3, DIGEST_OF_ABC, null))))
        .isEqualTo(
            new Verdict.Missing("volume \"base\" is at another path here (/pools/default/base)"));
    assertThat(proof.prove(over())).isInstanceOf(Verdict.Missing.class);
    assertThat(proof.prove(over(new BackingImage(null, null, "/srv/base", "raw", 3, null, null))))
        .isEqualTo(new Verdict.Missing("/srv/base is in no storage pool of the source"));
  }
}
