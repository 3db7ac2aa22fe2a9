import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK, importSPKI, type JWK } from "jose";
import type { Clock } from "../core/clock.ts";
import { ApiError } from "./api-error.ts";

/** Where UAA is asked; gives the status and the body of `GET target`. */
export type UaaGet = (target: string) => Promise<{ readonly status: number; readonly body: string }>;

/** What a request may do, by its token. */
export interface Grant {
  readonly scopes: readonly string[];
}

/** Says what a request may do. Rejects with an `ApiError` `UnauthorizedError`. */
export type Authenticate = (authorization: string | null) => Promise<Grant>;

type Key = Awaited<ReturnType<typeof importJWK>>;

const algorithms = ["RS256", "RS384", "RS512"] as const;
type Algorithm = (typeof algorithms)[number];

/** A key as each algorithm needs it: the platform's keys know their hash. */
type RsaKey = Readonly<Record<Algorithm, Key>>;

/** Of a JWK; UAA also gives PEM, in `value`. Rejects with an `Error` when it is no key. */
async function rsaKey(jwk: JWK & { readonly value?: unknown }): Promise<RsaKey> {
  const read = async (algorithm: Algorithm): Promise<Key> =>
    typeof jwk.n === "string" ? await importJWK(jwk, algorithm) : await importSPKI(String(jwk.value), algorithm);
  const [RS256, RS384, RS512] = await Promise.all(algorithms.map(read));
  return { RS256: RS256!, RS384: RS384!, RS512: RS512! };
}
/** A token that no key fits makes keys be fetched anew, but not more often than this, in milliseconds. */
const refreshPauseMs = 1000;

const refusal = (message: string): ApiError => new ApiError(401, "UnauthorizedError", message);

/** Tokens whose signatures need not be checked again; a writer uses one for hours, a thousand times. */
const keptTokens = 1000;

/** What a token says, once its signature was found good. */
interface Verified {
  readonly exp: unknown;
  readonly nbf: unknown;
  readonly grant: Grant;
}

/** UAA's verification keys, by their ids (RFC 7517 §4.5). Several may be valid at a time, so keys can be rotated. */
class KeySet {
  readonly #get: UaaGet;
  readonly #clock: Clock;
  #keys = new Map<string, RsaKey>();
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;
  /** Times the keys were fetched again: what was verified before was so by other keys. */
  refreshes = 0;

  constructor(get: UaaGet, clock: Clock) {
    this.#get = get;
    this.#clock = clock;
  }

  /** The keys a token may be signed with: that of its `kid`; all of them when it names none. */
  candidates(kid: string | undefined): readonly RsaKey[] {
    if (kid === undefined) return [...this.#keys.values()];
    const key = this.#keys.get(kid);
    return key === undefined ? [] : [key];
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

  async #fetch(): Promise<void> {
    const { status, body } = await this.#get("/token_keys");
    if (status !== 200) throw new Error(`UAA answered ${status} to GET /token_keys`);
    const { keys } = JSON.parse(body) as { keys?: unknown };
    if (!Array.isArray(keys)) throw new Error("UAA's answer to GET /token_keys has no array keys");
    const read = new Map<string, RsaKey>();
    for (const one of keys as (JWK & { value?: unknown })[]) {
      // Only public keys: with a shared one, whoever can check a token can make one.
      if (one.kty !== "RSA") continue;
      read.set(one.kid ?? "", await rsaKey(one));
    }
    if (read.size === 0) throw new Error("UAA's answer to GET /token_keys holds no RSA key");
    this.#keys = read;
    this.#fetchedAt = this.#clock.monotonic();
    this.refreshes++;
  }
}

/** Checks access tokens of UAA (routing-api §5; RFC 7519 §7.2, RFC 8725 §3). */
export class TokenChecker {
  readonly #keys: KeySet;
  readonly #get: UaaGet;
  readonly #clock: Clock;
  #issuer = "";
  /** By the whole header field, the oldest first. */
  readonly #verifiedBefore = new Map<string, Verified>();
  /** `KeySet.refreshes` at that time. */
  #verifiedWith = 0;

  constructor(get: UaaGet, clock: Clock) {
    this.#get = get;
    this.#clock = clock;
    this.#keys = new KeySet(get, clock);
  }

