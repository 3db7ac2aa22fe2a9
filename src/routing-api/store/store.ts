import type { Lease, LeaseEvent, LeaseFilter, LeaseKey } from "../lease.ts";
import type { RouterGroup } from "../router-group.ts";

/** Where the event log stands. */
export interface EventPosition {
  /** Id of the newest event; everything up to it can be read. */
  readonly last: number;
  /** Events up to this id are forgotten: a reader that has seen less must begin anew. */
  readonly floor: number;
}

/** Which part of a list. */
export interface PagePlace {
  /** The place that it begins behind; 0: the beginning. */
  readonly after: number;
  /** Elements at most. */
  readonly limit: number;
  /** The position of the event log that what came later is left out from; undefined: nothing is. */
  readonly upTo?: number;
}

/** A part of a list. */
interface Page {
  readonly elements: readonly string[];
  /** The place of its last element. */
  readonly last: number;
}

/** How many leases of each kind an operation met. */
export interface LeaseCounts {
  readonly http: number;
  readonly tcp: number;
}

/**
 * Leases, router groups and the event log. Any number of processes may work on one database; its clock counts. Every
 * change is atomic with its events. Methods reject with an `ApiError` for what a client did wrong, else with
 * `StorageError`.
 */
export interface Store {
  /** Brings the tables up to date, forward only; seeds router groups while there are none (routing-api §2.2). */
  prepare(groups: readonly RouterGroup[]): Promise<void>;
  /** Creates or renews leases, all or none (routing-api §6.3, §7.3). */
  save(leases: readonly Lease[]): Promise<void>;
  /** Removes leases, all or none; those that do not exist are passed over. */
  remove(keys: readonly LeaseKey[]): Promise<void>;
  /** Elements that live, in the order of their creation. */
  list(filter: LeaseFilter): Promise<readonly string[]>;
  /** A part of `list`. */
  page(filter: LeaseFilter, place: PagePlace): Promise<Page>;
  position(): Promise<EventPosition>;
  /** The oldest events behind `after`, in order, at most `limit`. */
  events(after: number, limit: number): Promise<readonly LeaseEvent[]>;
  /** Removes what has expired, with its events (routing-api §10). */
  prune(): Promise<LeaseCounts>;
  /** Forgets events that are older than so many milliseconds. */
  forgetEvents(olderThanMs: number): Promise<void>;
  count(): Promise<LeaseCounts>;
  groups(): Promise<readonly RouterGroup[]>;
  /**
   * Adds a group, unless one of that name and type exists, which is given back. `check` sees all groups, the new one
   * last, and throws.
   */
  addGroup(
    group: RouterGroup,
    check: (all: readonly RouterGroup[]) => void,
  ): Promise<{ readonly group: RouterGroup; readonly added: boolean }>;
  /** Changes the ports of a group; undefined: there is none. `check` is asked only when they differ. */
  changeGroup(
    guid: string,
    reservablePorts: string,
    check: (changed: RouterGroup) => void,
  ): Promise<RouterGroup | undefined>;
  /** False: there is none. */
  removeGroup(guid: string): Promise<boolean>;
  close(): Promise<void>;
}

/** The database failed; the message is its own. */
export class StorageError extends Error {
  override readonly name = "StorageError";
}
