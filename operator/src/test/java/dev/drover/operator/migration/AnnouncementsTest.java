package dev.drover.operator.migration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.api.v1alpha1.LiveMigrationStatus;
import dev.drover.api.v1alpha1.LiveMigrationStatus.Decision;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class AnnouncementsTest {
  private final List<String> told = new ArrayList<>();
  private final Announcements announcements =
      new Announcements(
          (regarding, type, reason, note, occurrence) ->
              told.add(type + " " + reason + " [" + occurrence + "] " + note));

  private static Decision decision(String time, String word, String because) {
    return new Decision(time, word, because, 4, 1 << 20, 100, 130, 70, null);
  }

  private static LiveMigration decided(Decision... decisions) {
    var migration = new LiveMigration();
    migration.setStatus(LiveMigrationStatus.builder().decisions(List.of(decisions)).build());
    return migration;
  }

  @Test
  void eachDecisionOfTheSourceIsAnEventOfItsOwn() {
    announcements.seen(
        decided(
            decision("2026-11-23T22:00:00.000Z", "AllowDowntime", "350 ms: it hardly shrinks"),
            decision("2026-11-23T22:00:31.000Z", "GiveUp", "it never ends")));
    assertThat(told)
        .containsExactly(
            "Normal Decided [2026-11-23T22:00:00.000Z/AllowDowntime] AllowDowntime: 350 ms: it hardly"
                + " shrinks",
            "Warning Decided [2026-11-23T22:00:31.000Z/GiveUp] GiveUp: it never ends");
  }

  @Test
  void whereNothingWasDecidedNothingIsTold() {
    announcements.seen(new LiveMigration());
    announcements.seen(decided());
    assertThat(told).isEmpty();
  }
}
