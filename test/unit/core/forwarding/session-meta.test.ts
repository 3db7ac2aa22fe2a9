import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatSessionMeta, parseSessionMeta } from "../../../../src/core/forwarding/session-meta.ts";
import { cookieAttributes } from "../../../../src/core/forwarding/set-cookie.ts";
import { FakeResponse, RouterRig } from "../../../fixtures/fake-transport.ts";

const host = ["Host", "x.com"] as const;
const everything =
  "a=1; Max-Age=100; Expires=Wed, 01 Jan 2031 01:00:00 GMT; Secure; SameSite=None; Partitioned; Domain=x.com";
const attributes = "Expires=Wed, 01 Jan 2031 01:00:00 GMT; Max-Age=100; HttpOnly; Secure; SameSite=None; Partitioned";
const meta = "secure&partitioned&expires=1924995600&maxage=100&samesite=none";

/** What the router adds to a response with these cookies, for a request with that `Cookie` line. */
async function added(sets: readonly string[], cookie = "", on = true): Promise<string[]> {
  const rig = new RouterRig({ sticky_session_meta_cookie: on });
  rig.register("x.com/ctx", { privateInstanceId: "ib" });
  rig.transport.script = () =>
    new FakeResponse(
      200,
      sets.map((value) => ["Set-Cookie", value] as const),
    );
  const lines = cookie === "" ? [host] : [host, ["Cookie", cookie] as const];
  const answer = await rig.exchange({ target: "/ctx", lines });
  return answer.headers.getSetCookie().slice(sets.length);
}

describe("session attributes as a value (data-plane §12, sessions)", () => {
  it("are written in the order of the reference and read again", () => {
    const copied = cookieAttributes(everything);
    assert.equal(formatSessionMeta(copied), meta);
    assert.deepEqual(parseSessionMeta(meta), copied);
    assert.equal(formatSessionMeta(cookieAttributes("a=1")), "");
    assert.deepEqual(parseSessionMeta(""), cookieAttributes("a=1"));
  });

  it("skip what is not understood", () => {
    const bad = "expires=x&maxage=-1&samesite=Other&expires=999999999999999&toString&secure=1&=&samesite=__proto__";
    assert.deepEqual(parseSessionMeta(bad), cookieAttributes("a=1"));
  });
});

describe("sticky_session_meta_cookie", () => {
  it("adds a pair with all attributes, a positive Max-Age too", async () => {
    assert.deepEqual(await added([`JSESSIONID${everything.slice(1)}`]), [
      `__VCAP_ID__=ib; Path=/ctx; ${attributes}`,
      `__VCAP_ID_META__=${meta}; Path=/ctx; ${attributes}`,
    ]);
  });

  it("adds a pair for every sticky cookie, also with the __Host- prefix", async () => {
    assert.deepEqual(await added(["JSESSIONID=1", "other=1", "__Host-JSESSIONID=1; Secure; Partitioned"]), [
      "__VCAP_ID__=ib; Path=/ctx; HttpOnly",
      "__VCAP_ID_META__=; Path=/ctx; HttpOnly",
      "__VCAP_ID__=ib; Path=/ctx; HttpOnly; Secure; Partitioned",
      "__VCAP_ID_META__=secure&partitioned; Path=/ctx; HttpOnly; Secure; Partitioned",
    ]);
  });

  it("writes a stale session anew with the attributes that the client's cookie tells", async () => {
    assert.deepEqual(await added([], `__VCAP_ID_META__=${meta}; JSESSIONID=1; __VCAP_ID__=gone`), [
      `__VCAP_ID__=ib; Path=/ctx; ${attributes}`,
      `__VCAP_ID_META__=${meta}; Path=/ctx; ${attributes}`,
    ]);
  });

  it("without such a cookie writes it as ever", async () => {
    const plain = ["__VCAP_ID__=ib; Path=/ctx; HttpOnly"];
    assert.deepEqual(await added([], "JSESSIONID=1; __VCAP_ID__=gone"), plain);
    assert.deepEqual(await added([], "JSESSIONID=1; __VCAP_ID__=ib"), []);
  });

  it("does nothing when it is off", async () => {
    const cookie = `__VCAP_ID_META__=${meta}; JSESSIONID=1; __VCAP_ID__=gone`;
    const plain = "__VCAP_ID__=ib; Path=/ctx; HttpOnly";
    assert.deepEqual(await added([], cookie, false), [plain]);
    assert.deepEqual(await added(["JSESSIONID=1; Max-Age=9", "JSESSIONID=2; Secure"], "", false), [plain]);
    assert.deepEqual(await added(["__Host-JSESSIONID=1"], "", false), []);
  });
});
