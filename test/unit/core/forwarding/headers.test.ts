import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HeaderLines } from "../../../../src/wire/header-lines.ts";
import {
  FakeResponse,
  RouterRig,
  receivedAt,
  requestUuid,
  type Settings,
  sorted,
} from "../../../fixtures/fake-transport.ts";

type Lines = readonly (readonly [string, string])[];
const host = ["Host", "test.com"] as const;

async function sent(lines: Lines, settings: Settings = {}): Promise<RouterRig> {
  const rig = new RouterRig(settings);
  rig.register("test.com");
  await rig.exchange({ lines: [host, ...lines] });
  return rig;
}

async function received(lines: Lines, settings: Settings = {}, status = 200, request: Lines = []) {
  const rig = new RouterRig(settings);
  rig.register("test.com");
  rig.transport.script = () => new FakeResponse(status, lines);
  return rig.exchange({ lines: [host, ...request] });
}

describe("request headers (data-plane §5.3)", () => {
  const own = ["X-Cf-Applicationid", "X-Cf-Instanceid", "X-Cf-Instanceindex", "X-Forwarded-For", "X-Forwarded-Proto"];

  it("keeps received lines in order and spelling, and the router's own behind them", async () => {
    const rig = await sent([
      ["x-A", "1"],
      ["ETag", "é"],
      ["X-a", "2"],
    ]);
    const lines = rig.transport.sent[0]!.lines;
    assert.deepEqual(lines.slice(0, 4), [
      ["Host", "test.com"],
      ["x-A", "1"],
      ["ETag", "é"],
      ["X-a", "2"],
    ]);
    assert.deepEqual(
      lines
        .slice(4)
        .map(([name]) => name)
        .sort(),
      [...own, "X-Request-Start", "X-Vcap-Request-Id"].sort(),
    );
  });

  const forwardedFor: readonly (readonly [readonly string[], string])[] = [
    [[], "10.1.1.1"],
    [["1.2.3.4"], "1.2.3.4, 10.1.1.1"],
    [["1.2.3.4", "5.6.7.8"], "1.2.3.4, 5.6.7.8, 10.1.1.1"],
    [[""], ", 10.1.1.1"],
  ];
  for (const [lines, expected] of forwardedFor) {
    it(`X-Forwarded-For ${JSON.stringify(lines)}`, async () => {
      const rig = await sent(lines.map((value) => ["X-Forwarded-For", value] as const));
      assert.deepEqual(rig.sentValues("X-Forwarded-For"), [expected]);
    });
  }

  it("X-Request-Start: only when absent, an empty one counts", async () => {
    assert.deepEqual((await sent([])).sentValues("X-Request-Start"), [String(receivedAt)]);
    assert.deepEqual((await sent([["X-Request-Start", ""]])).sentValues("X-Request-Start"), [""]);
    assert.deepEqual((await sent([["X-Request-Start", "t=1"]])).sentValues("x-request-start"), ["t=1"]);
    const named = await sent([
      ["X-Request-Start", "1"],
      ["Connection", "x-request-start"],
    ]);
    assert.deepEqual(named.sentValues("X-Request-Start"), []);
  });

  it("replaces identity and request id of the client", async () => {
    const rig = await sent([
      ["X-CF-InstanceID", "a"],
      ["x-cf-applicationid", "b"],
      ["X-Vcap-Request-Id", "c"],
    ]);
    assert.deepEqual(rig.sentValues("X-Cf-Instanceid"), ["10.0.0.5:8080"]);
    assert.deepEqual(rig.sentValues("X-Cf-Applicationid"), [""]);
    assert.deepEqual(rig.sentValues("X-Vcap-Request-Id"), [requestUuid]);
  });

  it("tells the backend who it is, in UTF-8, without what would end the line", async () => {
    const rig = new RouterRig({ trace_key: "key" });
    rig.register("test.com", {
      host: "h\nst",
      applicationId: "a\r\nX-Evil: 1",
      privateInstanceId: "\u00fc\0\t",
      privateInstanceIndex: "\x7f7",
    });
    const answer = await rig.exchange({ lines: [host, ["X-Vcap-Trace", "key"]] });
    assert.deepEqual(rig.sentValues("X-Cf-Applicationid"), ["a  X-Evil: 1"]);
    assert.deepEqual(rig.sentValues("X-Cf-Instanceid"), ["\u00c3\u00bc"]);
    assert.deepEqual(rig.sentValues("X-Cf-Instanceindex"), [" 7".trim()]);
    assert.ok(sorted(answer.headers).includes("X-Vcap-Backend: h st:8080"));
  });

  it("removes hop-by-hop fields, and those that Connection names", async () => {
    const rig = await sent([
      ["Connection", 'X-Gone, close, "bad name"'],
      ["connection", "x-too"],
      ["X-Gone", "1"],
      ["X-Too", "1"],
      ["X-Stays", "1"],
      ["Proxy-Connection", "x"],
      ["Keep-Alive", "x"],
      ["Proxy-Authenticate", "x"],
      ["Proxy-Authorization", "x"],
      ["TE", "gzip"],
      ["Trailer", "X-T"],
      ["Upgrade", "websocket"],
    ]);
    const names = rig.transport.sent[0]!.lines.map(([name]) => name);
    assert.deepEqual(
      names.filter((name) => !own.includes(name)),
      ["Host", "X-Stays", "X-Vcap-Request-Id", "X-Request-Start"],
    );
  });

  it("announces trailers again on chunked requests only", async () => {
    const rig = await sent([
      ["Transfer-Encoding", "chunked"],
      ["Trailer", "X-T"],
    ]);
    assert.deepEqual(rig.sentValues("Trailer"), ["X-T"]);
    assert.deepEqual(rig.sentValues("Transfer-Encoding"), []);
  });

  it("removes a field named Close where Connection says so", async () => {
    const rig = await sent([
      ["Connection", "close"],
      ["Close", "1"],
      ["X-Kept", "2"],
    ]);
    const names = rig.transport.sent[0]!.lines.map(([name]) => name);
    assert.deepEqual(names.slice(0, 2), ["Host", "X-Kept"]);
    assert.ok(!names.includes("Close") && !names.includes("Connection"));
  });

  it("keeps the request id when Connection names it", async () => {
    const rig = await sent([
      ["Connection", "X-Vcap-Request-Id, X-Forwarded-For"],
      ["X-Forwarded-For", "1.1.1.1"],
    ]);
    assert.deepEqual(rig.sentValues("X-Vcap-Request-Id"), [requestUuid]);
    assert.deepEqual(rig.sentValues("X-Forwarded-For"), ["10.1.1.1"]);
    assert.match(rig.accessLog[0]!, new RegExp(`vcap_request_id:"${requestUuid}"`));
  });

  it("keeps Te: trailers", async () => {
    assert.deepEqual((await sent([["te", "deflate;q=0.5, Trailers"]])).sentValues("Te"), ["trailers"]);
    assert.deepEqual((await sent([["te", "trailers-not"]])).sentValues("Te"), []);
  });

  it("takes platform Headers", async () => {
    const rig = new RouterRig();
    rig.register("test.com");
    const headers = new Headers({
      Host: "test.com",
      "X-Forwarded-For": "1.1.1.1",
      Connection: 'X-A, "no token"',
      "X-A": "1",
    });
    const { client } = rig.ask();
    const request = {
      method: "GET",
      url: "http://test.com/",
      headers,
      body: null,
      signal: new AbortController().signal,
    };
    const answer = await rig.router.fetch(request, client);
    assert.equal(answer.status, 200);
    assert.deepEqual(rig.sentValues("x-forwarded-for"), ["1.1.1.1, 10.1.1.1"]);
    assert.deepEqual(rig.sentValues("x-a"), []);
    assert.equal(headers.get("x-a"), "1");
  });
});

