package dev.drover.node.report;

import org.slf4j.Logger;
import org.slf4j.spi.LoggingEventBuilder;

/** Log lines that always name their migration. */
public final class MigrationLog {
  private final Logger logger;

  public MigrationLog(Logger logger) {
    this.logger = logger;
  }

  public LoggingEventBuilder info(MigrationRef ref) {
    return about(logger.atInfo(), ref);
  }

  public LoggingEventBuilder warn(MigrationRef ref) {
    return about(logger.atWarn(), ref);
  }

  public LoggingEventBuilder error(MigrationRef ref) {
    return about(logger.atError(), ref);
  }

  private static LoggingEventBuilder about(LoggingEventBuilder line, MigrationRef ref) {
    return line.addKeyValue("migration", ref.name()).addKeyValue("namespace", ref.namespace());
  }
}
