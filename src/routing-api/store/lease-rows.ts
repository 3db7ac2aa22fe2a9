import { hash } from "node:crypto";
import { type RawBuilder, sql, type Transaction } from "kysely";
import type { LeaseKey } from "../lease.ts";
import { chunks } from "./chunks.ts";
import type { Flavour, LocalDatabase } from "./flavour.ts";
import type { LeaseRow, Tables } from "./tables.ts";

/** The key of a lease's row. */
export function keyOf({ kind, identity }: LeaseKey): string {
  return hash("sha256", `${kind}\n${identity}`, "hex");
}

/** A row as it is to be, beside the one that is there. */
export interface RowChange {
  readonly row: LeaseRow;
  readonly old: LeaseRow | undefined;
}

/** Reads and writes rows of leases, in the transaction of a change. */
export class LeaseRows {
  readonly #flavour: Flavour;

  constructor(flavour: Flavour) {
    this.#flavour = flavour;
  }

  /** Rows by their keys, those that are there. */
  async stored(trx: Transaction<Tables>, keys: readonly string[]): Promise<Map<string, LeaseRow>> {
    const stored = new Map<string, LeaseRow>();
    const { local, rowsPerStatement } = this.#flavour;
    if (local !== undefined) {
      for (const key of keys) {
        const row = local.get("select * from causeway_leases where identity = ?", [key]) as LeaseRow | undefined;
        if (row !== undefined) stored.set(key, row);
      }
      return stored;
    }
    for (const part of chunks(keys, rowsPerStatement)) {
      const rows = await trx.selectFrom("causeway_leases").selectAll().where("identity", "in", part).execute();
      for (const row of rows) stored.set(row.identity, row);
    }
    return stored;
  }

  async write(trx: Transaction<Tables>, changes: Iterable<RowChange>): Promise<void> {
    const { local, rowsPerStatement } = this.#flavour;
    const rows: LeaseRow[] = [];
    for (const { row, old } of changes) {
      if (local !== undefined && old !== undefined && onlyRenewed(row, old)) renew(local, row);
      else rows.push(row);
    }
    for (const part of chunks(rows, rowsPerStatement)) {
      const insert = trx.insertInto("causeway_leases").values(part);
      await (this.#flavour.name === "mysql"
        ? insert.onDuplicateKeyUpdate(updatedColumns((column) => sql`values(${sql.ref(column)})`))
        : insert.onConflict((conflict) =>
            conflict.column("identity").doUpdateSet(updatedColumns((column) => sql`excluded.${sql.ref(column)}`)),
          )
      ).execute();
    }
  }

  async delete(trx: Transaction<Tables>, rows: readonly LeaseRow[]): Promise<void> {
    for (const part of chunks(rows, this.#flavour.rowsPerStatement)) {
      const keys = part.map(({ identity }) => identity);
      await trx.deleteFrom("causeway_leases").where("identity", "in", keys).execute();
    }
  }
}

/** Most changes are heartbeats: what they leave as it was, indexes of it too, need not be written again. */
function onlyRenewed(row: LeaseRow, old: LeaseRow): boolean {
  return (
    row.partition_key === old.partition_key &&
    row.segment === old.segment &&
    row.sni_key === old.sni_key &&
    row.reserved === old.reserved
  );
}

function renew(local: LocalDatabase, { json, tag_index, expires_at, identity }: LeaseRow): void {
  local.run("update causeway_leases set json = ?, tag_index = ?, expires_at = ? where identity = ?", [
    json,
    tag_index,
    expires_at,
    identity,
  ]);
}

type Renewed = "json" | "tag_guid" | "tag_index" | "partition_key" | "segment" | "sni_key" | "reserved" | "expires_at";

/** Every column but the key and what never changes, set to what the statement would have inserted. */
function updatedColumns(inserted: (column: Renewed) => RawBuilder<unknown>) {
  const value = <Column extends Renewed>(column: Column) => inserted(column) as RawBuilder<LeaseRow[Column]>;
  return {
    json: value("json"),
    tag_guid: value("tag_guid"),
    tag_index: value("tag_index"),
    partition_key: value("partition_key"),
    segment: value("segment"),
    sni_key: value("sni_key"),
    reserved: value("reserved"),
    expires_at: value("expires_at"),
  };
}
