package dev.drover.node.roles;

import dev.drover.api.v1alpha1.HypervisorNode;
import dev.drover.api.v1alpha1.HypervisorNodeSpec;
import dev.drover.api.v1alpha1.LiveMigration;
import dev.drover.node.hypervisor.PeerAddress;
import dev.drover.node.hypervisor.PeerAddress.Transport;
import dev.drover.node.source.PeerDirectory;
import dev.drover.node.target.NodeLimits;
import dev.drover.node.target.SourceSide;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What HypervisorNode objects say, asked when it is needed: once or twice per migration. */
final class HypervisorNodes implements PeerDirectory, NodeLimits, SourceSide {
  private static final Logger LOG = LoggerFactory.getLogger(HypervisorNodes.class);

  /** Only literals: a name would be looked up, and could be anybody's. */
  private static final Pattern IP_LITERAL = Pattern.compile("[0-9.]{7,15}|[0-9a-fA-F:]{2,45}");

  private final KubernetesClient client;
  private final String nodeName;
  private final Transport transport;

  HypervisorNodes(KubernetesClient client, String nodeName, Transport transport) {
    this.client = client;
    this.nodeName = nodeName;
    this.transport = transport;
  }

  @Override
  public Optional<PeerAddress> addressOf(String node) {
    var object = object(node);
    if (object == null || object.getStatus() == null) {
      return Optional.empty();
    }
    var address = object.getStatus().migrationAddress();
    if (address == null || !IP_LITERAL.matcher(address).matches()) {
      LOG.atWarn()
          .addKeyValue("peer", node)
          .addKeyValue("address", address)
          .log("The node has no migration address that is an IP address");
      return Optional.empty();
    }
    try {
      return Optional.of(new PeerAddress(InetAddress.getByName(address), transport));
    } catch (UnknownHostException e) {
      return Optional.empty(); // not a literal after all; nothing is looked up
    }
  }

  @Override
  public boolean isFenced(String node) {
    try {
      var object = object(node);
      // INVARIANT: both. spec is the admins' alone; of the status, a daemon may write its own
      // node's.
      return object != null
          && object.getSpec() != null
          && object.getSpec().saidToBeFenced()
          && object.getStatus() != null
          && object.getStatus().foundFenced();
    } catch (KubernetesClientException e) {
      return false;
    }
  }

  @Override
  public boolean encrypts() {
    return transport == Transport.tls;
  }

  @Override
  public Optional<LiveMigration> now(LiveMigration migration) {
    try {
      return Optional.ofNullable(
          client
              .resources(LiveMigration.class)
              .inNamespace(migration.getMetadata().getNamespace())
              .withName(migration.getMetadata().getName())
              .get());
    } catch (KubernetesClientException e) {
      return Optional.empty();
    }
  }

  @Override
  public int maxIncoming() {
    return spec(nodeName)
        .map(HypervisorNodeSpec::maxIncomingOrDefault)
        .orElse(HypervisorNodeSpec.DEFAULT_MAX_MIGRATIONS);
  }

  @Override
  public Map<String, String> bridges() {
    return bridgesOf(nodeName);
  }

  @Override
  public Map<String, String> bridgesOf(String node) {
    return spec(node).map(HypervisorNodeSpec::bridgesByGuestName).orElse(Map.of());
  }

  @Override
  public Optional<String> copyPool() {
    return spec(nodeName).map(HypervisorNodeSpec::copyPool);
  }

  private @Nullable HypervisorNode object(String node) {
    return client.resources(HypervisorNode.class).withName(node).get();
  }

  private Optional<HypervisorNodeSpec> spec(String node) {
    return Optional.ofNullable(object(node)).map(HypervisorNode::getSpec);
  }
}
