import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { slotOf, tableSlots } from "../../../../src/core/balancing/maglev.ts";
import { selectEndpoint } from "../../../../src/core/balancing/select.ts";
import { Selection } from "../../../../src/core/balancing/selection.ts";
import { Endpoint, sameRegistration } from "../../../../src/core/routing/endpoint.ts";
import type { RegistrySettings } from "../../../../src/core/routing/registry-parts.ts";
import { addresses, endpoint, table } from "../routing/recording.ts";
import { route } from "./pools.ts";

const header = "X-Tenant";

function hashRoute(names: string, balance = 0, settings: Partial<RegistrySettings> = {}) {
  const balancing = route(names, settings, () => ({
    loadBalancing: "hash",
    hashHeader: header,
    hashBalance: balance,
  }));
  balancing.log.take();
  return balancing;
}

/** A request with that header value. */
function request(value: string): Selection {
  const selection = new Selection();
  selection.hashSlot = slotOf(value);
  return selection;
}

const values = Array.from({ length: 60 }, (_, i) => `tenant-${i}`);

describe("hash-based routing (control-plane §9.1)", () => {
  it("gives a value always to the same endpoint, and values to all endpoints", () => {
    const { attempt } = hashRoute("ABC");
    const chosen = values.map((value) => attempt(request(value)));
    assert.deepEqual(
      values.map((value) => attempt(request(value))),
      chosen,
    );
    assert.deepEqual([...new Set(chosen)].sort(), ["A", "B", "C"]);
  });

  it("does not depend on the order of registration", () => {
    const one = hashRoute("ABC");
    const other = hashRoute("CBA");
    for (const value of values) assert.equal(one.attempt(request(value)), other.attempt(request(value)));
  });

  it("goes on with the next endpoints on retries, none twice while another is untried", () => {
    const { attempts } = hashRoute("ABCD");
    for (const value of values) {
      const tried = attempts(4, request(value));
      assert.equal([...tried].sort().join(""), "ABCD");
      assert.match(attempts(5, request(value)), new RegExp(`^${tried}[A-D]!$`));
    }
  });

  it("passes over an endpoint at max_conns, and says so", () => {
    const { attempt, load, log } = hashRoute("AB", 0, { backends: { max_conns: 2 } });
    const value = values.find((each) => attempt(request(each)) === "A")!;
    load("A", 2);
    assert.equal(attempt(request(value)), "B");
    assert.deepEqual(log.take(), ['info hash-based-routing-endpoint-overloaded {"host":"a.com","endpoint-id":"A"}']);
    load("B", 2);
    assert.equal(attempt(request(value)), "-");
    assert.equal(
      log.take().at(-1),
      'error hash-based-routing-failed {"host":"a.com","error":"all endpoints are overloaded"}',
    );
  });

  it("passes over an endpoint above the factor times the average, and says so", () => {
    const { attempt, load, log } = hashRoute("AB", 1.5);
    const value = values.find((each) => attempt(request(each)) === "A")!;
    load("A", 3);
    load("B", 1);
    assert.equal(attempt(request(value)), "A", "3 / 2 is not above 1.5");
    load("A", 4);
    assert.equal(attempt(request(value)), "B");
    assert.deepEqual(log.take(), ['debug hash-based-routing-endpoint-imbalanced {"host":"a.com","endpoint-id":"A"}']);
  });

  it("without a factor takes any load", () => {
    const { attempt, load } = hashRoute("AB");
    const value = values.find((each) => attempt(request(each)) === "A")!;
    load("A", 1000);
    assert.equal(attempt(request(value)), "A");
  });

  it("takes the only endpoint as it is, and knows an empty pool", () => {
    const { attempt, load, remove } = hashRoute("A", 1.1);
    load("A", 100);
    assert.equal(attempt(request("x")), "A");
    remove("A");
    assert.equal(attempt(request("x")), "-");
  });

  it("ignores zones and failure marks", () => {
    const { attempt, mark } = hashRoute("ABC", 0, { balancing_algorithm_az_preference: "locally-optimistic" });
    const chosen = attempt(request("x"));
    mark(chosen);
    assert.equal(attempt(request("x")), chosen);
  });

  it("a session wins, and its retry begins at the value's slot", () => {
    const { attempt } = hashRoute("ABC");
    const selection = request("x");
    const own = attempt(request("x"));
    selection.stickyId = own === "A" ? "B" : "A";
    assert.equal(attempt(selection), selection.stickyId);
    assert.equal(attempt(selection), own);
  });

  it("a request without the header gets the default algorithm", () => {
    assert.equal(hashRoute("ABC").requests(4), "ABCA");
    const { attempt, load } = hashRoute("AB", 0, { balancing_algorithm: "least-connection" });
    load("A", 1);
    for (let i = 0; i < 5; i++) assert.equal(attempt(new Selection()), "B");
  });

  it("follows endpoints that come and go", () => {
    const { attempt, add, remove } = hashRoute("AB");
    const before = values.map((value) => attempt(request(value)));
    add("C");
    const with3 = values.map((value) => attempt(request(value)));
    assert.ok(with3.includes("C"));
    remove("C");
    assert.deepEqual(
      values.map((value) => attempt(request(value))),
      before,
    );
  });

  it("tells endpoints without instance id by their addresses", () => {
    const { registry } = table();
    const options = { loadBalancing: "hash", hashHeader: header };
    for (const n of [1, 2, 3]) registry.register("a.com", endpoint(n, options));
    const pool = registry.lookup("a.com", "/")!;
    const chosen = values.map((value) => selectEndpoint(pool, request(value), 0)?.address);
    assert.deepEqual([...new Set(chosen)].sort(), addresses(registry, "a.com"));
  });
});

