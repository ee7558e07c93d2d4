package dev.drover.node.hypervisor.libvirt;

import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.w3c.dom.Element;

/**
 * A guest's CPU, as one host's libvirt describes it and another one's compares it. It travels as
 * text in a report; what libvirt is given at the other end is made anew, of nothing but names of
 * models, vendors and features.
 */
final class CpuXml {
  /** Longer than any that libvirt writes; what is longer does not travel. */
  static final int MOST_CHARACTERS = 8192;

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_.+-]{1,64}");
  private static final Set<String> MATCHES = Set.of("minimum", "exact", "strict");
  private static final Set<String> CHECKS = Set.of("partial", "full");
  private static final Set<String> POLICIES =
      Set.of("force", "require", "optional", "disable", "forbid");

  private CpuXml() {}

  /**
   * The CPU in a definition for migration; empty if libvirt would not compare it either: the host's
   * own, or one that is not checked.
   */
  static Optional<String> ofDomain(Element domain) {
    return Xml.child(domain, "cpu")
        .filter(cpu -> "custom".equals(Xml.attribute(cpu, "mode")))
        .filter(cpu -> isOneOf(CHECKS, Xml.attribute(cpu, "check")))
        .filter(cpu -> Xml.child(cpu, "model").isPresent())
        .map(CpuXml::madeAnew)
        .filter(text -> text.length() <= MOST_CHARACTERS);
  }

  /** Throws {@link IllegalArgumentException} if it is not a CPU. */
  static String read(String text) {
    if (text.length() > MOST_CHARACTERS) {
      throw new IllegalArgumentException("a CPU of " + text.length() + " characters");
    }
    Element cpu = Xml.parse(text);
    if (cpu.getNamespaceURI() != null || !"cpu".equals(cpu.getLocalName())) {
      throw new IllegalArgumentException("not a CPU: <" + cpu.getNodeName() + ">");
    }
    return madeAnew(cpu);
  }

  private static String madeAnew(Element cpu) {
    Element made = Xml.newRoot("cpu");
    made.setAttribute("mode", "custom");
    String match = Xml.attribute(cpu, "match");
    made.setAttribute("match", isOneOf(MATCHES, match) && match != null ? match : "exact");
    Element model = Xml.append(made, "model", name(Xml.text(cpu, "model").orElse("")));
    model.setAttribute("fallback", "forbid");
    Xml.text(cpu, "vendor").ifPresent(vendor -> Xml.append(made, "vendor", name(vendor)));
    for (Element feature : Xml.children(cpu, "feature")) {
      String policy = Xml.attribute(feature, "policy");
      Element copy = Xml.append(made, "feature");
      copy.setAttribute("policy", isOneOf(POLICIES, policy) && policy != null ? policy : "require");
      String name = Xml.attribute(feature, "name");
      copy.setAttribute("name", name(name == null ? "" : name));
    }
    return Xml.print(made);
  }

  private static boolean isOneOf(Set<String> words, @Nullable String word) {
    return word != null && words.contains(word);
  }

  private static String name(String text) {
    if (!NAME.matcher(text).matches()) {
      throw new IllegalArgumentException("not a name in a CPU: \"" + text + "\"");
    }
    return text;
  }
}
