import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HostPatterns, hostPatternFault } from "../../../../src/core/routing/host-patterns.ts";

describe("host patterns", () => {
  const patterns = new HostPatterns(["DB.example.com", "*.Apps.example.com", "é.example"]);
  const rows: readonly (readonly [host: string, matches: boolean])[] = [
    ["db.example.com", true],
    ["DB.EXAMPLE.COM", true],
    ["x.db.example.com", false],
    ["a.apps.example.com", true],
    ["a.b.Apps.example.com", true],
    ["apps.example.com", false],
    [".apps.example.com", false],
    ["xapps.example.com", false],
    ["\u00c3\u00a9.example", true],
    ["", false],
  ];
  for (const [host, matches] of rows) {
    it(`${JSON.stringify(host)}: ${matches}`, () => assert.equal(patterns.matches(host), matches));
  }

  it("match nothing when there are none", () => assert.equal(new HostPatterns([]).matches("a"), false));

  it("are refused with a reason", () => {
    for (const good of ["a", "a.b", "*.a"]) assert.equal(hostPatternFault(good), undefined);
    assert.match(hostPatternFault("")!, /no host/);
    assert.match(hostPatternFault("*.")!, /no host/);
    assert.match(hostPatternFault("a.*.b")!, /wildcard/);
    assert.match(hostPatternFault("*")!, /wildcard/);
    assert.match(hostPatternFault("a.b/c")!, /without port and path/);
    assert.match(hostPatternFault("a.b:80")!, /without port and path/);
  });
});
