package dev.drover.node;

/** Names of the key-values in log lines; the same thing has the same name in every line. */
public final class LogKeys {
  /** Name of a LiveMigration. */
  public static final String MIGRATION = "migration";

  /** Namespace of the object that the line is about. */
  public static final String NAMESPACE = "namespace";

  /** Another node than this one; this one is in every line's context. */
  public static final String NODE = "node";

  /** UUID of a libvirt domain. */
  public static final String DOMAIN = "domain";

  /** Name of a libvirt domain. */
  public static final String DOMAIN_NAME = "domainName";

  /** Name of a VirtualMachine. */
  public static final String VIRTUAL_MACHINE = "virtualMachine";

  public static final String PHASE = "phase";
  public static final String REASON = "reason";
  public static final String STATE = "state";
  public static final String FIELD_MANAGER = "fieldManager";

  /** HTTP status with which the API server answered; 0 if it did not. */
  public static final String CODE = "code";

  /** What an exception said, where its stack would say no more. */
  public static final String ERROR = "error";

  /** What was being done. */
  public static final String ACTION = "action";

  public static final String KEY = "key";
  public static final String THREAD = "thread";
  public static final String ADDRESS = "address";
  public static final String MILLISECONDS = "milliseconds";

  private LogKeys() {}
}
