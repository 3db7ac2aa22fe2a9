import type { Kysely } from "kysely";
import type { LeaseFilter } from "../lease.ts";
import type { Flavour } from "./flavour.ts";
import type { PagePlace } from "./store.ts";
import type { Tables } from "./tables.ts";

/** Leases that live and that a reader sees, in the order of their creation; with `place` a part of them. */
export async function selected(
  db: Kysely<Tables>,
  { now }: Pick<Flavour, "now">,
  { kind, partitions, segments, reservations }: LeaseFilter,
  place?: PagePlace,
): Promise<{ json: string; created: number }[]> {
  // `in ()` is no SQL.
  if (partitions?.length === 0 || segments?.length === 0) return [];
  let query = db
    .selectFrom("causeway_leases")
    .select(["json", "created"])
    .where("kind", "=", kind)
    .where(({ eb, or }) => or([eb("expires_at", "is", null), eb("expires_at", ">", now)]));
  if (!reservations) query = query.where("reserved", "=", 0);
  if (partitions !== undefined) query = query.where("partition_key", "in", [...partitions]);
  if (segments !== undefined) query = query.where("segment", "in", [...segments]);
  if (place !== undefined) query = query.where("created", ">", place.after).limit(place.limit);
  if (place?.upTo !== undefined) query = query.where("created", "<=", place.upTo);
  return await query.orderBy("created").execute();
}