describe("response headers (data-plane §5.5)", () => {
  const id = ["X-Vcap-Request-Id", requestUuid] as const;

  it("passes the status on and the standard phrase", async () => {
    for (const [status, phrase] of [
      [200, "OK"],
      [299, "status code 299"],
      [418, "I'm a teapot"],
      [999, "status code 999"],
    ] as const) {
      const answer = await received([], {}, status);
      assert.deepEqual([answer.status, answer.statusText], [status, phrase]);
    }
  });

  it("removes hop-by-hop fields and keeps the rest as it is", async () => {
    const answer = await received([
      ["connection", "close, X-Named"],
      ["X-Named", "1"],
      ["Keep-Alive", "timeout=5"],
      ["transfer-encoding", "chunked"],
      ["Trailer", "X-T"],
      ["eTag", "x"],
    ]);
    assert.deepEqual([...answer.headers], [["Trailer", "X-T"], ["eTag", "x"], [...id]]);
  });

  it("adds the request id where there is none", async () => {
    assert.deepEqual(sorted((await received([["X-Vcap-Request-Id", ""]])).headers), sorted([id]));
    assert.deepEqual(sorted((await received([["x-vcap-request-id", "own"]])).headers), ["x-vcap-request-id: own"]);
  });

  it("adds debugging headers for the trace key", async () => {
    const lines = [["X-Vcap-Trace", "22"]] as const;
    const debug = [
      ["X-Vcap-Router", "10.9.9.9"],
      ["X-Vcap-Backend", "10.0.0.5:8080"],
      ["X-Cf-Routeendpoint", "10.0.0.5:8080"],
    ] as const;
    assert.deepEqual(sorted((await received([], { trace_key: "22" }, 200, lines)).headers), sorted([id, ...debug]));
    assert.deepEqual(sorted((await received([], { trace_key: "23" }, 200, lines)).headers), sorted([id]));
    assert.deepEqual(sorted((await received([], {}, 200, [["X-Vcap-Trace", ""]])).headers), sorted([id]));
  });

  it("rewrites as configured (data-plane §1.4.9)", async () => {
    const responses = {
      remove_headers: [{ name: "x-gone" }],
      add_headers_if_not_present: [
        { name: "X-Have", value: "no" },
        { name: "X-Gone", value: "again" },
        { name: "X-Two", value: "1" },
        { name: "x-two", value: "2" },
        { name: "Content-Type", value: "never" },
      ],
    };
    const lines = [
      ["X-Gone", "1"],
      ["X-have", "yes"],
      ["X-CF-Proxy-Signature", "s"],
    ] as const;
    const answer = await received(lines, { http_rewrite: { responses } });
    assert.deepEqual(
      sorted(answer.headers),
      sorted([["X-have", "yes"], id, ["X-Gone", "again"], ["X-Two", "1"], ["X-Two", "2"]]),
    );
  });

  it("passes over names that are none, and takes line ends out of values", async () => {
    const responses = {
      remove_headers: [{ name: "bad name" }, { name: "" }],
      add_headers_if_not_present: [
        { name: "bad name", value: "1" },
        { name: "X-Lines", value: "a\nb: c" },
      ],
    };
    const answer = await received([], { http_rewrite: { responses } });
    assert.deepEqual(sorted(answer.headers), sorted([id, ["X-Lines", "a b: c"]]));
  });

  it("passes interim responses on, rewritten", async () => {
    const rig = new RouterRig({ http_rewrite: { responses: { remove_headers: [{ name: "X-Gone" }] } } });
    rig.register("test.com");
    rig.transport.script = (_endpoint, outgoing) => {
      outgoing.interim(
        103,
        HeaderLines.from([
          ["Link", "</a>"],
          ["X-Gone", "1"],
        ]),
      );
      return new FakeResponse();
    };
    const seen: [number, string[]][] = [];
    await rig.exchange({ inform: (status, headers) => seen.push([status, sorted(headers)]) });
    assert.deepEqual(seen, [[103, ["Link: </a>"]]]);
  });
});
