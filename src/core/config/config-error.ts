/** Where a key stands in the file: line and column count from 1; 0 when it is not in the file. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export const nowhere: Position = { line: 0, column: 0 };

/**
 * The configuration cannot be used. `message` is the text printed as `data.error` of the `Error loading config:` line
 * (control-plane §1.1, §1.3); `key` is dotted (`status.tls.key`, `tls_pem[0].cert_chain`) and empty when the
 * document as a whole is meant.
 */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly key: string;
  readonly line: number;
  readonly column: number;
  constructor(message: string, key = "", position: Position = nowhere) {
    super(message);
    this.key = key;
    this.line = position.line;
    this.column = position.column;
  }
}

/** Something in the file that does not stop the start but is worth a warning. */
export interface Warning extends Position {
  /** The whole sentence, for people. */
  readonly message: string;
  readonly key: string;
}
