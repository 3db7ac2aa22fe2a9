import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Endpoint, type EndpointFields, isSucceededBy } from "../../../../src/core/routing/endpoint.ts";
import { addresses, endpoint, table } from "./recording.ts";

const full: EndpointFields = {
  host: "10.0.0.1",
  port: 80,
  applicationId: "app",
  privateInstanceId: "id",
  privateInstanceIndex: "0",
  serverCertDomainSan: "san",
  tags: new Map([["component", "c"]]),
  staleThresholdSeconds: 60,
  isolationSegment: "seg",
  availabilityZone: "z1",
  routeServiceUrl: "https://rs",
  updatedAtNs: 5n,
  protocol: "http1",
  loadBalancing: "round-robin",
};

describe("register (control-plane §3.5)", () => {
  it("logs a new route and a new endpoint, keys in order", () => {
    const { registry, log } = table();
    assert.equal(registry.register("A.com/X/", new Endpoint({ ...full, tls: true })), "added");
    const data =
      '{"uri":"A.com/X","route_service_url":"https://rs","backend":"10.0.0.1:80","application_id":"app",' +
      '"instance_id":"id","server_cert_domain_san":"san","protocol":"http1","modification_tag":{"guid":"","index":0},' +
      '"isolation_segment":"seg","isTLS":true}';
    assert.deepEqual(log.take(), [
      'info route-registered {"uri":"a.com/x"}',
      'debug uri-added {"uri":"a.com/x"}',
      `info endpoint-registered ${data}`,
    ]);
  });

  it("remembers host and context path of the first registration, case kept (§3.1)", () => {
    const { registry } = table();
    registry.register("/A.com/Ctx/", endpoint(1));
    registry.register("a.com/ctx", endpoint(2));
    const pool = registry.lookup("a.com", "/ctx");
    assert.equal(pool?.host, "A.com");
    assert.equal(pool?.contextPath, "/Ctx");
  });

  it("shows an empty isolation segment as -", () => {
    const { registry, log } = table();
    registry.register("a.com", endpoint(1));
    assert.match(log.take()[2] ?? "", /"isolation_segment":"-"/);
  });

  it("logs an update at debug level, and nothing above it", () => {
    const { registry, log } = table();
    registry.register("a.com", endpoint(1));
    log.take();
    assert.equal(registry.register("a.com", endpoint(1)), "updated");
    assert.deepEqual(log.takeMessages(), ["debug endpoint-registered"]);
    log.level = 1;
    registry.register("a.com", endpoint(1));
    assert.deepEqual(log.takeMessages(), []);
  });

  it("keeps the endpoint object of a registration that changes nothing, and refreshes its time", () => {
    const { registry, clock } = table();
    registry.register("a.com", new Endpoint(full));
    const member = registry.lookup("a.com", "/")?.members[0];
    const before = member?.endpoint;
    clock.advance(5000);
    assert.equal(registry.register("a.com", new Endpoint(full)), "updated");
    assert.equal(member?.endpoint, before);
    assert.equal(member?.updatedAt, clock.monotonic());
    assert.equal(registry.lookup("a.com", "/")?.lastChange, clock.monotonic());
  });

  const changes: Array<[field: string, change: Partial<EndpointFields>]> = [
    ["app id", { applicationId: "other" }],
    ["protocol", { protocol: "http2" }],
    ["SAN", { serverCertDomainSan: "other" }],
    ["instance id", { privateInstanceId: "other" }],
    ["TTL", { staleThresholdSeconds: 61 }],
    ["route service URL", { routeServiceUrl: "" }],
    ["instance index", { privateInstanceIndex: "1" }],
    ["modification tag", { modificationTag: { guid: "", index: 1 } }],
    ["isolation segment", { isolationSegment: "" }],
    ["TLS flag", { tls: true }],
    ["updated-at time", { updatedAtNs: 6n }],
    ["algorithm", { loadBalancing: "least-connection" }],
    ["a tag", { tags: new Map([["component", "d"]]) }],
    ["a tag more", { tags: new Map([...(full.tags ?? []), ["e", ""]]) }],
    ["another tag", { tags: new Map([["e", "c"]]) }],
    ["no tags", { tags: null }],
  ];
  for (const [field, change] of changes) {
    it(`replaces the endpoint in place when the ${field} changes`, () => {
      const { registry } = table();
      registry.register("a.com", endpoint(9));
      registry.register("a.com", new Endpoint(full));
      registry.register("a.com", endpoint(8));
      const next = new Endpoint({ ...full, ...change });
      assert.equal(registry.register("a.com", next), "updated");
      assert.equal(registry.lookup("a.com", "/")?.members[1]?.endpoint, next);
      assert.equal(registry.lookup("a.com", "/")?.size, 3);
    });
  }

  for (const [name, change] of [
    ["availability zone", { availabilityZone: "z2" }],
    ["nothing, tags in another object", { tags: new Map([["component", "c"]]) }],
  ] as const) {
    it(`does not replace it when only ${name} changes`, () => {
      const { registry } = table();
      const first = new Endpoint(full);
      registry.register("a.com", first);
      registry.register("a.com", new Endpoint({ ...full, ...change }));
      assert.equal(registry.lookup("a.com", "/")?.members[0]?.endpoint, first);
    });
  }

  it("takes a TLS registration of the same address for the same entry, another port for another", () => {
    const { registry } = table();
    registry.register("a.com", endpoint(1));
    registry.register("a.com", endpoint(1, { tls: true }));
    assert.deepEqual(addresses(registry, "a.com"), ["10.0.0.1:80"]);
    registry.register("a.com", endpoint(1, { port: 443, tls: true }));
    assert.deepEqual(addresses(registry, "a.com"), ["10.0.0.1:80", "10.0.0.1:443"]);
  });

  it("keeps the failure mark and starts in-flight anew on replacement", () => {
    const { registry, clock } = table();
    const first = endpoint(1);
    registry.register("a.com", first);
    first.inFlight = 3;
    const pool = registry.lookup("a.com", "/")!;
    registry.endpointFailed(pool, first, "dial");
    registry.register("a.com", endpoint(1, { applicationId: "x" }));
    assert.equal(pool.members[0]?.endpoint.inFlight, 0);
    assert.equal(pool.state.isMarked(pool.members[0]!, clock.monotonic(), 30_000), true);
  });

  const thresholds: Array<[given: number, kept: number]> = [
    [0, 120],
    [121, 120],
    [119, 119],
    [-1, -1],
  ];
  for (const [given, kept] of thresholds) {
    it(`caps a stale threshold of ${given} to ${kept}`, () => {
      const { registry } = table();
      registry.register("a.com", endpoint(1, { staleThresholdSeconds: given }));
      assert.equal(registry.lookup("a.com", "/")?.members[0]?.endpoint.staleThresholdSeconds, kept);
    });
  }

  it("counts by component and result, and reports the latency of added ones only (§3.14)", () => {
    const { registry, observer, clock } = table();
    const updatedAtNs = BigInt(clock.now() - 250) * 1_000_000n;
    registry.register("a.com", endpoint(1, { updatedAtNs, tags: new Map([["component", "c"]]) }));
    registry.register("a.com", endpoint(1, { updatedAtNs: updatedAtNs + 1n }));
    registry.register("b.com", endpoint(1));
    assert.deepEqual(observer.take(), [
      "registered c added",
      "latency 250",
      "registered  updated",
      "registered  added",
    ]);
  });

  it("moves the update time of the registry, even when nothing is modified; unregister does not", () => {
    const { registry, clock } = table();
    assert.equal(registry.lastUpdate, -1);
    registry.register("a.com", endpoint(1, { modificationTag: { guid: "g", index: 2 } }));
    clock.advance(10);
    registry.register("a.com", endpoint(1, { modificationTag: { guid: "g", index: 1 } }));
    const now = clock.monotonic();
    assert.equal(registry.lastUpdate, now);
    clock.advance(10);
    registry.unregister("a.com", endpoint(1));
    assert.equal(registry.lastUpdate, now);
  });

  it("takes over the route service URL of the latest registration, an empty one included (§3.7)", () => {
    const { registry } = table();
    registry.register("a.com", endpoint(1, { routeServiceUrl: "https://rs" }));
    assert.equal(registry.lookup("a.com", "/")?.routeServiceUrl, "https://rs");
    registry.register("a.com", endpoint(2));
    assert.equal(registry.lookup("a.com", "/")?.routeServiceUrl, "");
  });
});

