package dev.drover.node.convergence;

/** What is done about a running transfer. */
public sealed interface Decision {

  /** Nothing; it goes on. */
  record Continue() implements Decision {}

  /** The guest goes on at the target now. */
  record StartPostCopy(String because) implements Decision {}

  /** It has taken too long. */
  record GiveUp(String because) implements Decision {}
}
