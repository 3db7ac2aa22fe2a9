import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Failure } from "../../../../src/core/forwarding/failure.ts";
import { CounterBatch } from "../../../../src/core/observe/envelope/counters.ts";
import { EnvelopeEmitter } from "../../../../src/core/observe/envelope/emitter.ts";
import { counterEvent, logMessage, valueMetric } from "../../../../src/core/observe/envelope/envelope.ts";
import { signed, varint } from "../../../../src/core/observe/envelope/protobuf.ts";
import { LogCopies } from "../../../../src/core/observe/log-copies.ts";
import { RequestMetrics } from "../../../../src/core/observe/metrics.ts";
import { TableMetrics } from "../../../../src/core/observe/table-metrics.ts";
import { decodeEnvelope, type Envelope, uuidOf } from "../../../fixtures/dropsonde.ts";
import { FakeLogger, FakeResponse, RouterRig, receivedAt, requestUuid } from "../../../fixtures/fake-transport.ts";

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const decoded = (text: string): Envelope => decodeEnvelope(bytes(text));

describe("envelopes (dropsonde v1)", () => {
  it("hold values, times to the nanosecond", () => {
    for (const [now, timestamp] of [
      [receivedAt, "1743510896789000000"],
      [receivedAt + 0.5, "1743510896789500000"],
      [0, "0"],
      [4_102_444_800_000, "4102444800000000000"],
      [1_743_510_896_000.25, "1743510896000250000"],
    ] as const) {
      assert.deepEqual(decoded(valueMetric(now, "latency", -1.5, "ms")), {
        origin: "gorouter",
        eventType: "ValueMetric",
        timestamp,
        tags: {},
        valueMetric: { name: "latency", value: -1.5, unit: "ms" },
      });
    }
  });

  it("hold values of every size", () => {
    for (const value of [0, 1, -1, 0.1, 1e300, -1e-300, 2 ** 53, Number.MAX_VALUE]) {
      assert.equal(decoded(valueMetric(1, "n", value, "")).valueMetric?.value, value);
    }
    for (const delta of [0, 1, 127, 128, 16_383, 16_384, 2 ** 32, 2 ** 53 - 1]) {
      assert.deepEqual(decoded(counterEvent(1, "n", delta)).counterEvent, { name: "n", delta: String(delta) });
    }
    assert.deepEqual([varint(300), signed(5)], ["\xac\x02", "\x05"]);
    assert.equal(signed(-1), `${"\xff".repeat(9)}\x01`);
  });

  it("hold log lines with bytes as they are", () => {
    const line = 'test.com - "GET /\xc3\xa9"';
    const envelope = decoded(logMessage(receivedAt, line, "app-1", "7", new Map([["component", "é"]])));
    assert.deepEqual(envelope.logMessage, {
      message: 'test.com - "GET /é"',
      message_type: "OUT",
      timestamp: "1743510896789000000",
      app_id: "app-1",
      source_type: "RTR",
      source_instance: "7",
    });
    assert.deepEqual([envelope.eventType, envelope.tags], ["LogMessage", { component: "é" }]);
  });
});

/** A router whose events are kept, decoded. */
function eventRig(flags: { server?: boolean; client?: boolean } = {}, settings = {}) {
  const sent: Envelope[] = [];
  const link = { muted: false, send: (text: string) => void sent.push(decoded(text)) };
  const rig = new RouterRig(settings, undefined, (clock) => ({
    events: new EnvelopeEmitter(clock, link, {
      send_http_start_stop_server_event: flags.server ?? true,
      send_http_start_stop_client_event: flags.client ?? true,
    }),
  }));
  return { rig, link, sent, events: () => sent.splice(0).map(({ httpStartStop }) => httpStartStop!) };
}

