import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ClientTlsFacts } from "../../../../src/core/client.ts";
import {
  type Ask,
  contentOf,
  RouterRig,
  requestUuid,
  type Settings,
  sorted,
} from "../../../fixtures/fake-transport.ts";

type Lines = readonly (readonly [string, string])[];
const host = ["Host", "test.com"] as const;

function rigFor(settings: Settings = {}): RouterRig {
  const rig = new RouterRig(settings);
  rig.register("test.com", { applicationId: "app" });
  return rig;
}

async function sent(settings: Settings, lines: Lines, ask: Ask = {}): Promise<RouterRig> {
  const rig = rigFor(settings);
  await rig.exchange({ ...ask, lines: [host, ...lines] });
  return rig;
}

describe("health check (data-plane §1.4.10)", () => {
  const agent = { target: "/any", lines: [["User-Agent", "HTTP-Monitor/1.1"]] } as const;

  it("is answered before the host is looked at", async () => {
    const rig = rigFor();
    const answer = await rig.exchange(agent);
    assert.deepEqual([answer.status, contentOf(answer)], [200, "ok\n"]);
    assert.deepEqual(sorted(answer.headers), ["Cache-Control: private, max-age=0", "Content-Length: 3", "Expires: 0"]);
    assert.match(rig.accessLog[0]!, / 200 0 3 "-" "HTTP-Monitor\/1\.1" "10\.1\.1\.1:35644" "-" /);
  });

  it("says 503 while starting and while draining", async () => {
    for (const state of ["initializing", "degraded"] as const) {
      const rig = rigFor();
      rig.health.state = state;
      const answer = await rig.exchange(agent);
      assert.deepEqual([answer.status, contentOf(answer)], [503, ""]);
      assert.equal(answer.headers.has("Content-Type"), false);
    }
  });

  it("compares exactly; an empty setting means requests without User-Agent", async () => {
    const rig = rigFor();
    assert.equal((await rig.exchange({ lines: [["User-Agent", "http-monitor/1.1"]] })).status, 400);
    const empty = rigFor({ healthcheck_user_agent: "" });
    assert.equal(contentOf(await empty.exchange({ lines: [host] })), "ok\n");
  });
});

describe("protocol check (data-plane §1.4.11)", () => {
  const raw = "HTTP/1.0 400 Bad Request\r\n\r\n";
  for (const [protocol, http2, expected] of [
    ["HTTP/1.0", true, undefined],
    ["HTTP/1.1", true, undefined],
    ["HTTP/2.0", true, undefined],
    ["HTTP/2.0", false, raw],
    ["HTTP/1.2", true, raw],
  ] as const) {
    it(`${protocol}, enable_http2: ${http2}`, async () => {
      const rig = rigFor({ enable_http2: http2 });
      const answer = await rig.exchange({ protocol });
      assert.equal("raw" in answer ? answer.raw : undefined, expected);
      assert.equal(rig.transport.sent.length, expected === undefined ? 1 : 0);
      assert.match(rig.accessLog[0]!, expected === undefined ? /" 200 0 0 / : /" "-" 0 0 /);
    });
  }
});

describe("request size (data-plane §1.4.12)", () => {
  // GET + / + HTTP/1.1 + 4, Host line, then X-Vcap-Request-Id, which the router added.
  const size = 3 + 1 + 8 + 4 + (8 + 8) + (17 + 36 + 4);

  it("refuses at the limit, and passes one byte below it", async () => {
    for (const [limit, status] of [
      [size, 431],
      [size + 1, 200],
      [0, 200],
      [9_999_999, 200],
    ] as const) {
      const rig = rigFor({ max_request_header_bytes: limit });
      assert.equal((await rig.exchange()).status, status, `limit ${limit}`);
    }
  });

  it("refuses more than max_request_headers lines", async () => {
    assert.equal((await rigFor({ max_request_headers: 1 }).exchange()).status, 200);
    const rig = rigFor({ max_request_headers: 1 });
    const answer = await rig.exchange({ lines: [host, ["A", "1"]] });
    assert.deepEqual([answer.status, answer.statusText], [431, "Request Header Fields Too Large"]);
    assert.deepEqual(sorted(answer.headers), ["Content-Length: 0", "X-Cf-Routererror: max-request-size-exceeded"]);
    assert.match(rig.accessLog[0]!, /"10\.0\.0\.5:8080" .* app_id:"app"/);
    assert.deepEqual([rig.metrics.responses4xx, rig.transport.sent.length, rig.metrics.latency.count], [1, 0, 0]);
  });
});

