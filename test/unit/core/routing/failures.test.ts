import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { FailureKind } from "../../../../src/core/forwarding/failure.ts";
import { addresses, endpoint, table } from "./recording.ts";

const unreachable: FailureKind[] = [
  "dial",
  "tls-not-tls",
  "tls-name",
  "tls-untrusted",
  "tls-alert-certificate",
  "tls-alert-handshake",
  "tls-timeout",
];
const nothing: FailureKind[] = [
  "tls-other",
  "eof",
  "write",
  "deadline",
  "malformed-response",
  "response-head-too-large",
  "too-many-response-headers",
  "too-many-interim",
  "body-cut",
  "body-taken",
  "request-body",
  "client-gone",
  "no-endpoints",
  "switching-protocols",
  "descriptors",
  "internal",
];

function fail(kind: FailureKind, tls: boolean) {
  const parts = table();
  const failed = endpoint(1, {
    tls,
    applicationId: "app",
    tags: new Map([
      ["z", "1"],
      ["a", "2"],
    ]),
    routeServiceUrl: "https://rs",
    availabilityZone: "z1",
  });
  parts.registry.register("a.com", failed);
  parts.registry.register("b.com", failed);
  const pool = parts.registry.lookup("a.com", "/")!;
  parts.log.take();
  parts.registry.endpointFailed(pool, failed, kind);
  const member = pool.members[0];
  return { ...parts, marked: member !== undefined && pool.state.isMarked(member, parts.clock.monotonic(), 30_000) };
}

const data =
  '{"route-endpoint":{"ApplicationId":"app","Addr":"10.0.0.1:80","Tags":{"a":"2","z":"1"},' +
  '"RouteServiceUrl":"https://rs","AZ":"z1"}}';

describe("failure-driven changes (control-plane §3.11, data-plane §4.5)", () => {
  for (const kind of unreachable) {
    it(`${kind} prunes a TLS endpoint from this pool only`, () => {
      const { registry, log } = fail(kind, true);
      assert.deepEqual(addresses(registry, "a.com"), []);
      assert.deepEqual(addresses(registry, "b.com"), ["10.0.0.1:80"]);
      assert.deepEqual(log.take(), [`error prune-failed-endpoint ${data}`]);
    });
    it(`${kind} marks another endpoint`, () => {
      const { registry, log, marked } = fail(kind, false);
      assert.deepEqual(addresses(registry, "a.com"), ["10.0.0.1:80"]);
      assert.equal(marked, true);
      assert.deepEqual(log.take(), [`error endpoint-marked-as-ineligible ${data}`]);
    });
  }
  for (const tls of [false, true]) {
    it(`a reset marks, TLS ${tls}`, () => {
      const { log, marked } = fail("reset", tls);
      assert.equal(marked, true);
      assert.deepEqual(log.take(), [`error endpoint-marked-as-ineligible ${data}`]);
    });
    for (const kind of nothing) {
      it(`${kind} changes nothing, TLS ${tls}`, () => {
        const { registry, log, marked } = fail(kind, tls);
        assert.deepEqual(addresses(registry, "a.com"), ["10.0.0.1:80"]);
        assert.equal(marked, false);
        assert.deepEqual(log.take(), []);
      });
    }
  }

  it("shows missing tags as null", () => {
    const { registry, log } = table();
    registry.register("a.com", endpoint(1));
    log.take();
    registry.endpointFailed(registry.lookup("a.com", "/")!, endpoint(1), "dial");
    assert.match(log.take()[0] ?? "", /"Tags":null/);
  });

  it("says nothing about an endpoint that left meanwhile", () => {
    const { registry, log } = table();
    registry.register("a.com", endpoint(1));
    const pool = registry.lookup("a.com", "/")!;
    registry.unregister("a.com", endpoint(1));
    log.take();
    registry.endpointFailed(pool, endpoint(1), "dial");
    assert.deepEqual(log.take(), []);
  });

  for (const kept of [false, true]) {
    it(`leaves the empty pool to the next prune, 503 mode ${kept} (§3.8)`, () => {
      const { registry, clock } = table({ empty_pool_response_code_503: kept });
      registry.register("a.com", endpoint(1, { tls: true }));
      registry.endpointFailed(registry.lookup("a.com", "/")!, endpoint(1), "dial");
      assert.equal(registry.lookup("a.com", "/")?.size, 0);
      registry.prune(clock.monotonic());
      assert.equal(registry.lookup("a.com", "/"), undefined);
    });
  }

  it("comes back with its next registration", () => {
    const { registry } = table();
    registry.register("a.com", endpoint(1, { tls: true }));
    registry.endpointFailed(registry.lookup("a.com", "/")!, endpoint(1), "dial");
    assert.equal(registry.register("a.com", endpoint(1, { tls: true })), "added");
  });
});
