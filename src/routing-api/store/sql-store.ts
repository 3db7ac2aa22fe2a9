import { createHash } from "node:crypto";
import { Kysely, type RawBuilder, type Selectable, sql, type Transaction } from "kysely";
import { ApiError, processError } from "../api-error.ts";
import type { Lease, LeaseEvent, LeaseFilter, LeaseKey } from "../lease.ts";
import type { RouterGroup } from "../router-group.ts";
import { type TcpLease, terminatesFrontendTls } from "../tcp-route.ts";
import type { Flavour } from "./flavour.ts";
import { migrate } from "./migrations.ts";
import { type EventPosition, type LeaseCounts, type Snapshot, StorageError, type Store } from "./store.ts";
import type { Tables } from "./tables.ts";

type LeaseRow = Selectable<Tables["causeway_leases"]>;
type EventRow = Selectable<Tables["causeway_events"]>;

/** What a store is made with. */
export interface SqlStoreOptions {
  /** Makes modification tags. */
  readonly uuid: () => string;
  /** A renewal that changes nothing but the tag makes an event too, as upstream (routing-api §9). */
  readonly heartbeatEvents: boolean;
  /** Resolves in the next turn of the event loop: what is to be saved until then goes into one transaction. */
  readonly soon: () => Promise<void>;
}

/** Most expired leases removed in one transaction. */
const prunedAtATime = 1000;
/** Leases from which on a request has a transaction of its own. */
const largeBatch = 500;
/** Most events forgotten in one transaction. */
const forgottenAtATime = 5000;

function keyOf({ kind, identity }: LeaseKey): string {
  return createHash("sha256").update(`${kind}\n${identity}`).digest("hex");
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < items.length; at += size) parts.push(items.slice(at, at + size));
  return parts;
}

/** Leases of several requests that are saved together. */
interface SharedBatch {
  readonly leases: Lease[];
  readonly saved: Promise<void>;
}

/** The turn of one change: nobody else changes anything until it is committed. */
interface Turn {
  /** Milliseconds of the database's clock. */
  readonly now: number;
  /** Id of the next event. */
  next(): number;
  event(name: LeaseEvent["name"], row: LeaseRow): void;
}

/** The store on any of the databases that kysely speaks to. */
export class SqlStore implements Store {
  readonly #db: Kysely<Tables>;
  readonly #flavour: Flavour;
  readonly #options: SqlStoreOptions;
  /** What the next turn saves. */
  #open: SharedBatch | undefined;

  constructor(flavour: Flavour, options: SqlStoreOptions) {
    this.#db = new Kysely<Tables>({ dialect: flavour.dialect });
    this.#flavour = flavour;
    this.#options = options;
  }

