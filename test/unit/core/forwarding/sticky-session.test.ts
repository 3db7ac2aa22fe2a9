import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FakeResponse, RouterRig, type Settings } from "../../../fixtures/fake-transport.ts";

const host = ["Host", "x.com"] as const;
const session = "JSESSIONID=1; __VCAP_ID__=";
const plain = "__VCAP_ID__=ib; Path=/ctx; HttpOnly";

interface Row {
  readonly name: string;
  readonly backend: readonly (readonly [string, string])[];
  readonly request?: readonly (readonly [string, string])[];
  readonly settings?: Settings;
  readonly added: string | undefined;
}

const sets = (...values: string[]) => values.map((value) => ["Set-Cookie", value] as const);
const negotiate = { sticky_sessions_for_auth_negotiate: true };

/** Data-plane §13.4 and the tables of §3.8. */
const rows: readonly Row[] = [
  { name: "sticky cookie", backend: sets("JSESSIONID=1"), added: plain },
  {
    name: "all attributes",
    backend: sets(
      "JSESSIONID=1; Path=/foo; Max-Age=100; Expires=Wed, 01 Jan 2031 01:00:00 GMT; Secure; HttpOnly; SameSite=None; Partitioned; Domain=x.com",
    ),
    added:
      "__VCAP_ID__=ib; Path=/ctx; Expires=Wed, 01 Jan 2031 01:00:00 GMT; HttpOnly; Secure; SameSite=None; Partitioned",
  },
  {
    name: "negative Max-Age",
    backend: sets("JSESSIONID=1; Max-Age=-1"),
    added: "__VCAP_ID__=ib; Path=/ctx; Max-Age=0; HttpOnly",
  },
  { name: "Max-Age with a leading zero", backend: sets("JSESSIONID=1; max-age=01"), added: plain },
  { name: "unknown SameSite", backend: sets("JSESSIONID=1; SameSite=foo"), added: plain },
  { name: "lax SameSite", backend: sets("JSESSIONID=1; samesite=lAX"), added: `${plain}; SameSite=Lax` },
  {
    name: "dashed Expires",
    backend: sets("JSESSIONID=1; Expires=Wed, 01-Jan-2031 01:00:00 GMT"),
    added: "__VCAP_ID__=ib; Path=/ctx; Expires=Wed, 01 Jan 2031 01:00:00 GMT; HttpOnly",
  },
  { name: "two-digit year", backend: sets("JSESSIONID=1; Expires=Wed, 01-Jan-31 01:00:00 GMT"), added: plain },
  { name: "numeric zone", backend: sets("JSESSIONID=1; Expires=Wed, 01 Jan 2031 01:00:00 +0000"), added: plain },
  { name: "no such day", backend: sets("JSESSIONID=1; Expires=Wed, 31 Feb 2031 01:00:00 GMT"), added: plain },
  { name: "before 1601", backend: sets("JSESSIONID=1; Expires=Wed, 01 Jan 1600 01:00:00 GMT"), added: plain },
  { name: "another case of the name", backend: sets("jsessionid=1"), added: undefined },
  { name: "the backend's own session cookie", backend: sets("__VCAP_ID__=zz", "JSESSIONID=1"), added: undefined },
  { name: "no cookie", backend: [], added: undefined },
  { name: "a stale session", backend: [], request: [["Cookie", `${session}gone`]], added: plain },
  {
    name: "a stale session beside other cookies",
    backend: sets("a=b"),
    request: [["Cookie", `${session}gone`]],
    added: plain,
  },
  { name: "the same session", backend: [], request: [["Cookie", `${session}ib`]], added: undefined },
  {
    name: "a session by address is rewritten",
    backend: [],
    request: [["Cookie", `${session}10.0.0.5:8080`]],
    added: plain,
  },
  { name: "the session cookie alone", backend: [], request: [["Cookie", "__VCAP_ID__=gone"]], added: undefined },
  {
    name: "cookies over two lines",
    backend: [],
    request: [
      ["Cookie", "JSESSIONID=1"],
      ["Cookie", '__VCAP_ID__="gone"'],
    ],
    added: plain,
  },
  {
    name: "negotiate",
    backend: [["WWW-Authenticate", "NEGOTIATE abc"]],
    settings: negotiate,
    added: "__VCAP_ID__=ib; Path=/ctx; Max-Age=60; HttpOnly; SameSite=Strict",
  },
  { name: "negotiate without the option", backend: [["WWW-Authenticate", "Negotiate"]], added: undefined },
  {
    name: "negotiate with the same session",
    backend: [["WWW-Authenticate", "Negotiate"], ...sets("JSESSIONID=1")],
    request: [["Cookie", `${session}ib`]],
    settings: negotiate,
    added: undefined,
  },
  {
    name: "secure_cookies",
    backend: sets("JSESSIONID=1"),
    settings: { secure_cookies: true },
    added: `${plain}; Secure`,
  },
  {
    name: "another name",
    backend: sets("sid=1"),
    settings: { sticky_session_cookie_names: ["sid"] },
    added: plain,
  },
  {
    name: "the first sticky cookie decides",
    backend: sets("JSESSIONID=1; Secure", "JSESSIONID=2; SameSite=Lax"),
    added: `${plain}; Secure`,
  },
  {
    name: "a leg of a route service",
    backend: sets("JSESSIONID=1"),
    request: [
      ["X-CF-Proxy-Signature", "s"],
      ["X-CF-Forwarded-Url", "u"],
    ],
    added: undefined,
  },
];

