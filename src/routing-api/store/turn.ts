import { type Kysely, type Selectable, sql, type Transaction } from "kysely";
import type { LeaseEvent } from "../lease.ts";
import { chunks } from "./chunks.ts";
import type { Flavour } from "./flavour.ts";
import type { LeaseRow, Tables } from "./tables.ts";

type EventRow = Selectable<Tables["causeway_events"]>;

/** The turn of one change: nobody else changes anything until it is committed. */
export interface Turn {
  /** Milliseconds of the database's clock. */
  readonly now: number;
  /** Id of the next event. */
  next(): number;
  event(name: LeaseEvent["name"], row: LeaseRow): void;
}

/** What a change does in its turn. */
export type Change<T> = (trx: Transaction<Tables>, turn: Turn) => Promise<T>;

/** Gives changes their turns: one after the other, over all processes on the database. */
export class Turns {
  readonly #db: Kysely<Tables>;
  readonly #flavour: Flavour;

  constructor(db: Kysely<Tables>, flavour: Flavour) {
    this.#db = db;
    this.#flavour = flavour;
  }

  /**
   * Runs a change in a transaction that has the lock of the sequence, with room for so many events. What it throws undoes
   * it.
   */
  async take<T>(room: number, change: Change<T>): Promise<T> {
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
}
