package dev.drover.node.target;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.LiveMigrationSpec;
import dev.drover.api.v1alpha1.LiveMigrationSpec.Storage;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Blocker;
import dev.drover.api.v1alpha1.Reason;
import dev.drover.api.v1alpha1.SourceReport.Disk;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CopyRuleTest {
  private static Disk disk(String target, Disk.Kind kind, boolean readOnly, boolean shareable) {
    return new Disk(
        target,
        kind,
        "default",
        target,
        "/p/" + target,
        "raw",
        1,
        1,
        readOnly,
        shareable,
        false,
        null);
  }

  private static Disk file(String target) {
    return disk(target, Disk.Kind.File, false, false);
  }

  @Test
  void withoutNamesStorageDecides() {
    assertThat(new CopyRule(Storage.Auto, Set.of(), false).mayCopy(file("vda"))).isTrue();
    assertThat(new CopyRule(Storage.Block, Set.of(), false).mayCopy(file("vda"))).isTrue();
    assertThat(new CopyRule(Storage.Shared, Set.of(), false).mayCopy(file("vda"))).isFalse();
  }

  @Test
  void withNamesOnlyThoseAreCopied() {
    var rule = CopyRule.of(LiveMigrationSpec.builder("web").disks(List.of("vda")).build());
    assertThat(rule.mayCopy(file("vda"))).isTrue();
    assertThat(rule.mayCopy(file("vdb"))).isFalse();
  }

  @Test
  void whatIsReadOnlyOrSharedIsNeverCopiedEvenIfNamed() {
    var rule = new CopyRule(Storage.Auto, Set.of("vda"), false);
    assertThat(rule.mayCopy(disk("vda", Disk.Kind.File, true, false))).isFalse();
    assertThat(rule.mayCopy(disk("vda", Disk.Kind.File, false, true))).isFalse();
  }

  @Test
  void theFirmwaresVariablesAreCopiedWhateverIsNamed() {
    assertThat(new CopyRule(Storage.Shared, Set.of(), false).mayCopy(file("nvram"))).isTrue();
    assertThat(new CopyRule(Storage.Auto, Set.of("vda"), false).mayCopy(file("nvram"))).isTrue();
  }

  @Test
  void aNamedDiskThatStaysIsInTheWay() {
    var rule = new CopyRule(Storage.Auto, Set.of("vda"), false);
    assertThat(rule.staying(file("vda")).map(Blocker::reason))
        .contains(Reason.StorageIsShared.name());
    assertThat(rule.staying(disk("vda", Disk.Kind.Network, false, false)).map(Blocker::reason))
        .contains(Reason.DiskNotMovable.name());
    assertThat(rule.staying(file("vdb"))).isEmpty();
  }

  @Test
  void aNameThatNoDiskHasIsTold() {
    var rule = new CopyRule(Storage.Auto, Set.of("vdy", "vdx", "vda"), false);
    assertThat(rule.unknown(List.of(file("vda"))).map(Blocker::message))
        .contains("the guest has no disk vdx, vdy; it has vda");
    assertThat(rule.unknown(List.of(file("vda"), file("vdx"), file("vdy")))).isEmpty();
  }
}
