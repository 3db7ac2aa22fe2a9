import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Endpoint, type EndpointFields, sameRegistration } from "../../../../src/core/routing/endpoint.ts";
import { KindStore } from "../../../../src/core/routing/endpoint-kind.ts";
import { TextStore } from "../../../../src/core/routing/text-store.ts";

const full = {
  host: "2001:db8::1",
  port: 61_001,
  tls: true,
  serverCertDomainSan: "instance",
  applicationId: "app",
  privateInstanceId: "instance",
  privateInstanceIndex: "3",
  staleThresholdSeconds: 120,
  isolationSegment: "segment",
  availabilityZone: "z1",
  routeServiceUrl: "https://rs",
  updatedAtNs: -(2n ** 63n),
  protocol: "http2",
  loadBalancing: "hash",
  proxyProtocol: "v2",
} as const satisfies EndpointFields;
const hashed = { ...full, hashHeader: "X-Key", hashBalance: 1.5 };
const tags = new Map([
  ["component", "emitter"],
  ["app_id", "app"],
  ["__proto__", "x"],
]);

function said(endpoint: Endpoint): Record<string, unknown> {
  return Object.fromEntries(Object.keys(full).map((key) => [key, endpoint[key as keyof typeof full]]));
}

describe("Endpoint", () => {
  it("says what the registration said, before and after a table keeps it, idle and in use", () => {
    const kinds = new KindStore(new TextStore());
    for (let round = 0; round < 2; round++) {
      const endpoint = new Endpoint({ ...hashed, tags });
      const use = (): void => {
        endpoint.headers = undefined;
      };
      for (const step of [() => {}, () => endpoint.keep(kinds), use]) {
        step();
        assert.deepEqual(said(endpoint), full);
        assert.equal(endpoint.address, "2001:db8::1:61001");
        assert.deepEqual(endpoint.hash, { header: "X-Key", balance: 1.5 });
        assert.deepEqual([...endpoint.tags!], [...tags]);
        assert.equal(endpoint.component, "emitter");
        assert.deepEqual([endpoint.isAt("2001:db8::1:61001"), endpoint.isAt("2001:db8::1:6100")], [true, false]);
      }
    }
  });

  it("has a zero value for what the registration left out", () => {
    const bare = new Endpoint({ host: "h", port: 1 });
    assert.deepEqual([bare.address, bare.updatedAtNs, bare.tags, bare.component], ["h:1", 0n, null, ""]);
    assert.deepEqual([bare.protocol, bare.hash, bare.tls], ["http1", undefined, false]);
    assert.deepEqual([...new Endpoint({ host: "h", port: 1, tags: new Map() }).tags!], []);
  });

  it("says the same as another with the same fields, the zone aside, in whatever order the tags are", () => {
    const endpoint = new Endpoint({ ...hashed, tags });
    const reversed = new Map([...tags].reverse());
    assert.ok(sameRegistration(endpoint, new Endpoint({ ...hashed, availabilityZone: "z2", tags: reversed })));
    assert.ok(sameRegistration(new Endpoint(full), new Endpoint({ ...full, tags: new Map() })));
    for (const change of [
      ...(Object.keys(full) as (keyof typeof full)[])
        .filter((key) => key !== "availabilityZone")
        .map((key) => ({ [key]: undefined, ...(key === "host" && { host: "h" }), ...(key === "port" && { port: 1 }) })),
      { hashHeader: "X-Other" },
      { hashBalance: 0 },
      { tags: null },
      { tags: new Map([...tags, ["more", ""]]) },
      { tags: new Map(tags).set("app_id", "other") },
      { modificationTag: { guid: "g", index: 1 } },
    ]) {
      const other = new Endpoint({ ...hashed, tags, ...(change as object) });
      assert.ok(!sameRegistration(endpoint, other), Object.keys(change).join());
      assert.ok(!sameRegistration(other, endpoint), Object.keys(change).join());
    }
  });

  it("shares what it says with others of its kind that a table keeps", () => {
    const kinds = new KindStore(new TextStore());
    const kind = { tls: true, isolationSegment: "s", availabilityZone: "z", routeServiceUrl: "", protocol: "http1" };
    const rest = { loadBalancing: "", hash: undefined, proxyProtocol: undefined, component: "c" };
    const first = kinds.own({ ...kind, ...rest, tagNames: ["component", "b"] });
    assert.equal(kinds.own({ ...kind, ...rest, tagNames: ["component", "b"] }), first);
    assert.notEqual(kinds.own({ ...kind, ...rest, availabilityZone: "y", tagNames: ["component", "b"] }), first);
    assert.notEqual(kinds.own({ ...kind, ...rest, tagNames: ["component", "c"] }), first);
    assert.equal(kinds.own({ ...kind, ...rest, tagNames: null }).tagNames, null);
  });

  it("says when it was updated in milliseconds, too", () => {
    const stamps = [0n, 5n, 123_456n, -123_456n, 1_745_935_687_123_456_789n, -1_234_567n];
    const ms = stamps.map((updatedAtNs) => new Endpoint({ host: "h", port: 1, updatedAtNs }).updatedAtMs);
    assert.deepEqual(ms, [0, 0.000005, 0.123456, -0.123456, 1_745_935_687_123.4568, -1.234567]);
  });
});
