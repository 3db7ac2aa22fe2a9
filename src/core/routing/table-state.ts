import type { Clock } from "../clock.ts";
import type { Logger } from "../observe/log.ts";
import type { Endpoint } from "./endpoint.ts";
import { KindStore } from "./endpoint-kind.ts";
import type { Pool, PoolSettings } from "./pool.ts";
import {
  poolSettings,
  type RegistryObserver,
  type RegistryParts,
  type RegistrySettings,
  type TableChanges,
} from "./registry-parts.ts";
import { RestingRoutes } from "./resting-routes.ts";
import { SetAside } from "./set-aside.ts";
import { inShard } from "./sharding.ts";
import { TextStore } from "./text-store.ts";
import { Trie } from "./trie.ts";

/** What a routing table is made of. It belongs to a `Registry` and to what happens to its routes, one file for each. */
export class TableState {
  /** `Clock.monotonic` milliseconds of the latest registration, unmodified ones included; -1: there was none. */
  lastUpdate = -1;

  readonly settings: RegistrySettings;
  readonly pools: PoolSettings;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer: RegistryObserver | undefined;
  readonly changes: TableChanges | undefined;
  /** The endpoint left its last pool. */
  readonly forget: ((endpoint: Endpoint) => void) | undefined;
  readonly trie: Trie;
  /** Routes that are no objects until somebody needs them. */
  readonly resting: RestingRoutes;
  readonly texts: TextStore = new TextStore();
  readonly kinds: KindStore = new KindStore(this.texts);
  /** The pools with endpoints that hash-based routing serves. */
  readonly hashed: Set<Pool> = new Set();
  readonly aside: SetAside = new SetAside();
  readonly #segments: ReadonlySet<string>;

  constructor(parts: RegistryParts) {
    const { settings } = parts;
    this.settings = settings;
    this.clock = parts.clock;
    this.log = parts.log;
    this.observer = parts.observer;
    this.changes = parts.changes;
    this.forget = parts.forget;
    this.#segments = new Set(settings.isolation_segments);
    this.pools = poolSettings(settings, parts.random, parts.log);
    this.resting = new RestingRoutes(this.pools);
    this.trie = new Trie((parts.random() * 2 ** 32) | 0, this.resting);
  }

  /** Whether endpoints of that isolation segment belong into this table (control-plane §3.4). */
  isOurs(segment: string): boolean {
    return inShard(this.settings.routing_table_sharding_mode, this.#segments, segment);
  }
}