describe("registration for hash-based routing (control-plane §9.1)", () => {
  const fields = { loadBalancing: "hash", hashHeader: header, hashBalance: 2 };

  it("keeps header and factor with the algorithm and a header name only; they make endpoints differ", () => {
    assert.deepEqual(endpoint(1, fields).hash, { header, balance: 2 });
    assert.equal(endpoint(1, { ...fields, loadBalancing: "round-robin" }).hash, undefined);
    assert.equal(endpoint(1, { ...fields, hashHeader: "" }).hash, undefined);
    const differs = (more: object) =>
      !sameRegistration(endpoint(1, fields), new Endpoint({ host: "10.0.0.1", port: 80, ...fields, ...more }));
    assert.deepEqual(
      [differs({}), differs({ hashHeader: "Y" }), differs({ hashBalance: 3 }), differs({ loadBalancing: "" })],
      [false, true, true, true],
    );
  });

  it("switches the pool, follows later options, and forgets them when the pool is switched away", () => {
    const { registry } = table();
    registry.register("a.com", endpoint(1, fields));
    const pool = registry.lookup("a.com", "/")!;
    assert.deepEqual([pool.algorithm, pool.hash?.header, pool.hash?.balance], ["hash", header, 2]);
    registry.register("a.com", endpoint(2, { ...fields, hashHeader: "Y", hashBalance: 0 }));
    assert.deepEqual([pool.hash?.header, pool.hash?.balance], ["Y", 0]);
    registry.register("a.com", endpoint(3, { loadBalancing: "round-robin" }));
    assert.deepEqual([pool.algorithm, pool.hash], ["round-robin", undefined]);
  });

  it("makes a hash pool without options of an endpoint that names no header", () => {
    const { registry } = table();
    registry.register("a.com", endpoint(1, { loadBalancing: "hash" }));
    const pool = registry.lookup("a.com", "/")!;
    assert.deepEqual([pool.algorithm, pool.hash], ["hash", undefined]);
  });

  it("warns when there are more endpoints than slots", () => {
    const { registry, log } = table();
    for (let i = 0; i <= tableSlots; i++) {
      registry.register(
        "a.com",
        new Endpoint({ host: "10.0.0.1", port: i + 1, privateInstanceId: `i${i}`, ...fields }),
      );
    }
    log.take();
    assert.ok(selectEndpoint(registry.lookup("a.com", "/")!, request("x"), 0));
    const data = { host: "a.com", endpoints: tableSlots + 1, slots: tableSlots };
    assert.deepEqual(log.take(), [`warn maglev-add-lookuptable-capacity-exceeded ${JSON.stringify(data)}`]);
  });
});