  /** Times the keys were fetched after the start. */
  get keyRefreshes(): number {
    return Math.max(0, this.#keys.refreshes - 1);
  }

  /** Fetches issuer and keys. Rejects with an `Error` when UAA does not give them (routing-api §5.1). */
  async prepare(): Promise<void> {
    try {
      const { status, body } = await this.#get("/.well-known/openid-configuration");
      if (status !== 200) throw new Error(`UAA answered ${status} to GET /.well-known/openid-configuration`);
      const { issuer } = JSON.parse(body) as { issuer?: unknown };
      if (typeof issuer !== "string") throw new Error("there is no issuer in it");
      this.#issuer = issuer;
    } catch (error) {
      throw new Error(`Failed to get issuer configuration from UAA: ${(error as Error).message}`);
    }
    try {
      await this.#keys.refresh();
    } catch (error) {
      throw new Error(`Failed to get verification key from UAA: ${(error as Error).message}`);
    }
  }

  readonly authenticate: Authenticate = async (authorization) => {
    const before = this.#known(authorization);
    if (before !== undefined) return before.grant;
    const [scheme, token, ...more] = authorization?.split(" ") ?? [];
    if (scheme === undefined || token === undefined || more.length > 0) throw refusal("invalid token format");
    if (scheme.toLowerCase() !== "bearer") throw refusal(`Invalid token type: ${scheme}`);
    if (token.split(".").length !== 3) throw refusal("token contains an invalid number of segments");
    const { kid, algorithm, issuer } = this.#read(token);
    if (issuer !== this.#issuer) throw refusal("invalid issuer");
    const { claims, refreshes } = await this.#verified(token, kid, algorithm);
    const { exp, nbf, scope } = claims;
    const scopes = Array.isArray(scope) ? scope.filter((one): one is string => typeof one === "string") : [];
    const verified = { exp, nbf, grant: { scopes } };
    this.#checkTimes(verified);
    this.#keep(authorization!, verified, refreshes);
    return verified.grant;
  };

  /** A token that was good before, by the keys of today, and still is in time. */
  #known(authorization: string | null): Verified | undefined {
    if (authorization === null || this.#verifiedWith !== this.#keys.refreshes) return undefined;
    const known = this.#verifiedBefore.get(authorization);
    if (known !== undefined) this.#checkTimes(known);
    return known;
  }

  #keep(authorization: string, verified: Verified, refreshes: number): void {
    // Other keys have come meanwhile.
    if (refreshes !== this.#keys.refreshes) return;
    if (refreshes !== this.#verifiedWith) this.#verifiedBefore.clear();
    this.#verifiedWith = refreshes;
    const [oldest] = this.#verifiedBefore.keys();
    if (this.#verifiedBefore.size >= keptTokens && oldest !== undefined) this.#verifiedBefore.delete(oldest);
    this.#verifiedBefore.set(authorization, verified);
  }

  /** What a token says of itself, not yet believed. */
  #read(token: string): { kid: string | undefined; algorithm: Algorithm; issuer: unknown } {
    let header: ReturnType<typeof decodeProtectedHeader>;
    try {
      header = decodeProtectedHeader(token);
    } catch {
      throw refusal("token is malformed: could not decode the header");
    }
    const algorithm = algorithms.find((one) => one === header.alg);
    if (algorithm === undefined) throw refusal("invalid signing method");
    try {
      return { kid: header.kid, algorithm, issuer: decodeJwt(token).iss };
    } catch {
      throw refusal("token is malformed: could not decode the claims");
    }
  }

  /** The claims, and how often the keys had been fetched when one of them fitted. */
  async #verified(token: string, kid: string | undefined, algorithm: Algorithm) {
    const attempt = async () => {
      const { refreshes } = this.#keys;
      const claims = await verifyWith(
        this.#keys.candidates(kid).map((key) => key[algorithm]),
        token,
      );
      return claims === undefined ? undefined : { claims, refreshes };
    };
    const verified = await attempt();
    if (verified !== undefined) return verified;
    // The keys may have changed.
    const fresh = await this.#keys.refresh().catch(() => false);
    const again = fresh ? await attempt() : undefined;
    if (again === undefined) throw refusal("crypto/rsa: verification error");
    return again;
  }

  /** To the second, without tolerance; `iat` has no say (docs/differences.md). */
  #checkTimes({ exp, nbf }: Verified): void {
    const now = this.#clock.now() / 1000;
    if (exp !== undefined && !(typeof exp === "number" && now < exp)) throw refusal("Token is expired");
    if (nbf !== undefined && !(typeof nbf === "number" && now >= nbf)) throw refusal("Token is not valid yet");
  }
}

async function verifyWith(keys: readonly Key[], token: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  for (const key of keys) {
    try {
      const { payload } = await compactVerify(token, key, { algorithms: [...algorithms] });
      return JSON.parse(new TextDecoder().decode(payload)) as Readonly<Record<string, unknown>>;
    } catch {
      // Another key may fit.
    }
  }
  return undefined;
}

/** What the development mode lets through: everything, without a token (routing-api §2.1). */
export const everything: Grant = { scopes: ["*"] };

/** @throws ApiError when the scope is missing: 401, as upstream, never 403. */
export function demand(grant: Grant, scope: string): void {
  if (!grant.scopes.includes(scope) && grant !== everything) throw unauthorized();
}

const partitionScope = /^routing\.route\.(.+)\.read$/;

/**
 * Which partitions a reader may see: undefined for all, else those of its scopes `routing.route.GUID.read` (§1.1 R10).
 *
 * @throws ApiError when it may see none.
 */
export function readable(grant: Grant): readonly string[] | undefined {
  if (grant === everything || grant.scopes.includes("routing.routes.read")) return undefined;
  const partitions = grant.scopes.flatMap((scope) => partitionScope.exec(scope)?.[1] ?? []);
  if (partitions.length === 0) throw unauthorized();
  return partitions;
}

function unauthorized(): ApiError {
  return refusal("You are not authorized to perform the requested action");
}
