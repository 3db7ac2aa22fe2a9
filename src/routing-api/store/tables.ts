import type { Generated, Selectable } from "kysely";

/** One row per live lease of either kind. */
interface LeaseTable {
  /** SHA-256 of kind and identity, hex: a key of fixed length, whatever the names in it. */
  identity: string;
  kind: string;
  /** The element of lists and events, tag and ttl in it. */
  json: string;
  tag_guid: string;
  tag_index: number;
  partition_key: string;
  segment: string;
  sni_key: string;
  reserved: number;
  /** Id of the event of its creation, for the order of lists. */
  created: number;
  /** Milliseconds since the epoch by the database's clock; null: never. */
  expires_at: number | null;
}

interface EventTable {
  id: number;
  kind: string;
  name: string;
  json: string;
  partition_key: string;
  segment: string;
  reserved: number;
  at: number;
}

/** One row. Its lock is what every change takes first, so that event ids grow in the order of commits. */
interface SequenceTable {
  id: number;
  last: number;
  floor: number;
}

/** The table of the original, so that groups survive a change from it and back to it (routing-api §12). */
interface RouterGroupTable {
  guid: string;
  created_at: Generated<string>;
  updated_at: Generated<string>;
  name: string;
  type: string;
  reservable_ports: string;
}

export interface Tables {
  causeway_leases: LeaseTable;
  causeway_events: EventTable;
  causeway_sequence: SequenceTable;
  router_groups: RouterGroupTable;
}

export type LeaseRow = Selectable<LeaseTable>;