describe("X-Forwarded-Client-Cert (data-plane §1.4.13)", () => {
  const certificate = Uint8Array.of(0x30, 0xff, 0x00, 0x7f);
  const tls = (verified: boolean, given: boolean): ClientTlsFacts => ({
    version: "TLSv1.2",
    cipher: "c",
    serverName: "test.com",
    alpn: "",
    peerCertificates: given ? [certificate] : [],
    verified,
  });
  const header = ["X-Forwarded-Client-Cert", "theirs"] as const;
  for (const [mode, facts, expected] of [
    ["always_forward", undefined, ["theirs"]],
    ["forward", undefined, []],
    ["forward", tls(false, false), []],
    ["forward", tls(true, true), ["theirs"]],
    ["sanitize_set", undefined, []],
    ["sanitize_set", tls(false, true), []],
    ["sanitize_set", tls(true, true), ["MP8Afw=="]],
  ] as const) {
    const name =
      facts === undefined ? "no TLS" : `${facts.peerCertificates.length} certificates, verified: ${facts.verified}`;
    it(`${mode}, ${name}`, async () => {
      const rig = await sent(
        { forwarded_client_cert: mode },
        [header, header],
        facts === undefined ? {} : { tls: facts },
      );
      const values = rig.sentValues("X-Forwarded-Client-Cert");
      assert.deepEqual(values, expected[0] === "theirs" ? ["theirs", "theirs"] : expected);
    });
  }

  it("X-Forwarded-Proto (data-plane §1.4.15)", async () => {
    const secure = { tls: tls(false, false) };
    for (const [settings, received, ask, expected] of [
      [{}, [], {}, "http"],
      [{}, [], secure, "https"],
      [{}, [""], secure, "https"],
      [{}, ["wss"], secure, "wss"],
      [{ sanitize_forwarded_proto: true }, ["https", "x"], {}, "http"],
      [{ force_forwarded_proto_https: true }, ["http"], {}, "https"],
    ] as const) {
      const lines = received.map((value) => ["X-Forwarded-Proto", value] as const);
      const rig = await sent(settings, lines, ask);
      assert.deepEqual(rig.sentValues("X-Forwarded-Proto"), [expected]);
    }
  });
});

describe("hop-by-hop filter (data-plane §1.4.14)", () => {
  it("protects the configured names from being named in Connection", async () => {
    const lines = [
      ["Connection", "x-forwarded-proto, X-A"],
      ["connection", "X-Forwarded-For, close"],
      ["X-Forwarded-Proto", "p"],
      ["X-A", "1"],
      ["X-Forwarded-For", "1.1.1.1"],
    ] as const;
    const rig = await sent({ hop_by_hop_headers_to_filter: ["X-Forwarded-Proto", "X-FORWARDED-FOR"] }, lines);
    assert.deepEqual(rig.sentValues("X-Forwarded-Proto"), ["p"]);
    assert.deepEqual(rig.sentValues("X-Forwarded-For"), ["1.1.1.1, 10.1.1.1"]);
    assert.deepEqual(rig.sentValues("X-A"), []);
  });

  it("leaves no empty Connection line behind, nor a filter of nothing", async () => {
    const lines = [
      ["Connection", "X-Forwarded-Proto"],
      ["X-Forwarded-Proto", "p"],
    ] as const;
    const rig = await sent({ hop_by_hop_headers_to_filter: ["X-Forwarded-Proto"] }, lines);
    assert.deepEqual([rig.sentValues("X-Forwarded-Proto"), rig.sentValues("Connection")], [["p"], []]);
    assert.deepEqual((await sent({}, lines)).sentValues("X-Forwarded-Proto"), []);
  });
});

