import { type Lease, type ModificationTag, tagged } from "../lease.ts";
import type { LeaseRow } from "./tables.ts";
import type { Turn } from "./turn.ts";

/** What renewals need beside the rows. */
export interface RenewalOptions {
  /** Makes modification tags. */
  readonly uuid: () => string;
  /** A renewal that changes nothing but the tag makes an event too, as upstream (routing-api §9). */
  readonly heartbeatEvents: boolean;
}

/** The row of a lease after its creation or renewal, with the events where there are any. */
export function renewed(
  lease: Lease,
  key: string,
  old: LeaseRow | undefined,
  turn: Turn,
  { uuid, heartbeatEvents }: RenewalOptions,
): LeaseRow {
  const partition = lease.partition === "" ? (old?.partition_key ?? "") : lease.partition;
  const element = lease.element(partition, old?.json);
  const tag: ModificationTag =
    old === undefined ? { guid: uuid(), index: 0 } : { guid: old.tag_guid, index: old.tag_index + 1 };
  const row: LeaseRow = {
    identity: key,
    kind: lease.kind,
    json: tagged(element, tag),
    tag_guid: tag.guid,
    tag_index: tag.index,
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
  const unchanged =
    old !== undefined && !expired && tagged(element, { guid: old.tag_guid, index: old.tag_index }) === old.json;
  if (!unchanged || heartbeatEvents) turn.event("Upsert", row);
  return row;
}