describe("HttpStartStop (control-plane §5.2)", () => {
  const application = "11111111-2222-3333-4444-555555555566";

  it("client event first, then the server event with the tags of the endpoint", async () => {
    const { rig, sent } = eventRig();
    const tags = new Map([["component", "api"]]);
    const fields = { applicationId: application, privateInstanceIndex: "2", privateInstanceId: "i-1", tags };
    rig.register("test.com", fields);
    rig.transport.script = () => new FakeResponse(201, [["Content-Length", "12"]]);
    const lines = [
      ["Host", "test.com"],
      ["User-Agent", "curl"],
      ["X-Forwarded-For", "1.1.1.1,  2.2.2.2"],
      ["X-CF-InstanceID", "spoofed"],
    ] as const;
    await rig.exchange({ method: "POST", target: "/a%20b?c=d", lines }, "complete", 3, 12);
    const trace = requestUuid.replaceAll("-", "");
    assert.deepEqual(sent[0]!.tags, {});
    assert.deepEqual(sent[1]!.tags, { component: "api", span_id: trace.slice(16), trace_id: trace });
    const [client, server] = sent.map(({ httpStartStop }) => httpStartStop!);
    const common = {
      startTimestamp: "1743510896789000000",
      stopTimestamp: "1743510896789000000",
      method: "POST",
      uri: "http://test.com/a b",
      remoteAddress: "10.1.1.1:35644",
      userAgent: "curl",
      statusCode: 201,
      contentLength: "12",
    };
    const { requestId: clientId, applicationId, ...clientRest } = client!;
    assert.deepEqual(clientRest, {
      ...common,
      peerType: "Client",
      instanceIndex: 2,
      instanceId: "i-1",
      forwarded: ["1.1.1.1", "2.2.2.2", "10.1.1.1"],
    });
    assert.deepEqual([uuidOf(clientId), uuidOf(applicationId!)], [requestUuid, application]);
    const { requestId: serverId, ...serverRest } = server!;
    assert.deepEqual(serverRest, { ...common, peerType: "Server", forwarded: ["1.1.1.1", "2.2.2.2"] });
    assert.equal(uuidOf(serverId), requestUuid);
  });

  it("one client event per attempt; a failed one has neither status nor length", async () => {
    const { rig, events } = eventRig({}, { backends: { max_attempts: 3 } });
    rig.register("test.com");
    rig.register("test.com", { port: 8081 });
    let attempts = 0;
    rig.transport.script = () => {
      attempts += 1;
      if (attempts === 1) throw new Failure("dial", "backend", "always", "dial tcp: connection refused");
      return new FakeResponse(200);
    };
    await rig.exchange();
    const [first, second, server] = events();
    assert.deepEqual([first!.statusCode, first!.contentLength, first!.instanceId], [0, "0", "10.0.0.5:8080"]);
    assert.deepEqual([second!.statusCode, second!.contentLength, second!.instanceId], [200, "-1", "10.0.0.5:8081"]);
    assert.deepEqual([second!.applicationId, second!.instanceIndex], [undefined, undefined]);
    assert.deepEqual([server!.peerType, server!.instanceId], ["Server", undefined]);
  });

  it("one client event per attempt to reach a route service, which is no instance of an app", async () => {
    const settings = { route_services_secret: "tWPE+sWJq+ZnGJpyKkIPYg==", route_services: { max_attempts: 3 } };
    const { rig, events } = eventRig({}, settings);
    rig.register("test.com", { applicationId: application, routeServiceUrl: "https://rs.example.com/auth" });
    let attempts = 0;
    rig.transport.script = () => {
      attempts += 1;
      if (attempts === 1) throw new Failure("dial", "backend", "always", "dial tcp: connection refused");
      return new FakeResponse(203, [["Content-Length", "5"]]);
    };
    await rig.exchange();
    const seen = events().map(({ peerType, statusCode, contentLength, applicationId, instanceId }) =>
      [peerType, statusCode, contentLength, applicationId, instanceId].join(" "),
    );
    assert.deepEqual(seen.slice(0, 2), ["Client 0 0  ", "Client 203 5  "]);
    assert.match(seen[2]!, /^Server 203 /);
  });

  it("tells the length of an answer without a body", async () => {
    const { rig, events } = eventRig({ server: false });
    rig.register("test.com");
    for (const [method, status, lines, length] of [
      ["GET", 204, [], "0"],
      ["GET", 304, [["Content-Length", "7"]], "0"],
      ["HEAD", 200, [["Content-Length", "7"]], "7"],
      ["HEAD", 200, [], "-1"],
      ["GET", 200, [], "-1"],
    ] as const) {
      rig.transport.script = () => new FakeResponse(status, lines as never);
      await rig.exchange({ method });
      assert.equal(events()[0]!.contentLength, length);
    }
  });

  it("a server event for 404 and health checks, too", async () => {
    const { rig, events } = eventRig();
    await rig.exchange({ lines: [["Host", "nowhere"]] });
    await rig.exchange({ lines: [["User-Agent", "HTTP-Monitor/1.1"]] });
    assert.deepEqual(
      events().map(({ peerType, statusCode, uri }) => [peerType, statusCode, uri]),
      [
        ["Server", 404, "http://nowhere/"],
        ["Server", 200, "http:///"],
      ],
    );
  });

  it("each kind can be switched off, and a muted link makes none", async () => {
    for (const [flags, peers] of [
      [{ server: false }, ["Client"]],
      [{ client: false }, ["Server"]],
      [{ server: false, client: false }, []],
    ] as const) {
      const { rig, events } = eventRig(flags);
      rig.register("test.com");
      await rig.exchange();
      assert.deepEqual(
        events().map(({ peerType }) => peerType),
        peers,
      );
    }
    const { rig, link, sent } = eventRig();
    link.muted = true;
    await rig.exchange();
    assert.equal(sent.length, 0);
  });

  it("numbers the methods as the protocol does", async () => {
    const { rig, events } = eventRig({ client: false });
    for (const method of ["GET", "PATCH", "VERSION-CONTROL", "BASELINE-CONTROL", "CONNECT"])
      await rig.exchange({ method });
    assert.deepEqual(
      events().map(({ method }) => method),
      ["GET", "PATCH", "VERSION_CONTROL", "BASELINE_CONTROL", "CONNECT"],
    );
  });
});

