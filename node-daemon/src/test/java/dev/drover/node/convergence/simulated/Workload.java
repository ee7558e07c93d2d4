package dev.drover.node.convergence.simulated;

import java.math.BigInteger;
import java.util.BitSet;
import java.util.SplittableRandom;
import java.util.function.DoubleUnaryOperator;

/** What a guest writes to its memory. */
interface Workload {
  /** Marks the pages that are written in {@code seconds} from {@code from} on. */
  void write(double from, double seconds, BitSet dirty);

  /**
   * Goes through its working set again and again, in the same shuffled order: as long as a pass
   * takes less than a round, each page that it writes is a clean one.
   */
  static Workload rounds(int pages, double pagesPerSecond) {
    int stride = BigInteger.valueOf(pages * 5L / 8).nextProbablePrime().intValueExact();
    return new Workload() {
      private double due;
      private int next;

      @Override
      public void write(double from, double seconds, BitSet dirty) {
        for (due += pagesPerSecond * seconds; due >= 1; due--) {
          dirty.set(next);
          next = (next + stride) % pages;
        }
      }
    };
  }

  /** Writes anywhere in its working set, as much as {@code pagesPerSecond} says for the time. */
  static Workload random(int pages, DoubleUnaryOperator pagesPerSecond) {
    return new Workload() {
      private final SplittableRandom random = new SplittableRandom(1);
      private double due;

      @Override
      public void write(double from, double seconds, BitSet dirty) {
        for (due += pagesPerSecond.applyAsDouble(from) * seconds; due >= 1; due--) {
          dirty.set(random.nextInt(pages));
        }
      }
    };
  }
}
