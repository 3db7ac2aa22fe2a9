import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { endpoint, table } from "./recording.ts";

/** Registers every uri and looks one request up; the answer is the key of the pool found. */
function lookup(uris: string[], host: string, path: string, empty: string[] = []): string | undefined {
  const { registry } = table({ empty_pool_response_code_503: true, empty_pool_timeout: 1000 });
  for (const uri of [...uris, ...empty]) registry.register(uri, endpoint(1));
  for (const uri of empty) registry.unregister(uri, endpoint(1));
  return registry.lookup(host, path)?.key;
}

describe("lookup (control-plane §3.3)", () => {
  const cases: Array<[name: string, uris: string[], host: string, path: string, key: string | undefined]> = [
    ["host", ["a.com"], "a.com", "/", "a.com"],
    ["host, any path", ["a.com"], "a.com", "/x/y", "a.com"],
    ["host, no path", ["a.com"], "a.com", "", "a.com"],
    ["host in upper case", ["a.com"], "A.COM", "/", "a.com"],
    ["host registered in upper case", ["A.com"], "a.com", "/", "a.com"],
    ["host of UTF-8 bytes", ["Ä.com"], "\xc3\x84.com", "/", "ä.com"],
    ["unknown host", ["a.com"], "b.com", "/", undefined],
    ["target *", ["a.com"], "a.com", "*", undefined],
    ["path", ["a.com", "a.com/x"], "a.com", "/x", "a.com/x"],
    ["path, upper case", ["a.com", "a.com/x"], "a.com", "/X/y", "a.com/x"],
    ["path, trailing slash", ["a.com", "a.com/x"], "a.com", "/x/", "a.com/x"],
    ["path, two trailing slashes", ["a.com", "a.com/x"], "a.com", "/x//", "a.com/x"],
    ["whole segments only", ["a.com", "a.com/x"], "a.com", "/xy", "a.com"],
    ["longest prefix", ["a.com", "a.com/x", "a.com/x/y/z"], "a.com", "/x/y/q", "a.com/x"],
    ["empty segment is a segment", ["a.com", "a.com/x"], "a.com", "//x", "a.com"],
    ["empty segment registered", ["a.com", "a.com//x"], "a.com", "//x", "a.com//x"],
    ["path only", ["a.com/x"], "a.com", "/y", undefined],
    ["escapes are not decoded", ["a.com/%41"], "a.com", "/A", undefined],
    ["escapes without case", ["a.com/%c3"], "a.com", "/%C3", "a.com/%c3"],
    ["wildcard", ["*.com"], "a.com", "/", "*.com"],
    ["wildcard, several labels", ["*.com"], "a.b.c.com", "/p", "*.com"],
    ["wildcard needs a label", ["*.com"], "com", "/", undefined],
    ["more labels win", ["*.com", "*.b.com"], "a.b.com", "/", "*.b.com"],
    ["exact host beats wildcard", ["*.b.com", "a.b.com"], "a.b.com", "/", "a.b.com"],
    ["exact host with another path does not", ["*.b.com", "a.b.com/x"], "a.b.com", "/y", "*.b.com"],
    ["wildcard with path", ["*.com", "*.com/x"], "a.com", "/x/y", "*.com/x"],
    ["wildcard with another path, fewer labels", ["*.com", "*.b.com/x"], "a.b.com", "/y", "*.com"],
    ["wildcard, upper case", ["*.com"], "A.COM", "/", "*.com"],
    ["literal *", ["*.com"], "*.com", "/", "*.com"],
    ["literal * with labels", ["*.b.com", "*.com"], "*.b.com", "/", "*.b.com"],
    ["leading *. is stripped first", ["*.com"], "*.b.com", "/", "*.com"],
    ["dots of the path are consumed", ["*.2/x"], "localhost", "/v1.2/x", "*.2/x"],
    ["dots of the path, deeper", ["*.2"], "localhost", "/v1.2/x", "*.2"],
    ["empty key", [""], "", "/", ""],
    ["slash key", ["/"], "", "/", ""],
    ["no host: the path's first segment", ["x"], "", "/x", "x"],
    ["key with leading slash", ["/a.com/x"], "a.com", "/x", "a.com/x"],
    ["wildcard of nothing", ["*."], "a.", "/", "*."],
  ];
  for (const [name, uris, host, path, key] of cases) {
    it(name, () => assert.equal(lookup(uris, host, path), key));
  }

  it("prefers a non-empty pool further up", () => {
    assert.equal(lookup(["a.com"], "a.com", "/x/y", ["a.com/x"]), "a.com");
  });
  it("returns the empty pool of the last node reached", () => {
    assert.equal(lookup([], "a.com", "/x/y", ["a.com/x"]), "a.com/x");
  });
  it("finds nothing when the last node has no pool, though one before has an empty one", () => {
    assert.equal(lookup(["a.com/x/y"], "a.com", "/x/z", ["a.com"]), undefined);
  });
  it("lets a retained empty pool hide a wildcard (§3.3 quirk)", () => {
    assert.equal(lookup(["*.com"], "a.com", "/", ["a.com"]), "a.com");
  });
  it("survives removal of the plain host beside its wildcard", () => {
    const { registry } = table();
    registry.register("*.b.com", endpoint(1));
    registry.register("b.com", endpoint(1));
    registry.unregister("b.com", endpoint(1));
    assert.equal(registry.lookup("a.b.com", "/")?.key, "*.b.com");
    registry.unregister("*.b.com", endpoint(1));
    assert.equal(registry.lookup("a.b.com", "/"), undefined);
  });
  it("reports its duration", () => {
    const { registry, observer } = table();
    registry.lookup("a.com", "/");
    assert.deepEqual(observer.take(), ["looked up 0"]);
  });
  it("counts pools and distinct addresses (§3.2), and lists routes in bytewise order", () => {
    const { registry } = table();
    for (const uri of ["b.com", "a.com/x", "a.com"]) registry.register(uri, endpoint(1));
    registry.register("b.com", endpoint(2));
    assert.equal(registry.totalRoutes, 3);
    assert.equal(registry.endpointCount, 2);
    assert.deepEqual(
      registry.routes().map(([key]) => key),
      ["a.com", "a.com/x", "b.com"],
    );
  });
});
