import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { SqliteDialect, type SqliteStatement, sql } from "kysely";
import type { Flavour, LocalDatabase } from "./flavour.ts";

/** Statements that are kept prepared. */
const keptStatements = 64;

/** Most memory for pages of the file; 100 000 routes take 50 MB. */
const cacheKiB = 65_536;
/** Pages of 4 KiB in the log from which on they go into the file: a page that is written often goes there once. */
const checkpointPages = 4000;

/** `node:sqlite`, which all three runtimes have, as kysely's dialect wants its driver and as `Flavour` has it. */
class KeptStatements implements LocalDatabase {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** The same for kysely. */
  readonly #wrapped = new WeakMap<StatementSync, SqliteStatement>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  prepare(text: string): SqliteStatement {
    const statement = this.#kept(text);
    let wrapped = this.#wrapped.get(statement);
    if (wrapped === undefined) {
      wrapped = {
        reader: statement.columns().length > 0,
        all: (parameters: readonly unknown[]): unknown[] => statement.all(...(parameters as SQLInputValue[])),
        run: (parameters: readonly unknown[]) => statement.run(...(parameters as SQLInputValue[])),
        iterate: (parameters: readonly unknown[]): IterableIterator<unknown> =>
          statement.iterate(...(parameters as SQLInputValue[])) as IterableIterator<unknown>,
      };
      this.#wrapped.set(statement, wrapped);
    }
    return wrapped;
  }

  get(text: string, parameters: readonly SQLInputValue[]): unknown {
    return this.#kept(text).get(...parameters);
  }

  run(text: string, parameters: readonly SQLInputValue[]): void {
    this.#kept(text).run(...parameters);
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #kept(text: string): StatementSync {
    const kept = this.#statements.get(text);
    if (kept !== undefined) return kept;
    const statement = this.#database.prepare(text);
    const [oldest] = this.#statements.keys();
    if (this.#statements.size >= keptStatements && oldest !== undefined) this.#statements.delete(oldest);
    this.#statements.set(text, statement);
    return statement;
  }
}

/**
 * A database in one file, which is made when there is none. What was acknowledged survives the end of the process, at any
 * moment; the last moments before a power cut may be lost (`synchronous = normal`).
 *
 * @throws Error when the file cannot be opened.
 */
export function sqlite(path: string): Flavour {
  const database = new DatabaseSync(path);
  database.exec("pragma journal_mode = wal; pragma synchronous = normal; pragma busy_timeout = 5000");
  // Renewals touch pages all over the table: with the default 2 MB nearly every one is read from the file again.
  database.exec(`pragma cache_size = -${cacheKiB}; pragma wal_autocheckpoint = ${checkpointPages}`);
  const local = new KeptStatements(database);
  return {
    name: "sqlite",
    dialect: new SqliteDialect({ database: local }),
    local,
    now: sql<number>`cast(unixepoch('subsec') * 1000 as integer)`,
    types: { long: sql`text`, short: sql`text` },
    tableEnd: undefined,
    rowsPerStatement: 500,
  };
}
