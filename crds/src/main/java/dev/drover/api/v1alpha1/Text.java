package dev.drover.api.v1alpha1;

/** Keeps what people read within the limits of the schema. */
public final class Text {
  private Text() {}

  /**
   * {@code text}, cut to at most {@code max} UTF-16 units, with an ellipsis where something is
   * missing.
   */
  public static String limit(String text, int max) {
    if (text.length() <= max) {
      return text;
    }
    int end = Character.isHighSurrogate(text.charAt(max - 2)) ? max - 2 : max - 1;
    return text.substring(0, end) + "…";
  }
}
