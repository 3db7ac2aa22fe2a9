import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Failure, type FailureKind } from "../../../../src/core/forwarding/failure.ts";
import type { RequestMetrics } from "../../../../src/core/observe/metrics.ts";
import { contentOf, FakeResponse, RouterRig, requestUuid, sorted } from "../../../fixtures/fake-transport.ts";

type Counter = "badGateways" | "backendInvalidId" | "backendInvalidTlsCert" | "backendTlsHandshakeFailed";
const counters: readonly Counter[] = [
  "badGateways",
  "backendInvalidId",
  "backendInvalidTlsCert",
  "backendTlsHandshakeFailed",
];
const generic = "502 Bad Gateway: Registered endpoint failed to handle the request.";

/** Data-plane §2.3: kind, status, body, counter. */
const rows: readonly (readonly [FailureKind, number, string, Counter | undefined])[] = [
  ["tls-not-tls", 525, "525 SSL Handshake Failed", "backendTlsHandshakeFailed"],
  ["tls-name", 503, "503 Service Unavailable", "backendInvalidId"],
  ["tls-untrusted", 526, "526 Invalid SSL Certificate", "backendInvalidTlsCert"],
  ["tls-alert-certificate", 496, "496 SSL Certificate Required", undefined],
  ["client-gone", 499, "499 Request Cancelled", undefined],
  ["tls-alert-handshake", 525, "525 SSL Handshake Failed", "backendTlsHandshakeFailed"],
  ["dial", 502, generic, "badGateways"],
  ["tls-timeout", 502, generic, "badGateways"],
  ["tls-other", 502, generic, "badGateways"],
  ["eof", 502, generic, "badGateways"],
  ["reset", 502, generic, "badGateways"],
  ["write", 502, generic, "badGateways"],
  ["deadline", 502, generic, "badGateways"],
  ["malformed-response", 502, generic, "badGateways"],
  ["response-head-too-large", 502, generic, "badGateways"],
  ["too-many-response-headers", 502, generic, "badGateways"],
  ["too-many-interim", 502, generic, "badGateways"],
  ["body-taken", 502, generic, "badGateways"],
  ["descriptors", 502, generic, "badGateways"],
  ["request-body", 400, "400 Bad Request: Malformed request body", undefined],
];

const reasons: Readonly<Record<number, string>> = {
  400: "Bad Request",
  502: "Bad Gateway",
  503: "Service Unavailable",
};

const counted = (metrics: RequestMetrics): string[] => counters.filter((name) => metrics[name] === 1);

function failing(kind: FailureKind, settings = {}): RouterRig {
  const rig = new RouterRig(settings);
  rig.register("test.com", { applicationId: "app" });
  rig.transport.script = () => {
    throw new Failure(kind, "backend", "never", "TEXT");
  };
  return rig;
}