describe("batched counters (control-plane §5.1)", () => {
  const requests = new RequestMetrics();
  const table = new TableMetrics();
  const batch = new CounterBatch(requests, table);

  it("the first flush holds only what was counted", () => {
    requests.countAttempt("api");
    requests.countResponse(204);
    table.registered("", "added");
    table.registered("api", "added");
    table.registered("api", "updated");
    assert.deepEqual(batch.flush(), [
      ["total_requests", 1],
      ["responses", 1],
      ["responses.2xx", 1],
      ["requests.api", 1],
      ["registry_message", 1],
      ["registry_message.api", 2],
    ]);
  });

  it("from the second one on a fixed set is named also with 0", () => {
    requests.countAttempt("dea-1");
    table.pruned(2);
    const counted = new Map(batch.flush());
    assert.deepEqual(
      [...counted.keys()].sort(),
      (
        "backend_exhausted_conns backend_invalid_id backend_invalid_tls_cert backend_tls_handshake_failed bad_gateways " +
        "rejected_requests requests.dea-1 responses responses.2xx responses.3xx responses.4xx responses.5xx " +
        "responses.xxx routed_app_requests routes_pruned total_requests websocket_failures websocket_upgrades"
      ).split(" "),
    );
    const grown = [...counted].filter(([, delta]) => delta !== 0);
    assert.deepEqual(grown, [
      ["total_requests", 1],
      ["routed_app_requests", 1],
      ["routes_pruned", 2],
      ["requests.dea-1", 1],
    ]);
  });
});

describe("copies of the access log (data-plane §9.6)", () => {
  function copyRig(settings = {}, hasSend = true) {
    const copies: [string, string][] = [];
    const log = new FakeLogger();
    log.level = 0;
    const send = (text: string, appId: string): void => void copies.push([text, appId]);
    const logCopies = new LogCopies(hasSend ? send : undefined, "3", log);
    const rig = new RouterRig(settings, undefined, () => ({ logCopies }));
    rig.register("test.com", { applicationId: "app-1" });
    rig.register("anonymous.com");
    return { rig, copies, log };
  }

  it("are the lines of apps", async () => {
    const { rig, copies, log } = copyRig();
    await rig.exchange();
    assert.deepEqual(copies, [[rig.accessLog[0], "app-1"]]);
    await rig.exchange({ lines: [["Host", "anonymous.com"]] });
    assert.equal(copies.length, 1);
    const data = { error: "either no appId or source instance present", appID: "", sourceInstance: "3" };
    assert.deepEqual(log.lines, [["debug", "dropping-loggregator-access-log", data]]);
  });

  it("none with loggregator off", async () => {
    const { rig, copies, log } = copyRig({}, false);
    await rig.exchange();
    assert.deepEqual(copies, []);
    assert.equal(log.lines[0]?.[2]?.["appID"], "app-1");
  });

  it("of more than 65400 bytes are cut where clients can make them long", async () => {
    const { rig, copies } = copyRig({ extra_headers_to_log: ["X-A", "X-B", "X-C"] });
    const lines = [
      ["Host", "test.com"],
      ["User-Agent", "u".repeat(3000)],
      ["Referer", "r".repeat(1001)],
      ["X-Forwarded-For", "f".repeat(1100)],
      ["X-A", "a".repeat(10_000)],
      ["X-B", "b".repeat(9000)],
      ["X-C", "c".repeat(2000)],
    ] as const;
    await rig.exchange({ target: `/${"p".repeat(45_000)}?q`, lines });
    const [[copy]] = copies as [[string, string]];
    assert.ok(rig.accessLog[0]!.length > 65_400);
    assert.ok(copy.length < 65_400);
    const uri = /"GET (\S*) HTTP/.exec(copy)![1]!;
    const word = "...REQUEST-URI-TOO-LONG-TO-LOG--TRUNCATED";
    assert.ok(uri.length <= 20_000 && uri.endsWith(word) && uri.startsWith("/ppp"));
    const half = (text: string, name: string): string =>
      `${text.slice(0, text.length >> 1)}...${name}-TOO-LONG-TO-LOG--TRUNCATED`;
    const agent = half(half("u".repeat(3000), "USER-AGENT"), "USER-AGENT");
    assert.ok(copy.includes(`"${half("r".repeat(1001), "REFERER")}" "${agent}" "`));
    assert.match(copy, /x_forwarded_for:"f{500,}\.\.\.X-FORWARDED-FOR-TOO-LONG-TO-LOG--TRUNCATED"/);
    assert.match(copy, /x_a:"a{10000}" x_b:"b{9000}"\.\.\.EXTRA-REQUEST-HEADERS-TOO-LONG-TO-LOG--TRUNCATED$/);
  });
});