function rigFor(settings: Settings | undefined, instance = "ib"): RouterRig {
  const rig = new RouterRig(settings);
  rig.register("x.com/ctx", { privateInstanceId: instance });
  return rig;
}

describe("writing the session (data-plane §3.8, §13.4)", () => {
  for (const row of rows) {
    it(row.name, async () => {
      const rig = rigFor(row.settings);
      rig.transport.script = () => new FakeResponse(200, row.backend);
      const answer = await rig.exchange({ target: "/ctx/a", lines: [host, ...(row.request ?? [])] });
      const received = row.backend.filter(([name]) => name === "Set-Cookie").map(([, value]) => value);
      assert.deepEqual(answer.headers.getSetCookie(), row.added === undefined ? received : [...received, row.added]);
    });
  }

  it("sanitises the value", async () => {
    for (const [id, value] of [
      ['a;"\\b', "ab"],
      ["a b", '"a b"'],
      ["a\u00e9,", '"a,"'],
    ] as const) {
      const rig = rigFor({}, id);
      rig.transport.script = () => new FakeResponse(200, sets("JSESSIONID=1"));
      const answer = await rig.exchange({ target: "/ctx", lines: [host] });
      assert.equal(answer.headers.getSetCookie().at(-1), `__VCAP_ID__=${value}; Path=/ctx; HttpOnly`);
    }
  });

  it("writes none for an endpoint without an instance id", async () => {
    const rig = rigFor({}, "");
    rig.transport.script = () => new FakeResponse(200, sets("JSESSIONID=1"));
    const answer = await rig.exchange({ target: "/ctx", lines: [host] });
    assert.deepEqual(answer.headers.getSetCookie(), ["JSESSIONID=1"]);
  });
});

describe("reading the session (data-plane §3.7)", () => {
  it("goes back to the instance", async () => {
    const rig = new RouterRig();
    for (let port = 1; port < 5; port++) rig.register("x.com", { port, privateInstanceId: `i${port}` });
    for (let turn = 0; turn < 3; turn++) await rig.exchange({ lines: [host, ["Cookie", `a=b; ${session}i3`]] });
    assert.deepEqual(
      rig.transport.sent.map(({ address }) => address),
      Array(3).fill("10.0.0.5:3"),
    );
  });
});