describe("trace headers (data-plane §1.4.4 to §1.4.6)", () => {
  const zipkin = { tracing: { enable_zipkin: true } };
  const w3c = { tracing: { enable_w3c: true } };
  const traceId = requestUuid.replaceAll("-", "");
  const spanId = traceId.slice(16);

  it("B3, step 5: fresh ids, the request id made of them", async () => {
    const rig = await sent(zipkin, [["X-B3-TraceId", "only-one"]]);
    assert.deepEqual(rig.sentValues("b3"), [`${traceId}-${spanId}`]);
    assert.deepEqual(rig.sentValues("X-B3-TraceId"), [traceId]);
    assert.deepEqual(rig.sentValues("X-B3-SpanId"), [spanId]);
    assert.deepEqual(rig.sentValues("X-Vcap-Request-Id"), [requestUuid]);
    const tail = `x_b3_traceid:"${traceId}" x_b3_spanid:"${spanId}" x_b3_parentspanid:"-" b3:"${traceId}-${spanId}"`;
    assert.ok(rig.accessLog[0]!.endsWith(` ${tail}`));
  });

  it("B3, step 1: a single header that parses is left alone and gives the request id", async () => {
    const single = "0123456789AB4DEF0123456789abcdef-0123456789abcdef-1";
    const rig = await sent(zipkin, [["b3", single]]);
    assert.deepEqual(rig.sentValues("b3"), [single]);
    assert.deepEqual(rig.sentValues("X-B3-TraceId"), []);
    assert.deepEqual(rig.sentValues("X-Vcap-Request-Id"), ["01234567-89ab-4def-0123-456789abcdef"]);
  });

  it("B3, steps 2 and 3: from the multi headers when the single one does not parse", async () => {
    const rig = await sent(zipkin, [
      ["b3", "nonsense"],
      ["X-B3-TraceId", "bad"],
      ["X-B3-SpanId", "cafe"],
    ]);
    assert.deepEqual(rig.sentValues("b3"), ["0000000000000bad-000000000000cafe"]);
    assert.equal(rig.logger.lines[0]?.[1], "failed-to-parse-single-header");
  });

  it("B3, step 4: a set that does not parse changes nothing", async () => {
    const rig = await sent(zipkin, [
      ["X-B3-TraceId", "xyz"],
      ["X-B3-SpanId", "cafe"],
    ]);
    assert.deepEqual(rig.sentValues("b3"), []);
    assert.deepEqual(rig.logger.lines[0]?.slice(0, 2), ["info", "failed-to-parse-b3-trace-id"]);
  });

  it("W3C: own headers where there are none, the state replaced", async () => {
    const rig = await sent(w3c, [
      ["traceparent", "no"],
      ["tracestate", "a=b"],
    ]);
    assert.deepEqual(rig.sentValues("traceparent"), [`00-${traceId}-${spanId}-01`]);
    assert.deepEqual(rig.sentValues("tracestate"), [`gorouter=${spanId}`]);
    assert.ok(rig.accessLog[0]!.endsWith(` traceparent:"00-${traceId}-${spanId}-01" tracestate:"gorouter=${spanId}"`));
  });

  it("W3C: a valid parent goes on with a new span", async () => {
    const received = " FF-0123456789ab4def8123456789abcdef-0123456789abcdef-00";
    const rig = await sent({ tracing: { enable_w3c: true, w3c_tenant_id: "t" } }, [
      ["traceparent", received],
      ["tracestate", "a=b , bad, t@gorouter=old,c=d"],
      ["tracestate", "second=line"],
    ]);
    assert.deepEqual(rig.sentValues("traceparent"), ["00-0123456789ab4def8123456789abcdef-0102030405060708-00"]);
    assert.deepEqual(rig.sentValues("tracestate"), ["t@gorouter=0102030405060708,a=b,c=d"]);
    assert.deepEqual(rig.sentValues("X-Vcap-Request-Id"), ["01234567-89ab-4def-8123-456789abcdef"]);
  });

  it("both: W3C takes over the ids of B3", async () => {
    const rig = await sent({ tracing: { enable_zipkin: true, enable_w3c: true } }, [
      ["b3", "0123456789abcdef-00000000000000aa"],
    ]);
    assert.deepEqual(rig.sentValues("traceparent"), ["00-00000000000000000123456789abcdef-00000000000000aa-01"]);
    assert.deepEqual(rig.sentValues("X-Vcap-Request-Id"), [requestUuid]);
  });
});

describe("semicolons (data-plane §1.4.8)", () => {
  it("warns, and shows another router error first", async () => {
    const rig = new RouterRig();
    await rig.exchange({ target: "/;" });
    assert.match(rig.accessLog[0]!, /x_cf_routererror:"unknown_route"$/);
    assert.equal(rig.logger.lines[0]?.[1], "deprecated-semicolon-params");
  });
});

describe("metrics (data-plane §11.1)", () => {
  it("counts attempts by component, responses by class, and times", async () => {
    const rig = new RouterRig({ per_app_prometheus_http_metrics_reporting: true });
    rig.register("test.com", {
      tags: new Map([
        ["component", "api"],
        ["source_id", "s"],
      ]),
    });
    const { client, answer } = rig.ask();
    await answer;
    rig.clock.elapsed = 30;
    client.observer!.finished(0, 0, "complete");
    await rig.exchange({ lines: [["Host", "nope"]] });
    const { metrics } = rig;
    assert.deepEqual([metrics.totalRequests, metrics.requestsByComponent.get("api")], [1, 1]);
    assert.deepEqual([metrics.responses, metrics.responses2xx, metrics.rejectedRequests], [1, 1, 1]);
    const latency = metrics.latencyByComponent.get("api")!;
    assert.deepEqual([latency.count, latency.sum, latency.counts[7], metrics.latency.count], [1, 30, 1, 0]);
    assert.deepEqual([metrics.gorouterTime.count, metrics.gorouterTime.sum], [1, 0]);
    assert.deepEqual([...metrics.httpLatencyBySource.keys()], ["s", "gorouter"]);
  });
});
