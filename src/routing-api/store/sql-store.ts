import { Kysely, sql } from "kysely";
import { ApiError } from "../api-error.ts";
import type { Lease, LeaseEvent, LeaseFilter, LeaseKey } from "../lease.ts";
import type { RouterGroup } from "../router-group.ts";
import type { Flavour } from "./flavour.ts";
import { addGroup, changeGroup, groupsOf, removeGroup, seedGroups } from "./group-table.ts";
import { keyOf, LeaseRows, type RowChange } from "./lease-rows.ts";
import { migrate } from "./migrations.ts";
import { isRefusal } from "./refusal.ts";
import { type RenewalOptions, renewed } from "./renewal.ts";
import { selected } from "./selection.ts";
import { SharedSaves } from "./shared-saves.ts";
import { type EventPosition, type LeaseCounts, type PagePlace, StorageError, type Store } from "./store.ts";
import type { LeaseRow, Tables } from "./tables.ts";
import { checkTcpLeases } from "./tcp-rules.ts";
import { type Turn, Turns } from "./turn.ts";

/** What a store is made with. */
export interface SqlStoreOptions extends RenewalOptions {
  /** Resolves after so many milliseconds, at the earliest in the next turn of the event loop. */
  readonly soon: (ms: number) => Promise<void>;
}

/** Most expired leases removed in one transaction. */
const prunedAtATime = 1000;
/** Leases from which on a request has a transaction of its own. */
const largeBatch = 500;
/** Most events forgotten in one transaction. */
const forgottenAtATime = 5000;

/** The store on any of the databases that kysely speaks to. */
export class SqlStore implements Store {
  readonly #db: Kysely<Tables>;
  readonly #flavour: Flavour;
  readonly #options: SqlStoreOptions;
  readonly #turns: Turns;
  readonly #rows: LeaseRows;
  readonly #shared: SharedSaves;

  constructor(flavour: Flavour, options: SqlStoreOptions) {
    this.#db = new Kysely<Tables>({ dialect: flavour.dialect });
    this.#flavour = flavour;
    this.#options = options;
    this.#turns = new Turns(this.#db, flavour);
    this.#rows = new LeaseRows(flavour);
    this.#shared = new SharedSaves({ save: (leases) => this.#save(leases), soon: options.soon, isRefusal });
  }

