import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { SqliteDialect, type SqliteStatement, sql } from "kysely";
import type { Flavour } from "./flavour.ts";

/** Statements that are kept prepared. */
const keptStatements = 64;

/** `node:sqlite` as kysely's dialect wants its driver; all three runtimes have it. */
class KeptStatements {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, SqliteStatement>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  prepare(text: string): SqliteStatement {
    const kept = this.#statements.get(text);
    if (kept !== undefined) return kept;
    const statement: StatementSync = this.#database.prepare(text);
    const made = {
      reader: statement.columns().length > 0,
      all: (parameters: readonly unknown[]): unknown[] => statement.all(...(parameters as SQLInputValue[])),
      run: (parameters: readonly unknown[]) => statement.run(...(parameters as SQLInputValue[])),
      iterate: (parameters: readonly unknown[]): IterableIterator<unknown> =>
        statement.iterate(...(parameters as SQLInputValue[])) as IterableIterator<unknown>,
    };
    const [oldest] = this.#statements.keys();
    if (this.#statements.size >= keptStatements && oldest !== undefined) this.#statements.delete(oldest);
    this.#statements.set(text, made);
    return made;
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
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
  return {
    name: "sqlite",
    dialect: new SqliteDialect({ database: new KeptStatements(database) }),
    now: sql<number>`cast(unixepoch('subsec') * 1000 as integer)`,
    types: { long: sql`text`, short: sql`text` },
    tableEnd: undefined,
    rowsPerStatement: 500,
  };
}
