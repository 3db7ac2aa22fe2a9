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
  let resources: Record<string, () => unknown>;
  let asked: string[];

  beforeEach(async () => {
    clock = new TurnedClock();
    published = ["one"];
    const keys = () => published.map((kid) => ({ ...pairs.get(kid)!.publicKey.export({ format: "jwk" }), kid }));
    resources = {
      "/.well-known/openid-configuration": () => ({ issuer }),
      "/token_key": () => keys().at(-1),
      "/token_keys": () => ({ keys: keys() }),
    };
    asked = [];
    const get = async (target: string) => {
      asked.push(target);
      const resource = resources[target];
      return { status: resource === undefined ? 404 : 200, body: JSON.stringify(resource?.()) ?? "" };
    };
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

  it("asks for the one key as the original, which serves any kid, and for the others only where it does not fit", async () => {
    assert.deepEqual(asked, ["/.well-known/openid-configuration", "/token_key"]);
    const pem = pairs.get("two")!.publicKey.export({ format: "pem", type: "spki" });
    resources["/token_key"] = () => ({ alg: "RS256", value: pem });
    resources["/token_keys"] = () => ({ keys: [] });
    clock.turn(2000);
    assert.deepEqual(await checker.authenticate(token("two", {})), { scopes: ["a.read"] });
    assert.deepEqual(asked.splice(2), ["/token_key"]);
    delete resources["/token_keys"];
    clock.turn(2000);
    await refused(token("one", {}), "crypto/rsa: verification error");
    assert.deepEqual(asked.splice(2), ["/token_key", "/token_keys"]);
  });

  it("takes two keys at a time, and serves with either resource alone", async () => {
    published = ["two", "one"];
    clock.turn(2000);
    for (const kid of published) assert.deepEqual(await checker.authenticate(token(kid, {})), { scopes: ["a.read"] });
    delete resources["/token_key"];
    await checker.prepare();
    assert.deepEqual(await checker.authenticate(token("two", { exp: now() + 9 })), { scopes: ["a.read"] });
    resources["/token_key"] = () => ({ kty: "MAC", value: "shared" });
    delete resources["/token_keys"];
    clock.turn(2000);
    const reason = "Failed to get verification key from UAA: public uaa token must be PEM encoded";
    await assert.rejects(checker.prepare(), { message: reason });
  });

  it("takes tokens of the key before at once when a new one came, though the set was asked for a moment ago", async () => {
    const forged = token("one", {}).replace(/.{8}$/, "AAAAAAAA");
    const set = resources["/token_keys"]!;
    delete resources["/token_keys"];
    clock.turn(1000);
    await refused(forged, "crypto/rsa: verification error");
    resources["/token_keys"] = set;
    clock.turn(500);
    await refused(forged, "crypto/rsa: verification error");
    assert.deepEqual(asked.slice(-3), ["/token_key", "/token_keys", "/token_keys"]);
    published = ["one", "two"];
    clock.turn(500);
    assert.deepEqual(await checker.authenticate(token("two", {})), { scopes: ["a.read"] });
    assert.deepEqual(await checker.authenticate(token("one", { exp: now() + 1000 })), { scopes: ["a.read"] });
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