  async prepare(groups: readonly RouterGroup[]): Promise<void> {
    await guard(async () => {
      await migrate(this.#db, this.#flavour);
      await this.#turns.take(0, (trx) => seedGroups(trx, groups));
    });
  }

  async save(leases: readonly Lease[]): Promise<void> {
    // What may be refused in the transaction must not undo what others save.
    if (leases.length >= largeBatch || leases.some(({ kind }) => kind === "tcp")) await this.#save(leases);
    else await this.#shared.add(leases);
  }

  async #save(leases: readonly Lease[]): Promise<void> {
    const keyed = leases.map((lease) => ({ lease, key: keyOf(lease) }));
    await guard(async () => {
      // A lease that changes its partition makes two events.
      await this.#turns.take(2 * leases.length, async (trx, turn) => {
        const stored = await this.#rows.stored(
          trx,
          keyed.map(({ key }) => key),
        );
        await checkTcpLeases(trx, this.#flavour, leases, turn.now);
        const changes = new Map<string, RowChange>();
        for (const { lease, key } of keyed) {
          const before = changes.get(key)?.row ?? stored.get(key);
          const row = renewed(lease, key, before, turn, this.#options);
          changes.set(key, { row, old: stored.get(key) });
        }
        await this.#rows.write(trx, changes.values());
      });
    });
  }

  async remove(keys: readonly LeaseKey[]): Promise<void> {
    const wanted = [...new Set(keys.map(keyOf))];
    await guard(async () => {
      await this.#turns.take(wanted.length, async (trx, turn) => {
        const stored = await this.#rows.stored(trx, wanted);
        // In the order of the request: the database gives them in any.
        const rows = wanted.flatMap((key) => stored.get(key) ?? []);
        for (const row of rows) turn.event("Delete", row);
        await this.#rows.delete(trx, rows);
      });
    });
  }

  async list(filter: LeaseFilter): Promise<readonly string[]> {
    return await guard(async () => (await selected(this.#db, this.#flavour, filter)).map(({ json }) => json));
  }

  async page(filter: LeaseFilter, place: PagePlace) {
    return await guard(async () => {
      const rows = await selected(this.#db, this.#flavour, filter, place);
      return { elements: rows.map(({ json }) => json), last: rows.at(-1)?.created ?? place.after };
    });
  }

  async position(): Promise<EventPosition> {
    return await guard(
      async () => await this.#db.selectFrom("causeway_sequence").select(["last", "floor"]).executeTakeFirstOrThrow(),
    );
  }

  async events(after: number, limit: number): Promise<readonly LeaseEvent[]> {
    return await guard(async () => {
      const rows = await this.#db
        .selectFrom("causeway_events")
        .selectAll()
        .where("id", ">", after)
        .orderBy("id")
        .limit(limit)
        .execute();
      return rows.map((row) => ({
        id: row.id,
        kind: row.kind as LeaseEvent["kind"],
        name: row.name as LeaseEvent["name"],
        json: row.json,
        partition: row.partition_key,
        segment: row.segment,
        reserved: row.reserved !== 0,
      }));
    });
  }

  async prune(): Promise<LeaseCounts> {
    const counts = { http: 0, tcp: 0 };
    const expired = (db: Kysely<Tables>) =>
      db
        .selectFrom("causeway_leases")
        .where("expires_at", "<=", this.#flavour.now)
        .orderBy("created")
        .limit(prunedAtATime);
    return await guard(async () => {
      for (;;) {
        // Looked at without a lock first: mostly there is nothing to do.
        if ((await expired(this.#db).select("identity").limit(1).execute()).length === 0) return counts;
        await this.#turns.take(prunedAtATime, async (trx, turn: Turn) => {
          const rows: LeaseRow[] = await expired(trx).selectAll().execute();
          for (const row of rows) turn.event("Delete", row);
          await this.#rows.delete(trx, rows);
          for (const { kind } of rows) counts[kind as keyof LeaseCounts]++;
        });
      }
    });
  }

  async forgetEvents(olderThanMs: number): Promise<void> {
    await guard(async () => {
      for (;;) {
        const old = await this.#db
          .selectFrom("causeway_events")
          .select("id")
          .where("at", "<", sql<number>`${this.#flavour.now} - ${olderThanMs}`)
          .orderBy("id")
          .limit(forgottenAtATime)
          .execute();
        const highest = old.at(-1)?.id;
        if (highest === undefined) return;
        await this.#turns.take(0, async (trx) => {
          await trx.updateTable("causeway_sequence").set({ floor: highest }).where("floor", "<", highest).execute();
          await trx.deleteFrom("causeway_events").where("id", "<=", highest).execute();
        });
      }
    });
  }

  async count(): Promise<LeaseCounts> {
    return await guard(async () => {
      const rows = await this.#db
        .selectFrom("causeway_leases")
        .select(["kind", ({ fn }) => fn.countAll().as("count")])
        .where(({ eb, or }) => or([eb("expires_at", "is", null), eb("expires_at", ">", this.#flavour.now)]))
        .groupBy("kind")
        .execute();
      const of = (kind: string): number => Number(rows.find((row) => row.kind === kind)?.count ?? 0);
      return { http: of("http"), tcp: of("tcp") };
    });
  }

  async groups(): Promise<readonly RouterGroup[]> {
    return await guard(() => groupsOf(this.#db));
  }

  async addGroup(group: RouterGroup, check: (all: readonly RouterGroup[]) => void) {
    return await guard(() => this.#turns.take(0, (trx) => addGroup(trx, group, check)));
  }

  async changeGroup(guid: string, reservablePorts: string, check: (changed: RouterGroup) => void) {
    return await guard(() => this.#turns.take(0, (trx) => changeGroup(trx, guid, reservablePorts, check)));
  }

  async removeGroup(guid: string): Promise<boolean> {
    return await guard(() => removeGroup(this.#db, guid));
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }
}

async function guard<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new StorageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
