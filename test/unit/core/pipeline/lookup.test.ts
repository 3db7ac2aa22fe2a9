import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type Ask,
  contentOf,
  RouterRig,
  requestUuid,
  type Settings,
  sorted,
} from "../../../fixtures/fake-transport.ts";

const guid = "0123abcd-0000-4000-8000-00000000000f";
const other = "ffffffff-0000-4000-8000-000000000000";
const host = ["Host", "test.com:8080"] as const;
const errorLines = (cache: string | undefined, error: string, length: number): string[] =>
  sorted([
    ...(cache === undefined ? [] : [["Cache-Control", cache] as const]),
    ["Content-Type", "text/plain; charset=utf-8"],
    ["X-Cf-Routererror", error],
    ["X-Content-Type-Options", "nosniff"],
    ["Content-Length", String(length)],
  ]);

interface Row {
  readonly name: string;
  readonly ask: Ask;
  readonly settings?: Settings;
  readonly prepare?: (rig: RouterRig) => void;
  readonly status: number;
  readonly error: string;
  readonly cache?: string;
  readonly body: string;
  readonly rejected: number;
}

const gone = (rig: RouterRig) => rig.registry.unregister("test.com", rig.register("test.com"));
const retained = { empty_pool_response_code_503: true, empty_pool_timeout: 60_000 };
const uncached = "no-cache, no-store";
const app = (value: string) => ["X-CF-App-Instance", value] as const;
const process = (value: string) => ["X-CF-Process-Instance", value] as const;

/** Data-plane §2.1, rows 1 to 9. */
const rows: readonly Row[] = [
  {
    name: "row 1: no Host",
    ask: { lines: [], protocol: "HTTP/1.0" },
    status: 400,
    error: "empty_host",
    cache: "public,max-age=2",
    body: "400 Bad Request: Request had empty Host header",
    rejected: 1,
  },
  {
    name: "row 1: Host is the client's address",
    ask: { lines: [["Host", "10.1.1.1:80"]] },
    status: 400,
    error: "empty_host",
    cache: "public,max-age=2",
    body: "400 Bad Request: Request had empty Host header",
    rejected: 1,
  },
  {
    name: "row 1: of IPv6 addresses the first group alone is compared",
    ask: { lines: [["Host", "[2001:db8::9]:80"]], remoteAddress: "2001:db8::5" },
    status: 400,
    error: "empty_host",
    cache: "public,max-age=2",
    body: "400 Bad Request: Request had empty Host header",
    rejected: 1,
  },
  {
    name: "row 1: another first group",
    ask: { lines: [["Host", "[2001:db8::9]:80"]], remoteAddress: "fe80::5" },
    status: 404,
    error: "unknown_route",
    cache: uncached,
    body: "404 Not Found: Requested route ('[2001:db8::9]:80') does not exist.",
    rejected: 1,
  },
  {
    name: "row 2: unknown route",
    ask: { lines: [["Host", "nope.com"]] },
    status: 404,
    error: "unknown_route",
    cache: uncached,
    body: "404 Not Found: Requested route ('nope.com') does not exist.",
    rejected: 1,
  },
  {
    name: "row 2: empty pool answered as unknown",
    ask: { lines: [host] },
    prepare: gone,
    status: 404,
    error: "unknown_route",
    cache: uncached,
    body: "404 Not Found: Requested route ('test.com:8080') does not exist.",
    rejected: 1,
  },
  {
    name: "row 3: empty pool",
    ask: { lines: [host] },
    settings: retained,
    prepare: gone,
    status: 503,
    error: "no_endpoints",
    cache: "public,max-age=2",
    body: "503 Service Unavailable: Requested route ('test.com:8080') has no available endpoints.",
    rejected: 0,
  },
  {
    name: "row 4: all endpoints at max_conns",
    ask: { lines: [host] },
    settings: { backends: { max_conns: 1 } },
    prepare: (rig) => {
      rig.register("test.com").inFlight = 1;
    },
    status: 503,
    error: "Connection Limit Reached",
    body: "503 Service Unavailable: Requested route ('test.com:8080') has reached the connection limit.",
    rejected: 0,
  },
  {
    name: "row 5: bad app instance header",
    ask: { lines: [host, app(`${guid}:`)] },
    prepare: (rig) => rig.register("test.com"),
    status: 400,
    error: "invalid_cf_app_instance_header",
    cache: uncached,
    body: "400 Bad Request: Invalid X-CF-App-Instance Header",
    rejected: 1,
  },
  {
    name: "row 6: bad process instance header",
    ask: { lines: [host, process("ABCD")] },
    prepare: (rig) => rig.register("test.com"),
    status: 400,
    error: "invalid_cf_process_instance_header",
    cache: uncached,
    body: "400 Bad Request: Invalid X-CF-Process-Instance Header",
    rejected: 1,
  },
  {
    name: "row 7: app instance not found, host unknown",
    ask: { lines: [host, app(`${guid}:3`)] },
    status: 400,
    error: "unknown_route",
    cache: uncached,
    body: `400 Bad Request: Requested instance ('3') with guid ('${guid}') does not exist for route ('test.com:8080')`,
    rejected: 1,
  },
  {
    name: "row 8: process instance not found",
    ask: { lines: [host, process(`${guid}:3`)] },
    prepare: (rig) => rig.register("test.com"),
    status: 400,
    error: "unknown_route",
    cache: uncached,
    body: `400 Bad Request: Requested instance ('3') with process guid ('${guid}') does not exist for route ('test.com:8080')`,
    rejected: 1,
  },
  {
    name: "row 9: process not found",
    ask: { lines: [host, process(guid)] },
    prepare: (rig) => rig.register("test.com"),
    status: 400,
    error: "unknown_route",
    cache: uncached,
    body: `400 Bad Request: Requested instance with process guid ('${guid}') does not exist for route ('test.com:8080')`,
    rejected: 1,
  },
  {
    name: "both headers: the app's look-up, the process's text",
    ask: { lines: [host, app(`${guid}:3`), process(other)] },
    status: 400,
    error: "unknown_route",
    cache: uncached,
    body: `400 Bad Request: Requested instance with process guid ('${other}') does not exist for route ('test.com:8080')`,
    rejected: 1,
  },
];

