import assert from "node:assert/strict";
import { createSign, generateKeyPairSync, type KeyObject } from "node:crypto";
import { beforeEach, describe, it } from "node:test";
import { TokenChecker } from "../../../src/routing-api/tokens.ts";
import { TurnedClock } from "../../fixtures/turned-clock.ts";

const issuer = "https://uaa.example.com/oauth/token";
const pairs = new Map<string, { readonly publicKey: KeyObject; readonly privateKey: KeyObject }>();
for (const kid of ["one", "two"]) pairs.set(kid, generateKeyPairSync("rsa", { modulusLength: 2048 }));

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function token(kid: string, claims: object): string {
  const text = `${encoded({ alg: "RS256", kid })}.${encoded({ iss: issuer, scope: ["a.read"], ...claims })}`;
  return `bearer ${text}.${createSign("sha256").update(text).sign(pairs.get(kid)!.privateKey).toString("base64url")}`;
}

describe("TokenChecker", () => {
  let clock: TurnedClock;
  let checker: TokenChecker;
  let published: string[];

  beforeEach(async () => {
    clock = new TurnedClock();
    published = ["one"];
    const keys = () => published.map((kid) => ({ ...pairs.get(kid)!.publicKey.export({ format: "jwk" }), kid }));
    const get = async (target: string) => ({
      status: 200,
      body: JSON.stringify(target === "/token_keys" ? { keys: keys() } : { issuer }),
    });
    checker = new TokenChecker(get, clock);
    await checker.prepare();
  });

  const now = (): number => Math.floor(clock.now() / 1000);
  const refused = (authorization: string, message: string) =>
    assert.rejects(checker.authenticate(authorization), { name: "UnauthorizedError", message });

  it("checks the signature of a token once, its times at each request", async (test) => {
    const verify = test.mock.method(globalThis.crypto.subtle, "verify");
    const good = token("one", { exp: now() + 100 });
    for (let turn = 0; turn < 5; turn++) assert.deepEqual(await checker.authenticate(good), { scopes: ["a.read"] });
    assert.equal(verify.mock.callCount(), 1);
    clock.turn(101_000);
    await refused(good, "Token is expired");
  });

  it("keeps nothing of a token that was refused", async () => {
    const early = token("one", { nbf: now() + 50 });
    await refused(early, "Token is not valid yet");
    clock.turn(51_000);
    assert.deepEqual(await checker.authenticate(early), { scopes: ["a.read"] });
    const forged = token("one", { exp: now() + 100 }).replace(/.{8}$/, "AAAAAAAA");
    for (let turn = 0; turn < 2; turn++) await refused(forged, "crypto/rsa: verification error");
  });

  it("believes no token whose key is gone", async () => {
    const old = token("one", { exp: now() + 1000 });
    assert.deepEqual(await checker.authenticate(old), { scopes: ["a.read"] });
    published = ["two"];
    clock.turn(2000);
    // The new key is asked for when the first token of it comes.
    assert.deepEqual(await checker.authenticate(token("two", {})), { scopes: ["a.read"] });
    assert.equal(checker.keyRefreshes, 1);
    await refused(old, "crypto/rsa: verification error");
  });
});
