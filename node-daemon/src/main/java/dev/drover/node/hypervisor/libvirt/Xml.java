package dev.drover.node.hypervisor.libvirt;

import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import javax.xml.transform.OutputKeys;
import javax.xml.transform.Transformer;
import javax.xml.transform.TransformerException;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.jspecify.annotations.Nullable;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.ErrorHandler;
import org.xml.sax.InputSource;
import org.xml.sax.SAXException;
import org.xml.sax.SAXParseException;

/**
 * XML as libvirt speaks it. Part of a domain's XML was written by whoever owns the guest: documents
 * with a DTD are refused, and with them every kind of entity; nothing outside of the text is ever
 * read.
 */
final class Xml {
  private static final String DISALLOW_DOCTYPE =
      "http://apache.org/xml/features/disallow-doctype-decl";
  private static final String GENERAL_ENTITIES =
      "http://xml.org/sax/features/external-general-entities";
  private static final String PARAMETER_ENTITIES =
      "http://xml.org/sax/features/external-parameter-entities";

  private Xml() {}

  /** The root element; throws {@link IllegalArgumentException} if the text is not plain XML. */
  static Element parse(String text) {
    try {
      var builder = factory().newDocumentBuilder();
      builder.setErrorHandler(THROWING);
      return builder.parse(new InputSource(new StringReader(text))).getDocumentElement();
    } catch (SAXException | IOException e) {
      throw new IllegalArgumentException("not the XML that libvirt writes: " + e.getMessage(), e);
    } catch (ParserConfigurationException e) {
      throw new IllegalStateException("this JDK has no safe XML parser", e);
    }
  }

  /** A new document with that root. */
  static Element newRoot(String name) {
    try {
      Document document = factory().newDocumentBuilder().newDocument();
      Element root = document.createElement(name);
      document.appendChild(root);
      return root;
    } catch (ParserConfigurationException e) {
      throw new IllegalStateException("this JDK has no safe XML parser", e);
    }
  }

  /** Appends an element and returns it. */
  static Element append(Element parent, String name) {
    Element child = parent.getOwnerDocument().createElement(name);
    parent.appendChild(child);
    return child;
  }

  /** Appends an element with that text and returns it. */
  static Element append(Element parent, String name, String text) {
    Element child = append(parent, name);
    child.setTextContent(text);
    return child;
  }

  static String print(Element root) {
    try {
      TransformerFactory factory = TransformerFactory.newInstance();
      factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
      factory.setAttribute(XMLConstants.ACCESS_EXTERNAL_DTD, "");
      factory.setAttribute(XMLConstants.ACCESS_EXTERNAL_STYLESHEET, "");
      Transformer transformer = factory.newTransformer();
      transformer.setOutputProperty(OutputKeys.OMIT_XML_DECLARATION, "yes");
      StringWriter text = new StringWriter();
      transformer.transform(new DOMSource(root), new StreamResult(text));
      return text.toString();
    } catch (TransformerException e) {
      throw new IllegalStateException("this JDK can't print XML", e);
    }
  }

  /** The element's child elements of that name, in no namespace. */
  static List<Element> children(Element parent, String name) {
    NodeList nodes = parent.getChildNodes();
    return IntStream.range(0, nodes.getLength())
        .mapToObj(nodes::item)
        .flatMap(node -> node instanceof Element element ? Stream.of(element) : Stream.empty())
        .filter(element -> element.getNamespaceURI() == null && name.equals(element.getLocalName()))
        .toList();
  }

  /** The first element at that path of child elements. */
  static Optional<Element> child(Element parent, String... path) {
    Element at = parent;
    for (String name : path) {
      List<Element> found = children(at, name);
      if (found.isEmpty()) {
        return Optional.empty();
      }
      at = found.getFirst();
    }
    return Optional.of(at);
  }

  /** The text of the element at that path, without white space around it. */
  static Optional<String> text(Element parent, String... path) {
    return child(parent, path).map(element -> element.getTextContent().strip());
  }

  /** The attribute; null if there is none or it is empty. */
  static @Nullable String attribute(Element element, String name) {
    String value = element.getAttribute(name);
    return value.isEmpty() ? null : value;
  }

  /**
   * A scaled integer as libvirt writes it: {@code <memory unit='KiB'>}. Throws {@link
   * IllegalArgumentException} if it is none.
   */
  static long bytes(Element element, String defaultUnit) {
    return bytes(element.getTextContent(), attribute(element, "unit"), defaultUnit);
  }

  /** The same of a number that stands elsewhere. */
  static long bytes(String number, @Nullable String unit, String defaultUnit) {
    long scale =
        switch (unit == null ? defaultUnit : unit) {
          case "b", "byte", "bytes" -> 1L;
          case "KB" -> 1_000L;
          case "k", "KiB" -> 1L << 10;
          case "MB" -> 1_000_000L;
          case "M", "MiB" -> 1L << 20;
          case "GB" -> 1_000_000_000L;
          case "G", "GiB" -> 1L << 30;
          case "TB" -> 1_000_000_000_000L;
          case "T", "TiB" -> 1L << 40;
          default -> throw new IllegalArgumentException("unknown unit \"" + unit + "\"");
        };
    return Math.multiplyExact(Long.parseLong(number.strip()), scale);
  }

  private static DocumentBuilderFactory factory() throws ParserConfigurationException {
    DocumentBuilderFactory factory = DocumentBuilderFactory.newDefaultNSInstance();
    factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
    factory.setFeature(DISALLOW_DOCTYPE, true);
    factory.setFeature(GENERAL_ENTITIES, false);
    factory.setFeature(PARAMETER_ENTITIES, false);
    factory.setAttribute(XMLConstants.ACCESS_EXTERNAL_DTD, "");
    factory.setAttribute(XMLConstants.ACCESS_EXTERNAL_SCHEMA, "");
    factory.setXIncludeAware(false);
    factory.setExpandEntityReferences(false);
    return factory;
  }

  /** The default handler prints to stderr. */
  private static final ErrorHandler THROWING =
      new ErrorHandler() {
        @Override
        public void warning(SAXParseException e) {}

        @Override
        public void error(SAXParseException e) throws SAXException {
          throw e;
        }

        @Override
        public void fatalError(SAXParseException e) throws SAXException {
          throw e;
        }
      };
}
