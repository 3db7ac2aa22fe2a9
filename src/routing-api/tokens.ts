import { compactVerify, decodeJwt, decodeProtectedHeader } from "jose";
import type { Clock } from "../core/clock.ts";
import { ApiError } from "./api-error.ts";
import { type Algorithm, algorithms, type Key, type UaaGet, VerificationKeys } from "./verification-keys.ts";

/** What a request may do, by its token. */
export interface Grant {
  readonly scopes: readonly string[];
}

/** Says what a request may do. Rejects with an `ApiError` `UnauthorizedError`. */
export type Authenticate = (authorization: string | null) => Promise<Grant>;

const refusal = (message: string): ApiError => new ApiError(401, "UnauthorizedError", message);

/** Tokens whose signatures need not be checked again; a writer uses one for hours, a thousand times. */
const keptTokens = 1000;

/** What a token says, once its signature was found good. */
interface Verified {
  readonly exp: unknown;
  readonly nbf: unknown;
  readonly grant: Grant;
}

/** Checks access tokens of UAA (routing-api §5; RFC 7519 §7.2, RFC 8725 §3). */
export class TokenChecker {
  readonly #keys: VerificationKeys;
  readonly #get: UaaGet;
  readonly #clock: Clock;
  #issuer = "";
  /** By the whole header field, the oldest first. */
  readonly #verifiedBefore = new Map<string, Verified>();
  /** `VerificationKeys.fetches` at that time. */
  #verifiedWith = 0;

  constructor(get: UaaGet, clock: Clock) {
    this.#get = get;
    this.#clock = clock;
    this.#keys = new VerificationKeys(get, clock);
  }

  /** Times the keys were fetched after the start. */
  get keyRefreshes(): number {
    return Math.max(0, this.#keys.fetches - 1);
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
      await this.#keys.prepare();
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
    const { claims, fetches } = await this.#verified(token, kid, algorithm);
    const { exp, nbf, scope } = claims;
    const scopes = Array.isArray(scope) ? scope.filter((one): one is string => typeof one === "string") : [];
    const verified = { exp, nbf, grant: { scopes } };
    this.#checkTimes(verified);
    this.#keep(authorization!, verified, fetches);
    return verified.grant;
  };

  /** A token that was good before, by the keys of today, and still is in time. */
  #known(authorization: string | null): Verified | undefined {
    if (authorization === null || this.#verifiedWith !== this.#keys.fetches) return undefined;
    const known = this.#verifiedBefore.get(authorization);
    if (known !== undefined) this.#checkTimes(known);
    return known;
  }

  #keep(authorization: string, verified: Verified, fetches: number): void {
    // Other keys have come meanwhile.
    if (fetches !== this.#keys.fetches) return;
    if (fetches !== this.#verifiedWith) this.#verifiedBefore.clear();
    this.#verifiedWith = fetches;
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
      const { fetches } = this.#keys;
      const claims = await verifyWith(
        this.#keys.candidates(kid).map((key) => key[algorithm]),
        token,
      );
      return claims === undefined ? undefined : { claims, fetches };
    };
    let verified = await attempt();
    // The keys may have changed.
    for (const refresh of this.#keys.refreshes) {
      if (verified !== undefined) break;
      if (await refresh()) verified = await attempt();
    }
    if (verified === undefined) throw refusal("crypto/rsa: verification error");
    return verified;
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