describe("modification tags (control-plane §3.5)", () => {
  const tag = (guid: string, index: number) => ({ guid, index });
  const cases = [
    [tag("", 5), tag("g", 1), true],
    [tag("g", 5), tag("", 0), true],
    [tag("g", 5), tag("h", 1), true],
    [tag("g", 5), tag("g", 6), true],
    [tag("g", 5), tag("g", 5), false],
    [tag("g", 5), tag("g", 4), false],
  ] as const;
  for (const [old, next, expected] of cases) {
    it(`${old.guid}${old.index} ${expected ? "gives way to" : "stays before"} ${next.guid}${next.index}`, () => {
      assert.equal(isSucceededBy(old, next), expected);
    });
  }

  it("leaves everything as it was when not succeeded", () => {
    const { registry, clock, log, observer } = table();
    const first = endpoint(1, { modificationTag: tag("g", 2), routeServiceUrl: "https://rs" });
    registry.register("a.com", first);
    const then = clock.monotonic();
    clock.advance(1000);
    log.take();
    observer.take();
    const next = endpoint(1, { modificationTag: tag("g", 1), loadBalancing: "least-connection" });
    assert.equal(registry.register("a.com", next), "unmodified");
    const pool = registry.lookup("a.com", "/");
    assert.equal(pool?.members[0]?.endpoint, first);
    assert.equal(pool?.members[0]?.updatedAt, then);
    assert.equal(pool?.lastChange, then);
    assert.equal(pool?.routeServiceUrl, "https://rs");
    assert.equal(pool?.algorithm, "round-robin");
    assert.deepEqual(log.takeMessages(), ["debug endpoint-not-registered"]);
    assert.equal(observer.take()[0], "registered  unmodified");
  });
});

