import type { Dialect, RawBuilder } from "kysely";

/**
 * A database in this process, on its only connection: nothing waits, so statements run one by one, in the transaction under
 * way, and their texts never change.
 */
export interface LocalDatabase {
  /** The first row; undefined: none. */
  get(text: string, parameters: readonly SqlValue[]): unknown;
  run(text: string, parameters: readonly SqlValue[]): void;
}

type SqlValue = string | number | null;

/** What differs between the databases. */
export interface Flavour {
  readonly name: "sqlite" | "postgres" | "mysql";
  readonly dialect: Dialect;
  /** The database's clock: milliseconds since the epoch, an integer, at the time of the statement. */
  readonly now: RawBuilder<number>;
  /** Column types. */
  readonly types: {
    /** Text without bound. */
    readonly long: RawBuilder<unknown>;
    /** Text that is compared; up to 255 characters where the database needs a bound. */
    readonly short: RawBuilder<unknown>;
  };
  /** Follows a table's columns. */
  readonly tableEnd: RawBuilder<unknown> | undefined;
  /** Most rows of one statement. */
  readonly rowsPerStatement: number;
  /** Undefined: the database is elsewhere. */
  readonly local?: LocalDatabase;
}
