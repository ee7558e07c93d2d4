package dev.drover.node.inventory;

/** A VirtualMachine of the API server; a new object of the same name is another one. */
record Place(String namespace, String name, String uid) {}
