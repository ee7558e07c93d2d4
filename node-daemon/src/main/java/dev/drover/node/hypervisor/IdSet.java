package dev.drover.node.hypervisor;

import java.util.BitSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** CPUs or NUMA nodes of a host, by number; as libvirt writes them: {@code 0-3,^2,8}. */
public final class IdSet {
  public static final IdSet EMPTY = new IdSet(new BitSet());

  /** No machine has more; a definition that says otherwise does not fill the memory. */
  private static final int MOST = 1 << 14;

  private final BitSet ids;

  private IdSet(BitSet ids) {
    this.ids = ids;
  }

  /** Throws {@link IllegalArgumentException} if the text is no such list. */
  public static IdSet parse(String text) {
    var ids = new BitSet();
    for (String part : text.strip().split(",", -1)) {
      String range = part.strip();
      if (range.isEmpty()) {
        continue;
      }
      boolean without = range.startsWith("^");
      String[] ends = (without ? range.substring(1) : range).split("-", 2);
      int first = number(ends[0]);
      int last = ends.length == 1 ? first : number(ends[1]);
      if (last < first) {
        throw new IllegalArgumentException("not a range: " + range);
      }
      ids.set(first, last + 1, !without);
    }
    return new IdSet(ids);
  }

  /** Throws {@link IllegalArgumentException} if one of them is too large. */
  public static IdSet of(IntStream ids) {
    var set = new BitSet();
    ids.forEach(id -> set.set(number(Integer.toString(id))));
    return new IdSet(set);
  }

  /** In ascending order. */
  public IntStream stream() {
    return ids.stream();
  }

  public int size() {
    return ids.cardinality();
  }

  public boolean contains(int id) {
    return ids.get(id);
  }

  private static int number(String text) {
    int number = Integer.parseInt(text.strip());
    if (number < 0 || number >= MOST) {
      throw new IllegalArgumentException("not a CPU or a NUMA node: " + text);
    }
    return number;
  }

  public IdSet and(IdSet other) {
    var both = (BitSet) ids.clone();
    both.or(other.ids);
    return new IdSet(both);
  }

  /** What is in here and not in the other one. */
  public IdSet without(IdSet other) {
    var rest = (BitSet) ids.clone();
    rest.andNot(other.ids);
    return new IdSet(rest);
  }

  /** What is in here and in the other one, too. */
  public IdSet within(IdSet other) {
    var both = (BitSet) ids.clone();
    both.and(other.ids);
    return new IdSet(both);
  }

  public boolean isEmpty() {
    return ids.isEmpty();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof IdSet set && set.ids.equals(ids);
  }

  @Override
  public int hashCode() {
    return ids.hashCode();
  }

  /** {@code 0-3,8}. */
  @Override
  public String toString() {
    return ids.stream()
        .filter(id -> id == 0 || !ids.get(id - 1))
        .mapToObj(
            first -> {
              int last = ids.nextClearBit(first) - 1;
              return first == last ? Integer.toString(first) : first + "-" + last;
            })
        .collect(Collectors.joining(","));
  }
}
