import { importJWK, importSPKI, type JWK } from "jose";
import type { Clock } from "../core/clock.ts";

/** Where UAA is asked; gives the status and the body of `GET target`. */
export type UaaGet = (target: string) => Promise<{ readonly status: number; readonly body: string }>;

/** Algorithms of tokens; all others are refused. */
export const algorithms = ["RS256", "RS384", "RS512"] as const;
export type Algorithm = (typeof algorithms)[number];

/** A public key of the platform; it knows its hash. */
export type Key = Awaited<ReturnType<typeof importJWK>>;

/** A key as each algorithm needs it. */
type RsaKey = Readonly<Record<Algorithm, Key>>;
type UaaKey = JWK & { readonly value?: unknown };

/** A token that no key fits makes keys be fetched anew, but not more often than this, in milliseconds. */
const refreshPauseMs = 1000;

async function forEachAlgorithm(read: (algorithm: Algorithm) => Promise<Key>): Promise<RsaKey> {
  const [RS256, RS384, RS512] = await Promise.all(algorithms.map(read));
  return { RS256: RS256!, RS384: RS384!, RS512: RS512! };
}

/** UAA gives both a JWK and PEM, in `value`; the original reads the PEM. */
async function rsaKey(key: UaaKey): Promise<RsaKey> {
  if (typeof key.n === "string" && key.kty === "RSA")
    return await forEachAlgorithm((algorithm) => importJWK(key, algorithm) as Promise<Key>);
  const pem = String(key.value);
  if (!pem.includes("-----BEGIN PUBLIC KEY-----")) throw new Error("public uaa token must be PEM encoded");
  return await forEachAlgorithm((algorithm) => importSPKI(pem, algorithm));
}

/** The keys of an answer, by their ids. Rejects with an `Error` for one without any. */
type ReadKeys = (answer: unknown) => Promise<ReadonlyMap<string, RsaKey>>;

const readOne: ReadKeys = async (answer) => {
  const key = (answer ?? {}) as UaaKey;
  return new Map([[key.kid ?? "", await rsaKey(key)]]);
};

const readSet: ReadKeys = async (answer) => {
  const { keys } = (answer ?? {}) as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error("there is no array keys in it");
  const read = new Map<string, RsaKey>();
  // Only public keys: with a shared one, whoever can check a token can make one.
  for (const one of keys as UaaKey[]) if (one.kty === "RSA") read.set(one.kid ?? "", await rsaKey(one));
  if (read.size === 0) throw new Error("there is no RSA key in it");
  return read;
};

/** One resource of UAA that holds keys: asked once at a time, and not again for a while. */
class KeySource {
  readonly #get: UaaGet;
  readonly #clock: Clock;
  readonly #target: string;
  readonly #read: ReadKeys;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;
  #body = "";
  keys: ReadonlyMap<string, RsaKey> = new Map();
  /** Times it gave keys, and times that these were others than before. */
  fetches = 0;
  changes = 0;

  constructor(get: UaaGet, clock: Clock, target: string, read: ReadKeys) {
    this.#get = get;
    this.#clock = clock;
    this.#target = target;
    this.#read = read;
  }

  /** False: they were fetched a moment ago. Rejects with an `Error` when UAA does not give any. */
  async refresh(): Promise<boolean> {
    if (this.#fetching === undefined && this.#clock.monotonic() - this.#fetchedAt < refreshPauseMs) return false;
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    await this.#fetching;
    return true;
  }

  /** What was fetched counts no more: the next refresh need not wait. */
  expire(): void {
    this.#fetchedAt = Number.NEGATIVE_INFINITY;
  }

  async #fetch(): Promise<void> {
    const { status, body } = await this.#get(this.#target);
    if (status !== 200) throw new Error(`UAA answered ${status} to GET ${this.#target}`);
    this.keys = await this.#read(JSON.parse(body));
    this.#fetchedAt = this.#clock.monotonic();
    this.fetches++;
    if (body !== this.#body) this.changes++;
    this.#body = body;
  }
}

/**
 * UAA's verification keys. As the original, `GET /token_key`: the one UAA signs with, whatever the `kid` of a token. Then,
 * for tokens that it does not fit, `GET /token_keys`: several by their ids (RFC 7517 §4.5), so that keys can be rotated.
 */
export class VerificationKeys {
  readonly #current: KeySource;
  readonly #set: KeySource;
  /** Changes of the current key at the time of the set: a set of before counts no more. */
  #setOf = 0;

  constructor(get: UaaGet, clock: Clock) {
    this.#current = new KeySource(get, clock, "/token_key", readOne);
    this.#set = new KeySource(get, clock, "/token_keys", readSet);
  }

  /** Times keys were fetched: what was verified before was so by other keys. */
  get fetches(): number {
    return this.#current.fetches + this.#set.fetches;
  }

  /** The keys a token may be signed with; `kid` is the one it names. */
  candidates(kid: string | undefined): readonly RsaKey[] {
    const set = this.#setOf === this.#current.changes ? this.#set.keys : new Map<string, RsaKey>();
    if (kid === undefined) return [...this.#current.keys.values(), ...set.values()];
    const named = this.#current.keys.get(kid) ?? set.get(kid);
    const others = [...this.#current.keys.values()].filter((key) => key !== named);
    return named === undefined ? others : [named, ...others];
  }

  /** The first keys. Rejects with an `Error` when UAA gives none either way. */
  async prepare(): Promise<void> {
    try {
      await this.#current.refresh();
    } catch (error) {
      await this.#refreshSet().catch(() => {
        throw error;
      });
    }
  }

  /** Ways to more keys, in order; each says whether there are other candidates now. */
  readonly refreshes: readonly (() => Promise<boolean>)[] = [
    () => this.#current.refresh().catch(() => false),
    () => this.#refreshSet().catch(() => false),
  ];

  async #refreshSet(): Promise<boolean> {
    const { changes } = this.#current;
    if (this.#setOf !== changes) this.#set.expire();
    const refreshed = await this.#set.refresh();
    if (refreshed) this.#setOf = changes;
    return refreshed;
  }
}
