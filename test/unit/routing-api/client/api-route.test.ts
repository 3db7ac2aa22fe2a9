import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isLeased } from "../../../../src/core/routing/endpoint.ts";
import { leasedEndpoint, loggedApiRoute, readApiRoute } from "../../../../src/routing-api/client/api-route.ts";

const full = {
  route: "a.test/p",
  port: 8080,
  ip: "10.0.0.5",
  ttl: 60,
  log_guid: "g",
  route_service_url: "http://any.test",
  modification_tag: { guid: "t", index: 3 },
};

describe("routes of the Routing API (control-plane §7.1, §7.4)", () => {
  it("all fields, in the order that logs have", () => {
    const route = readApiRoute({ ...full, other: [1] });
    assert.equal(JSON.stringify(loggedApiRoute(route)), JSON.stringify(full));
    const endpoint = leasedEndpoint(route);
    assert.equal(endpoint.address, "10.0.0.5:8080");
    assert.equal(endpoint.applicationId, "g");
    assert.equal(endpoint.serverCertDomainSan, "g");
    assert.equal(endpoint.staleThresholdSeconds, 60);
    assert.equal(endpoint.routeServiceUrl, "http://any.test");
    assert.equal(endpoint.tls, false);
    assert.equal(endpoint.protocol, "");
    assert.equal(isLeased(endpoint), true);
  });

  it("absent and null are empty", () => {
    const route = readApiRoute({ route: "a.test", ip: "10.0.0.5", ttl: null, log_guid: null, modification_tag: null });
    assert.equal(
      JSON.stringify(loggedApiRoute(route)),
      '{"route":"a.test","port":0,"ip":"10.0.0.5","ttl":null,"log_guid":"","modification_tag":{"guid":"","index":0}}',
    );
    assert.equal(isLeased(leasedEndpoint(route)), true);
    assert.equal(leasedEndpoint(route).staleThresholdSeconds, 0);
    assert.equal(loggedApiRoute(readApiRoute({ route: "a.test", ip: "10.0.0.5", ttl: 0 }))["ttl"], 0);
    assert.equal(loggedApiRoute(readApiRoute({ route: "a.test", ip: "10.0.0.5" }))["ttl"], null);
  });

  for (const [changes, message] of [
    [{ port: 65536 }, "port is no whole number from 0 to 65535: 65536"],
    [{ port: "1" }, 'port is no whole number from 0 to 65535: "1"'],
    [{ ttl: 1.5 }, /^ttl is no whole number/],
    [{ ip: 4 }, "ip is no text: 4"],
    [{ ip: "" }, /^ip is empty: \{"route":"a.test/],
    [{ route: "" }, /^route is empty/],
    [{ modification_tag: [] }, "modification_tag is no object: []"],
    [{ modification_tag: { index: -1 } }, "index is no whole number from 0 to 4294967295: -1"],
  ] as const) {
    it(`${JSON.stringify(changes)} is refused`, () => {
      assert.throws(() => readApiRoute({ ...full, ...changes }), { message });
    });
  }
  it("what is no object is refused", () => {
    for (const value of [null, 1, "x", [full]]) assert.throws(() => readApiRoute(value), /^Error: route is no object/);
  });
});