describe("endpoint failures (data-plane §2.3)", () => {
  for (const [kind, status, body, counter] of rows) {
    it(`${kind} → ${status}`, async () => {
      const rig = failing(kind);
      const answer = await rig.exchange();
      assert.equal(answer.status, status);
      assert.equal(answer.statusText, reasons[status] ?? `status code ${status}`);
      assert.equal(contentOf(answer), `${body}\n`);
      const error = kind === "client-gone" ? "context canceled" : "TEXT";
      assert.deepEqual(
        sorted(answer.headers),
        sorted([
          ["Content-Length", String(body.length + 1)],
          ["Content-Type", "text/plain; charset=utf-8"],
          ["X-Cf-Routererror", `endpoint_failure (${error})`],
          ["X-Content-Type-Options", "nosniff"],
        ]),
      );
      assert.deepEqual(counted(rig.metrics), counter === undefined ? [] : [counter]);
      assert.equal(rig.metrics.responses, 1);
      assert.equal(
        rig.logger.lines.some(([, message]) => message === "status"),
        false,
      );
      assert.match(rig.accessLog[0]!, new RegExp(` ${status} 0 ${body.length + 1} .*"10.0.0.5:8080"`));
    });
  }

  it("has a body stream that says the same", async () => {
    const answer = await failing("dial").exchange();
    assert.ok("body" in answer);
    assert.equal(await new Response(answer.body).text(), `${generic}\n`);
  });

  it("keeps a failure's text on one header line", async () => {
    const rig = failing("dial");
    rig.transport.script = () => {
      throw new Failure("malformed-response", "backend", "never", "bad\r\nX: é");
    };
    const answer = await rig.exchange();
    assert.equal(answer.headers.get("X-Cf-Routererror"), "endpoint_failure (bad  X: \u00c3\u00a9)");
  });

  it("row 22: a refused switch has no body and no error header", async () => {
    const answer = await failing("switching-protocols").exchange();
    assert.equal(answer.status, 502);
    assert.deepEqual(sorted(answer.headers), ["Content-Length: 0"]);
  });

  it("a 101 that does not fit is no failed attempt: the round trip succeeded (§6.3, §6.4)", async () => {
    const rig = failing("switching-protocols");
    const answer = await rig.exchange({
      lines: [
        ["Host", "test.com"],
        ["Connection", "Upgrade"],
        ["Upgrade", "websocket"],
      ],
    });
    assert.equal(answer.status, 502);
    assert.ok(!rig.logger.lines.some(([, message]) => message === "backend-endpoint-failed"));
    const { websocketUpgrades, websocketFailures, badGateways, responses5xx } = rig.metrics;
    assert.deepEqual([websocketUpgrades, websocketFailures, badGateways, responses5xx], [1, 0, 0, 1]);
  });

  it("rewrites the headers of its own answers too", async () => {
    const answer = await failing("dial", {
      http_rewrite: {
        responses: {
          remove_headers: [{ name: "x-cf-routererror" }],
          add_headers_if_not_present: [
            { name: "X-New", value: "1" },
            { name: "X-New", value: "2" },
          ],
        },
      },
    }).exchange();
    assert.equal(answer.headers.has("X-Cf-Routererror"), false);
    assert.equal(answer.headers.get("X-New"), "1, 2");
  });

  it("counts failed WebSocket requests", async () => {
    const rig = failing("dial");
    await rig.exchange({
      lines: [
        ["Host", "test.com"],
        ["Connection", "Upgrade"],
        ["Upgrade", "WebSocket"],
      ],
    });
    assert.equal(rig.metrics.websocketFailures, 1);
    assert.equal(rig.metrics.websocketUpgrades, 0);
  });

  it("logs the failed attempt with its data in order", async () => {
    const rig = new RouterRig();
    rig.register("test.com", { applicationId: "app", availabilityZone: "z1" });
    rig.transport.script = (_endpoint, outgoing) => {
      outgoing.attempt.dialMs = 1500;
      throw new Failure("deadline", "backend", "never", "context deadline exceeded");
    };
    await rig.exchange();
    const endpoint = { ApplicationId: "app", Addr: "10.0.0.5:8080", Tags: null, RouteServiceUrl: "", AZ: "z1" };
    const timeout = { "route-endpoint": endpoint, error: "context deadline exceeded", vcap_request_id: requestUuid };
    const failed = {
      "route-endpoint": endpoint,
      attempt: 1,
      vcap_request_id: requestUuid,
      "num-endpoints": 1,
      "got-connection": true,
      "wrote-headers": true,
      "conn-reused": false,
      "dns-lookup-time": 0,
      "dial-time": 1.5,
      "tls-handshake-time": 0,
      "local-address": "10.0.0.1:40000",
      error: "context deadline exceeded",
      retriable: false,
    };
    assert.equal(
      JSON.stringify(rig.logger.lines),
      JSON.stringify([
        ["error", "backend-request-timeout", timeout],
        ["error", "backend-endpoint-failed", failed],
      ]),
    );
  });

  it("logs too many response headers under their own message and does not count the attempt as failed", async () => {
    const rig = failing("too-many-response-headers", { logging: { extra_access_log_fields: ["failed_attempts"] } });
    await rig.exchange();
    assert.deepEqual(
      rig.logger.lines.map(([, message]) => message),
      ["backend-too-many-response-headers"],
    );
    assert.match(rig.accessLog[0]!, / failed_attempts:0 /);
  });

  it("contains what nobody expected: 502, a log line, no access log line", async () => {
    const rig = new RouterRig();
    const endpoint = rig.register("test.com");
    rig.transport.script = () => {
      throw new TypeError("boom");
    };
    const answer = await rig.exchange();
    assert.equal(answer.status, 502);
    assert.deepEqual(sorted(answer.headers), ["Content-Length: 0", "X-Cf-Routererror: unknown_failure"]);
    const [level, message, data] = rig.logger.lines[0]!;
    assert.deepEqual([level, message, data?.["host"], data?.["error"]], ["error", "panic-check", "test.com", "boom"]);
    assert.deepEqual(rig.accessLog, []);
    assert.equal(endpoint.inFlight, 0);
  });

  it("logs a deadline that cut the response body, and a backend that did, but no client that left", async () => {
    const rig = new RouterRig();
    const endpoint = rig.register("test.com");
    rig.transport.script = (_endpoint, outgoing) => {
      outgoing.bodyFailed(new Failure("deadline", "backend", "never", "context deadline exceeded"));
      outgoing.bodyFailed(new Failure("body-cut", "backend", "never", "unexpected EOF"));
      outgoing.bodyFailed(new Failure("client-gone", "client", "never", "context canceled"));
      return new FakeResponse();
    };
    await rig.exchange();
    assert.deepEqual(
      rig.logger.lines.map(([level, message, data]) => [level, message, data?.["error"]]),
      [
        ["error", "backend-request-timeout", "context deadline exceeded"],
        ["warn", "backend-response-cut", "unexpected EOF"],
      ],
    );
    const { Addr } = rig.logger.lines[1]![2]!["route-endpoint"] as { Addr: string };
    assert.equal(Addr, endpoint.address);
  });
});
