package dev.drover.node.hypervisor.libvirt;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * An array of {@code virTypedParameter} as plain values. A name may occur more than once: that is
 * how libvirt has lists.
 */
record TypedParameters(List<Parameter> parameters) {
  /** {@code sizeof(virTypedParameter)}: char field[80], int type, 8 bytes of union. */
  private static final int SIZE = 96;

  private static final int FIELD_LENGTH = 80;
  private static final int TYPE = 80;
  private static final int VALUE = 88;

  TypedParameters {
    parameters = List.copyOf(parameters);
  }

  /** virTypedParameterType. */
  private interface Type {
    int INT = 1;
    int UINT = 2;
    int LLONG = 3;
    int ULLONG = 4;
    int DOUBLE = 5;
    int BOOLEAN = 6;
    int STRING = 7;
  }

  /** A name and its value. */
  sealed interface Parameter {
    String field();
  }

  /** VIR_TYPED_PARAM_INT. */
  record Int(String field, int value) implements Parameter {}

  /** VIR_TYPED_PARAM_UINT, zero-extended. */
  record UnsignedInt(String field, long value) implements Parameter {}

  /** VIR_TYPED_PARAM_LLONG. */
  record Long64(String field, long value) implements Parameter {}

  /** VIR_TYPED_PARAM_ULLONG; the few values beyond 2^63 show as negative. */
  record UnsignedLong64(String field, long value) implements Parameter {}

  /** VIR_TYPED_PARAM_DOUBLE. */
  record Real(String field, double value) implements Parameter {}

  /** VIR_TYPED_PARAM_BOOLEAN. */
  record Flag(String field, boolean value) implements Parameter {}

  /** VIR_TYPED_PARAM_STRING. */
  record Text(String field, String value) implements Parameter {}

  /** The value of an integer parameter of whatever width; empty if there is none. */
  OptionalLong number(String field) {
    for (Parameter parameter : parameters) {
      if (parameter.field().equals(field)) {
        switch (parameter) {
          case Int(String name, int value) -> {
            return OptionalLong.of(value);
          }
          case UnsignedInt(String name, long value) -> {
            return OptionalLong.of(value);
          }
          case Long64(String name, long value) -> {
            return OptionalLong.of(value);
          }
          case UnsignedLong64(String name, long value) -> {
            return OptionalLong.of(value);
          }
          case Real real -> {}
          case Flag flag -> {}
          case Text text -> {}
        }
      }
    }
    return OptionalLong.empty();
  }

  /** The first string of that name. */
  Optional<String> text(String field) {
    for (Parameter parameter : parameters) {
      if (parameter instanceof Text(String name, String value) && name.equals(field)) {
        return Optional.of(value);
      }
    }
    return Optional.empty();
  }

  /** Copies {@code count} parameters out of native memory; what has an unknown type is left out. */
  static TypedParameters read(Pointer array, int count) {
    List<Parameter> parameters = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      Pointer at = array.share((long) i * SIZE);
      String field = at.getString(0, StandardCharsets.UTF_8.name());
      switch (at.getInt(TYPE)) {
        case Type.INT -> parameters.add(new Int(field, at.getInt(VALUE)));
        case Type.UINT ->
            parameters.add(new UnsignedInt(field, Integer.toUnsignedLong(at.getInt(VALUE))));
        case Type.LLONG -> parameters.add(new Long64(field, at.getLong(VALUE)));
        case Type.ULLONG -> parameters.add(new UnsignedLong64(field, at.getLong(VALUE)));
        case Type.DOUBLE -> parameters.add(new Real(field, at.getDouble(VALUE)));
        case Type.BOOLEAN -> parameters.add(new Flag(field, at.getByte(VALUE) != 0));
        case Type.STRING -> {
          Pointer text = at.getPointer(VALUE);
          if (text != null) {
            parameters.add(new Text(field, text.getString(0, StandardCharsets.UTF_8.name())));
          }
        }
        default -> {} // newer than this reader
      }
    }
    return new TypedParameters(parameters);
  }

  /**
   * Copies the parameters to native memory. The caller keeps the block reachable ({@link
   * java.lang.ref.Reference#reachabilityFence}) until libvirt is done with it.
   */
  Block write() {
    // At least one entry: JNA allocates no empty memory, and libvirt takes a count of 0.
    Memory array = new Memory((long) Math.max(1, parameters.size()) * SIZE);
    array.clear();
    List<Memory> strings = new ArrayList<>();
    for (int i = 0; i < parameters.size(); i++) {
      Parameter parameter = parameters.get(i);
      byte[] field = parameter.field().getBytes(StandardCharsets.UTF_8);
      if (field.length >= FIELD_LENGTH) {
        throw new IllegalArgumentException("\"" + parameter.field() + "\" is too long");
      }
      Pointer at = array.share((long) i * SIZE);
      at.write(0, field, 0, field.length);
      switch (parameter) {
        case Int(String name, int value) -> {
          at.setInt(TYPE, Type.INT);
          at.setInt(VALUE, value);
        }
        case UnsignedInt(String name, long value) -> {
          at.setInt(TYPE, Type.UINT);
          at.setInt(VALUE, (int) value);
        }
        case Long64(String name, long value) -> {
          at.setInt(TYPE, Type.LLONG);
          at.setLong(VALUE, value);
        }
        case UnsignedLong64(String name, long value) -> {
          at.setInt(TYPE, Type.ULLONG);
          at.setLong(VALUE, value);
        }
        case Real(String name, double value) -> {
          at.setInt(TYPE, Type.DOUBLE);
          at.setDouble(VALUE, value);
        }
        case Flag(String name, boolean value) -> {
          at.setInt(TYPE, Type.BOOLEAN);
          at.setByte(VALUE, (byte) (value ? 1 : 0));
        }
        case Text(String name, String value) -> {
          byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
          Memory string = new Memory(bytes.length + 1L);
          string.write(0, bytes, 0, bytes.length);
          string.setByte(bytes.length, (byte) 0);
          strings.add(string);
          at.setInt(TYPE, Type.STRING);
          at.setPointer(VALUE, string);
        }
      }
    }
    return new Block(array, parameters.size(), List.copyOf(strings));
  }

  /** Native memory: the array, and the strings that it points to. */
  record Block(Memory array, int count, List<Memory> strings) {}
}