  async prepare(groups: readonly RouterGroup[]): Promise<void> {
    await this.#guard(async () => {
      await migrate(this.#db, this.#flavour);
      await this.#change(0, async (trx) => {
        const some = await trx.selectFrom("router_groups").select("guid").limit(1).execute();
        if (some.length > 0 || groups.length === 0) return;
        await trx.insertInto("router_groups").values(groups.map(groupRow)).execute();
      });
    });
  }

  async save(leases: readonly Lease[]): Promise<void> {
    // What may be refused in the transaction must not undo what others save.
    if (leases.length >= largeBatch || leases.some(({ kind }) => kind === "tcp")) return await this.#saveAll(leases);
    const batch = this.#open ?? this.#openBatch();
    for (const lease of leases) batch.leases.push(lease);
    return await batch.saved;
  }

  /** Small saves of one turn share a transaction: most are heartbeats, and each would have a commit of its own. */
  #openBatch(): SharedBatch {
    const leases: Lease[] = [];
    const saved = this.#options.soon().then(() => {
      this.#open = undefined;
      return this.#saveAll(leases);
    });
    this.#open = { leases, saved };
    return this.#open;
  }

  async #saveAll(leases: readonly Lease[]): Promise<void> {
    await this.#guard(async () => {
      const keyed = leases.map((lease) => ({ lease, key: keyOf(lease) }));
      // A lease that changes its partition makes two events.
      await this.#change(2 * leases.length, async (trx, turn) => {
        const stored = await this.#stored(
          trx,
          keyed.map(({ key }) => key),
        );
        await this.#checkTcp(trx, leases, turn.now);
        const changed = new Map<string, LeaseRow>();
        for (const { lease, key } of keyed) {
          const row = this.#renewed(lease, key, stored.get(key), turn);
          stored.set(key, row);
          changed.set(key, row);
        }
        await this.#write(trx, [...changed.values()]);
      });
    });
  }

  async remove(keys: readonly LeaseKey[]): Promise<void> {
    await this.#guard(async () => {
      const wanted = [...new Set(keys.map(keyOf))];
      await this.#change(wanted.length, async (trx, turn) => {
        const stored = await this.#stored(trx, wanted);
        // In the order of the request: the database gives them in any.
        const rows = wanted.flatMap((key) => stored.get(key) ?? []);
        await this.#delete(trx, rows, turn);
      });
    });
  }

  async list(filter: LeaseFilter): Promise<readonly string[]> {
    return await this.#guard(async () => (await this.#selection(this.#db, filter)).map(({ json }) => json));
  }

  async page(filter: LeaseFilter, after: number, limit: number) {
    return await this.#guard(async () => {
      const rows = await this.#selection(this.#db, filter, { after, limit });
      return { elements: rows.map(({ json }) => json), last: rows.at(-1)?.created ?? after };
    });
  }

  async snapshot(filter: LeaseFilter): Promise<Snapshot> {
    return await this.#guard(
      async () =>
        await this.#db
          .transaction()
          .setIsolationLevel("repeatable read")
          .execute(async (trx) => {
            const { last } = await trx.selectFrom("causeway_sequence").select("last").executeTakeFirstOrThrow();
            return { position: last, elements: (await this.#selection(trx, filter)).map(({ json }) => json) };
          }),
    );
  }

  async position(): Promise<EventPosition> {
    return await this.#guard(
      async () => await this.#db.selectFrom("causeway_sequence").select(["last", "floor"]).executeTakeFirstOrThrow(),
    );
  }

  async events(after: number, limit: number): Promise<readonly LeaseEvent[]> {
    return await this.#guard(async () => {
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
    return await this.#guard(async () => {
      for (;;) {
        // Looked at without a lock first: mostly there is nothing to do.
        if ((await expired(this.#db).select("identity").limit(1).execute()).length === 0) return counts;
        await this.#change(prunedAtATime, async (trx, turn) => {
          const rows = await expired(trx).selectAll().execute();
          await this.#delete(trx, rows, turn);
          for (const { kind } of rows) counts[kind as keyof LeaseCounts]++;
        });
      }
    });
  }

  async forgetEvents(olderThanMs: number): Promise<void> {
    await this.#guard(async () => {
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
        await this.#change(0, async (trx) => {
          await trx.updateTable("causeway_sequence").set({ floor: highest }).where("floor", "<", highest).execute();
          await trx.deleteFrom("causeway_events").where("id", "<=", highest).execute();
        });
      }
    });
  }

  async count(): Promise<LeaseCounts> {
    return await this.#guard(async () => {
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
    return await this.#guard(async () => await allGroups(this.#db));
  }

  async addGroup(
    group: RouterGroup,
    check: (all: readonly RouterGroup[]) => void,
  ): Promise<{ readonly group: RouterGroup; readonly added: boolean }> {
    return await this.#guard(
      async () =>
        await this.#change(0, async (trx) => {
          const all = await allGroups(trx);
          const known = all.find(({ name, type }) => name === group.name && type === group.type);
          if (known !== undefined) return { group: known, added: false };
          check([...all, group]);
          await trx.insertInto("router_groups").values(groupRow(group)).execute();
          return { group, added: true };
        }),
    );
  }

  async changeGroup(
    guid: string,
    reservablePorts: string,
    check: (changed: RouterGroup) => void,
  ): Promise<RouterGroup | undefined> {
    return await this.#guard(
      async () =>
        await this.#change(0, async (trx) => {
          const group = (await allGroups(trx)).find((one) => one.guid === guid);
          if (group === undefined || group.reservablePorts === reservablePorts) return group;
          const changed = { ...group, reservablePorts };
          check(changed);
          await trx
            .updateTable("router_groups")
            .set({ reservable_ports: reservablePorts, updated_at: sql<string>`current_timestamp` })
            .where("guid", "=", guid)
            .execute();
          return changed;
        }),
    );
  }

  async removeGroup(guid: string): Promise<boolean> {
    return await this.#guard(async () => {
      const { numDeletedRows } = await this.#db.deleteFrom("router_groups").where("guid", "=", guid).executeTakeFirst();
      return numDeletedRows > 0n;
    });
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }

  /**
   * Runs a change in a transaction that has the lock of the sequence, with room for so many events. What it throws undoes
   * it.
   */
  async #change<T>(room: number, change: (trx: Transaction<Tables>, turn: Turn) => Promise<T>): Promise<T> {
    return await this.#db.transaction().execute(async (trx) => {
      await trx
        .updateTable("causeway_sequence")
        .set({ last: sql<number>`last + ${room}` })
        .where("id", "=", 1)
        .execute();
      const { last, now } = await trx
        .selectFrom("causeway_sequence")
        .select(["last", this.#flavour.now.as("now")])
        .executeTakeFirstOrThrow();
      const events: EventRow[] = [];
      const next = (): number => last - room + events.length + 1;
      const event: Turn["event"] = (name, { kind, json, partition_key, segment, reserved }) => {
        events.push({ id: next(), kind, name, json, partition_key, segment, reserved, at: now });
      };
      const result = await change(trx, { now, next, event });
      for (const part of chunks(events, this.#flavour.rowsPerStatement))
        await trx.insertInto("causeway_events").values(part).execute();
      return result;
    });
  }

  async #stored(trx: Transaction<Tables>, keys: readonly string[]): Promise<Map<string, LeaseRow>> {
    const stored = new Map<string, LeaseRow>();
    for (const part of chunks(keys, this.#flavour.rowsPerStatement)) {
      const rows = await trx.selectFrom("causeway_leases").selectAll().where("identity", "in", part).execute();
      for (const row of rows) stored.set(row.identity, row);
    }
    return stored;
  }

  /** The row of a lease after its creation or renewal, with the event where there is one. */
  #renewed(lease: Lease, key: string, old: LeaseRow | undefined, turn: Turn): LeaseRow {
    const tag = old === undefined ? { guid: this.#options.uuid(), index: 0 } : tagOf(old);
    const next = old === undefined ? tag : { guid: tag.guid, index: tag.index + 1 };
    const partition = lease.partition === "" ? (old?.partition_key ?? "") : lease.partition;
    const row: LeaseRow = {
      identity: key,
      kind: lease.kind,
      json: lease.render(next, old?.json),
      tag_guid: next.guid,
      tag_index: next.index,
      partition_key: partition,
      segment: lease.segment,
      sni_key: lease.sniKey,
      reserved: lease.reserved ? 1 : 0,
      created: old?.created ?? turn.next(),
      expires_at: lease.ttl === 0 ? null : turn.now + lease.ttl * 1000,
    };
    // Readers of the old partition, or segment, would keep it for ever.
    if (old !== undefined && (old.partition_key !== partition || old.segment !== lease.segment))
      turn.event("Delete", old);
    const expired = old !== undefined && old.expires_at !== null && old.expires_at <= turn.now;
    const unchanged = old !== undefined && !expired && lease.render(tag, old.json) === old.json;
    if (!unchanged || this.#options.heartbeatEvents) turn.event("Upsert", row);
    return row;
  }

  async #write(trx: Transaction<Tables>, rows: readonly LeaseRow[]): Promise<void> {
    for (const part of chunks(rows, this.#flavour.rowsPerStatement)) {
      const insert = trx.insertInto("causeway_leases").values(part);
      await (this.#flavour.name === "mysql"
        ? insert.onDuplicateKeyUpdate(updatedColumns((column) => sql`values(${sql.ref(column)})`))
        : insert.onConflict((conflict) =>
            conflict.column("identity").doUpdateSet(updatedColumns((column) => sql`excluded.${sql.ref(column)}`)),
          )
      ).execute();
    }
  }

  async #delete(trx: Transaction<Tables>, rows: readonly LeaseRow[], turn: Turn): Promise<void> {
    for (const row of rows) turn.event("Delete", row);
    for (const part of chunks(rows, this.#flavour.rowsPerStatement)) {
      const keys = part.map(({ identity }) => identity);
      await trx.deleteFrom("causeway_leases").where("identity", "in", keys).execute();
    }
  }

  async #selection(
    db: Kysely<Tables>,
    filter: LeaseFilter,
    part?: { readonly after: number; readonly limit: number },
  ): Promise<{ json: string; created: number }[]> {
    const { kind, partitions, segments, reservations } = filter;
    // `in ()` is no SQL.
    if (partitions?.length === 0 || segments?.length === 0) return [];
    let query = db
      .selectFrom("causeway_leases")
      .select(["json", "created"])
      .where("kind", "=", kind)
      .where(({ eb, or }) => or([eb("expires_at", "is", null), eb("expires_at", ">", this.#flavour.now)]));
    if (!reservations) query = query.where("reserved", "=", 0);
    if (partitions !== undefined) query = query.where("partition_key", "in", [...partitions]);
    if (segments !== undefined) query = query.where("segment", "in", [...segments]);
    if (part !== undefined) query = query.where("created", ">", part.after).limit(part.limit);
    return await query.orderBy("created").execute();
  }

  /** Rules 9 and 10 of routing-api §7.2. */
  async #checkTcp(trx: Transaction<Tables>, leases: readonly Lease[], now: number): Promise<void> {
    const mappings = leases.filter((lease): lease is TcpLease => lease.kind === "tcp");
    if (mappings.length === 0) return;
    const groups = new Set((await allGroups(trx)).map(({ guid }) => guid));
    const sniKeys = [...new Set(mappings.map(({ sniKey }) => sniKey).filter((key) => key !== ""))];
    const stored: { sni_key: string; json: string }[] = [];
    for (const part of chunks(sniKeys, this.#flavour.rowsPerStatement)) {
      const live = trx
        .selectFrom("causeway_leases")
        .select(["sni_key", "json"])
        .where("sni_key", "in", part)
        .where("expires_at", ">", now);
      stored.push(...(await live.execute()));
    }
    for (const { group, sniKey, terminateFrontendTls } of mappings) {
      if (!groups.has(group)) throw processError(`router_group_guid: ${group} not found`);
      const conflict = stored.some(
        (row) => row.sni_key === sniKey && terminatesFrontendTls(row.json) !== terminateFrontendTls,
      );
      if (conflict) throw processError(`terminate_frontend_tls: ${terminateFrontendTls} not allowed`);
    }
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ApiError) throw error;
      throw new StorageError(error instanceof Error ? error.message : String(error), { cause: error });
    }
  }
}

function tagOf(row: LeaseRow): { guid: string; index: number } {
  return { guid: row.tag_guid, index: row.tag_index };
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

function groupRow({ guid, name, type, reservablePorts }: RouterGroup) {
  return { guid, name, type, reservable_ports: reservablePorts };
}

async function allGroups(db: Kysely<Tables>): Promise<RouterGroup[]> {
  const rows = await db.selectFrom("router_groups").selectAll().orderBy("name").execute();
  return rows.map(({ guid, name, type, reservable_ports }) => ({
    guid,
    name,
    type,
    reservablePorts: reservable_ports ?? "",
  }));
}
