import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseAppInstance, parseProcessInstance } from "../../../../src/core/routing/instance-lookup.ts";
import { endpoint, table } from "./recording.ts";

const guid = "0123abcd-4567-89ab-cdef-0123456789ab";

describe("instance headers (control-plane §3.12)", () => {
  const cases: Array<[value: string, app: string | undefined, process: string | undefined]> = [
    [`${guid}:0`, "0", "0"],
    [`${guid}:0123`, "0123", "0123"],
    [guid, undefined, ""],
    [`${guid}:`, undefined, undefined],
    [`${guid}:x`, undefined, undefined],
    [`${guid}:1x`, undefined, undefined],
    [`${guid}:1\n`, undefined, undefined],
    [`${guid};1`, undefined, undefined],
    [`${guid.toUpperCase()}:1`, undefined, undefined],
    [` ${guid}:1`, undefined, undefined],
    [`${guid.slice(1)}:1`, undefined, undefined],
    [`${guid.slice(0, -1)}g:1`, undefined, undefined],
    [`${guid.replace("-", "0")}:1`, undefined, undefined],
    ["", undefined, undefined],
  ];
  for (const [value, app, process] of cases) {
    it(JSON.stringify(value), () => {
      assert.deepEqual(parseAppInstance(value), app === undefined ? undefined : { guid, index: app });
      assert.deepEqual(parseProcessInstance(value), process === undefined ? undefined : { guid, index: process });
    });
  }
});

/** Two processes of an app: instances 0 and 1 of p, 0 of q, and a second address for instance 1 of p. */
function instances() {
  const parts = table();
  const instance = (n: number, process: string, index: string) =>
    endpoint(n, { applicationId: guid, privateInstanceIndex: index, tags: new Map([["process_id", process]]) });
  parts.registry.register("a.com/ctx", instance(1, guid, "0"));
  parts.registry.register("a.com/ctx", instance(2, guid, "1"));
  parts.registry.register("a.com/ctx", instance(3, "q", "2"));
  parts.registry.register("a.com/ctx", instance(4, guid, "1"));
  parts.registry.register(
    "a.com/ctx",
    endpoint(5, { routeServiceUrl: "https://rs", loadBalancing: "least-connection" }),
  );
  return parts;
}

describe("instance lookup (control-plane §3.12)", () => {
  const found = (pool: { members: readonly { endpoint: { host: string } }[] } | undefined) =>
    pool?.members.map((member) => member.endpoint.host);

  it("by app id and index gives one endpoint, the last", () => {
    const { registry } = instances();
    const lookup = (index: string) => found(registry.lookupAppInstance("a.com", "/ctx", { guid, index }));
    assert.deepEqual(lookup("0"), ["10.0.0.1"]);
    assert.deepEqual(lookup("1"), ["10.0.0.4"]);
    assert.deepEqual(lookup("2"), ["10.0.0.3"]);
    assert.equal(lookup("3"), undefined);
    assert.equal(lookup("00"), undefined);
  });

  it("by process gives all endpoints, or those with the index", () => {
    const { registry } = instances();
    const lookup = (index: string) => found(registry.lookupProcessInstance("a.com", "/ctx", { guid, index }));
    assert.deepEqual(lookup(""), ["10.0.0.1", "10.0.0.2", "10.0.0.4"]);
    assert.deepEqual(lookup("1"), ["10.0.0.2", "10.0.0.4"]);
    assert.equal(lookup("2"), undefined);
  });

  it("finds nothing on an unknown route", () => {
    const { registry } = instances();
    assert.equal(registry.lookupAppInstance("b.com", "/", { guid, index: "0" }), undefined);
    assert.equal(registry.lookupProcessInstance("b.com", "/", { guid, index: "" }), undefined);
  });

  it("inherits host, context path, algorithm and route service, shares endpoints but not marks", () => {
    const { registry, clock } = instances();
    const real = registry.lookup("a.com", "/ctx")!;
    registry.endpointFailed(real, real.members[0]!.endpoint, "dial");
    const fresh = registry.lookupProcessInstance("a.com", "/ctx", { guid, index: "" })!;
    assert.deepEqual(
      [fresh.host, fresh.contextPath, fresh.algorithm, fresh.routeServiceUrl, fresh.settings],
      ["a.com", "/ctx", "least-connection", "https://rs", real.settings],
    );
    assert.equal(fresh.members[0]?.endpoint, real.members[0]?.endpoint);
    assert.equal(fresh.state.isMarked(fresh.members[0]!, clock.monotonic(), 30_000), false);
  });

  it("failures there neither prune nor mark the real pool (data-plane §1.4.11)", () => {
    const { registry, clock, forgotten } = table();
    registry.register("a.com", endpoint(1, { applicationId: guid, privateInstanceIndex: "0", tls: true }));
    registry.register("a.com", endpoint(2, { applicationId: guid, privateInstanceIndex: "1" }));
    for (const index of ["0", "1"]) {
      const fresh = registry.lookupAppInstance("a.com", "/", { guid, index })!;
      registry.endpointFailed(fresh, fresh.members[0]!.endpoint, "dial");
    }
    const real = registry.lookup("a.com", "/")!;
    assert.equal(real.size, 2);
    for (const member of real.members) assert.equal(real.state.isMarked(member, clock.monotonic(), 30_000), false);
    assert.deepEqual(forgotten, []);
  });
});
