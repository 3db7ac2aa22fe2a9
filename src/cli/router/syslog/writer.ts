/** Takes syslog records, never waits for the server, and never holds more than `queueLimit`. */
export interface SyslogWriter {
  /** One character per byte, without line end. */
  write(record: string): void;
  /** Resolves when everything that could be sent has left the process, soon in any case. */
  close(): Promise<void>;
}

/** Most characters (bytes) that wait for the server; what comes beyond is dropped. */
export const queueLimit = 1024 * 1024;

/** The reason that drops are logged with. */
export const queueFull = `${queueLimit} bytes wait for the syslog server already`;