describe("per-route options (control-plane §3.9)", () => {
  it("switches the pool, sticks when empty, and refuses others", () => {
    const { registry, log } = table();
    const algorithm = () => registry.lookup("a.com", "/")?.algorithm;
    const lines = () => log.take().filter((line) => line.includes("LBAlgorithm"));
    registry.register("a.com", endpoint(1));
    assert.equal(algorithm(), "round-robin");
    registry.register("a.com", endpoint(1, { loadBalancing: "least-connection" }));
    assert.equal(algorithm(), "least-connection");
    assert.deepEqual(lines(), [
      "debug setting-pool-load-balancing-algorithm-to-that-of-an-endpoint " +
        '{"endpointLBAlgorithm":"least-connection","poolLBAlgorithm":"least-connection"}',
    ]);
    registry.register("a.com", endpoint(2, { loadBalancing: "least-connection" }));
    registry.register("a.com", endpoint(3));
    assert.equal(algorithm(), "least-connection");
    assert.deepEqual(lines(), []);
    registry.register("a.com", endpoint(4, { loadBalancing: "Random" }));
    assert.equal(algorithm(), "least-connection");
    assert.deepEqual(lines(), [
      "error invalid-endpoint-load-balancing-algorithm-provided-keeping-pool-lb-algo " +
        '{"endpointLBAlgorithm":"Random","poolLBAlgorithm":"least-connection"}',
    ]);
    registry.register("a.com", endpoint(5, { loadBalancing: "round-robin" }));
    assert.equal(algorithm(), "round-robin");
  });

  it("starts with balancing_algorithm", () => {
    const { registry } = table({ balancing_algorithm: "least-connection" });
    registry.register("a.com", endpoint(1));
    assert.equal(registry.lookup("a.com", "/")?.algorithm, "least-connection");
  });
});

describe("connections of endpoints (data-plane §4.8)", () => {
  it("go to the successor when SAN, TLS and protocol are the same", () => {
    const { registry, forgotten } = table();
    const first = endpoint(1);
    const connections = {};
    registry.register("a.com", first);
    registry.register("b.com", first);
    first.connections = connections;
    const next = endpoint(1, { applicationId: "x" });
    registry.register("a.com", next);
    assert.equal(next.connections, connections);
    assert.equal(first.connections, undefined);
    assert.deepEqual(forgotten, []);
    const later = {};
    first.connections = later;
    registry.register("b.com", next);
    assert.equal(next.connections, connections);
    assert.equal(first.connections, later);
    assert.deepEqual(forgotten, [first]);
  });

  for (const change of [{ serverCertDomainSan: "s" }, { tls: true }, { protocol: "http2" }]) {
    it(`do not when ${Object.keys(change)[0]} changed`, () => {
      const { registry, forgotten } = table();
      const first = endpoint(1);
      first.connections = {};
      registry.register("a.com", first);
      const next = endpoint(1, change);
      registry.register("a.com", next);
      assert.equal(next.connections, undefined);
      assert.deepEqual(forgotten, [first]);
    });
  }

  it("are forgotten when the endpoint left its last pool", () => {
    const { registry, forgotten, clock } = table();
    const shared = endpoint(1);
    registry.register("a.com", shared);
    registry.register("b.com", shared);
    registry.unregister("a.com", endpoint(1));
    assert.deepEqual(forgotten, []);
    clock.advance(120_001);
    registry.prune(clock.monotonic());
    assert.deepEqual(forgotten, [shared]);
  });
});