describe("lookup answers (data-plane §2.1, rows 1 to 9)", () => {
  for (const row of rows) {
    it(row.name, async () => {
      const rig = new RouterRig(row.settings);
      row.prepare?.(rig);
      const answer = await rig.exchange(row.ask);
      assert.equal(answer.status, row.status);
      assert.equal(contentOf(answer), `${row.body}\n`);
      assert.deepEqual(sorted(answer.headers), errorLines(row.cache, row.error, row.body.length + 1));
      assert.equal(rig.metrics.rejectedRequests, row.rejected);
      assert.equal(rig.metrics.backendExhaustedConns, row.error === "Connection Limit Reached" ? 1 : 0);
      assert.equal(rig.metrics.responses, 0);
      assert.equal(rig.transport.sent.length, 0);
      const status = rig.logger.lines.filter(([, message]) => message === "status");
      const ids = { "trace-id": requestUuid.replaceAll("-", ""), "span-id": "6498da7cb3bf21c5" };
      assert.deepEqual(status, row.status === 404 ? [] : [["info", "status", { ...ids, body: row.body }]]);
      assert.match(rig.accessLog[0]!, new RegExp(`x_cf_routererror:"${row.error}"$`));
    });
  }
});

describe("lookup (data-plane §1.4.11)", () => {
  it("logs a malformed instance header with its value", async () => {
    const rig = new RouterRig();
    await rig.exchange({ lines: [host, app("x")] });
    const [level, message, data] = rig.logger.lines[0]!;
    assert.deepEqual(
      [level, message, data?.["error"]],
      ["error", "invalid-app-instance-header", "Incorrect X-CF-APP-INSTANCE header : x"],
    );
  });

  it("sends to the instance that the app header names and takes the header off", async () => {
    const rig = new RouterRig();
    rig.register("test.com", { port: 1, applicationId: guid, privateInstanceIndex: "0" });
    rig.register("test.com", { port: 2, applicationId: guid, privateInstanceIndex: "1" });
    await rig.exchange({ lines: [host, app(`${guid}:1`)] });
    assert.equal(rig.transport.sent[0]?.address, "10.0.0.5:2");
    assert.deepEqual(rig.sentValues("X-CF-App-Instance"), []);
  });

  it("sends to the process that its header names and leaves the header", async () => {
    const rig = new RouterRig();
    rig.register("test.com", { port: 1 });
    rig.register("test.com", { port: 2, tags: new Map([["process_id", guid]]) });
    await rig.exchange({ lines: [host, process(guid)] });
    assert.equal(rig.transport.sent[0]?.address, "10.0.0.5:2");
    assert.deepEqual(rig.sentValues("X-CF-Process-Instance"), [guid]);
  });

  it("routes an absolute-form target by its own authority and says it in Host", async () => {
    const rig = new RouterRig();
    rig.register("a.com/ctx");
    await rig.exchange({ target: "http://user@A.com:80/ctx?x", lines: [["Host", "other.com"]] });
    assert.equal(rig.transport.sent[0]?.target, "http://user@A.com:80/ctx?x");
    assert.deepEqual(rig.sentValues("Host"), ["A.com:80"]);
    assert.match(rig.accessLog[0]!, /^A\.com:80 - \[[^\]]+\] "GET \/ctx\?x HTTP\/1\.1" 200 /);
  });

  it("routes CONNECT by its authority", async () => {
    const rig = new RouterRig();
    rig.register("a.com");
    await rig.exchange({ method: "CONNECT", target: "a.com:443", lines: [["Host", "a.com:443"]] });
    assert.equal(rig.transport.sent[0]?.target, "a.com:443");
    assert.match(rig.accessLog[0]!, /"CONNECT \/ HTTP\/1\.1"/);
  });
});
