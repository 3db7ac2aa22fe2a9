import * as v from "valibot";
import { goJson } from "../core/go-json.ts";

/** The two kinds of leases: HTTP routes (routing-api §6) and TCP route mappings (§7). */
export type LeaseKind = "http" | "tcp";

/** A version of a lease (routing-api §11): `index` grows by one with each update of the same row. */
export interface ModificationTag {
  readonly guid: string;
  readonly index: number;
}

/** The same in lists and streams; what requests say of it is ignored. */
export const ModificationTagElement = v.strictObject({ guid: v.string(), index: v.number() });

/** An element of lists and events around its tag, which is all that a heartbeat changes of it. */
export interface Element {
  readonly before: string;
  readonly after: string;
}

/** The element with its tag, as it is stored. */
export function tagged({ before, after }: Element, { guid, index }: ModificationTag): string {
  return `${before}{"guid":"${guid}","index":${index}}${after}`;
}

/** An element whose tag stands between the fields of `before`, at least one, and those of `after`. */
export function elementOf(before: object, after: object): Element {
  const rest = goJson(after);
  return {
    before: `${goJson(before).slice(0, -1)},"modification_tag":`,
    after: rest === "{}" ? "}" : `,${rest.slice(1)}`,
  };
}

/** What a writer asks to be stored. Validated. */
export interface Lease {
  readonly kind: LeaseKind;
  /** What tells leases apart, in a fixed form. Leases of one identity are one row. */
  readonly identity: string;
  /** Seconds; 0: for ever (reservations only). */
  readonly ttl: number;
  /** Whose it is, for partitioned reads (`route_guid`); empty: nobody's. */
  readonly partition: string;
  /** TCP: isolation segment; empty: none. */
  readonly segment: string;
  /** TCP: external port and SNI name, where the latter is given (routing-api §7.2 rule 10); empty: none. */
  readonly sniKey: string;
  /** A reservation: a route without backends. */
  readonly reserved: boolean;
  /**
   * The element of lists and events, of this partition. `previous` is the stored one, whose values stay where the writer
   * gave none (routing-api §6.3).
   */
  element(partition: string, previous: string | undefined): Element;
}

/** What a writer wants to be gone. */
export type LeaseKey = Pick<Lease, "kind" | "identity">;

/** An event of a stream (routing-api §9). */
export interface LeaseEvent {
  /** Grows over all instances and kinds, in the order of the changes. */
  readonly id: number;
  readonly kind: LeaseKind;
  readonly name: "Upsert" | "Delete";
  /** The element, as in lists. */
  readonly json: string;
  readonly partition: string;
  readonly segment: string;
  readonly reserved: boolean;
}

/** Which leases a reader sees. */
export interface LeaseFilter {
  readonly kind: LeaseKind;
  /** Only those of these partitions; undefined: all. */
  readonly partitions?: readonly string[] | undefined;
  /** Only those of these segments; undefined: all. */
  readonly segments?: readonly string[] | undefined;
  /** Reservations too; writers that know nothing of them would take them for backends. */
  readonly reservations: boolean;
}

/** Whether a reader sees an event. */
export function admits(filter: LeaseFilter, event: LeaseEvent): boolean {
  return (
    event.kind === filter.kind &&
    (filter.reservations || !event.reserved) &&
    (filter.partitions === undefined || filter.partitions.includes(event.partition)) &&
    (filter.segments === undefined || filter.segments.includes(event.segment))
  );
}
