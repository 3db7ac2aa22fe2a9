import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { configJsonSchema } from "../../../../src/core/config/json-schema.ts";
import { configShape, type Shape } from "../../../../src/core/config/shape.ts";

type Node = { [key: string]: unknown; properties?: Record<string, Node>; items?: Node };

const schema = configJsonSchema() as Node;
const at = (...path: string[]): Node => path.reduce((node, name) => node.properties![name]!, schema);

function sameKeys(shape: Shape, node: Node): number {
  if (shape.kind === "list") return sameKeys(shape.item, node.items!);
  if (shape.kind === "scalar") return 1;
  assert.deepEqual(Object.keys(node.properties!), [...shape.entries.keys()]);
  return [...shape.entries].reduce((count, [name, entry]) => count + sameKeys(entry, node.properties![name]!), 0);
}

describe("JSON Schema of gorouter.yml", () => {
  it("has every key", () => assert.ok(sameKeys(configShape, schema) > 150));

  it("takes durations as people write them", () => {
    const { type, pattern, default: fallback } = at("endpoint_timeout");
    assert.deepEqual([type, fallback], [["string", "null"], "1m0s"]);
    const duration = new RegExp(pattern as string);
    for (const good of ["0", "5s", "1m30s", "-1.5h", ".5ms", "2\u00b5s"]) assert.match(good, duration);
    for (const bad of ["", "5", "5x", "s"]) assert.doesNotMatch(bad, duration);
  });

  it("names the words of a choice, strings by any scalar, keys that never act", () => {
    assert.deepEqual(at("forwarded_client_cert")["enum"], ["always_forward", "forward", "sanitize_set", null]);
    assert.deepEqual(at("status", "pass")["type"], ["string", "number", "boolean", "null"]);
    assert.equal(at("pid_file")["deprecated"], true);
    assert.equal(at("zone")["deprecated"], undefined);
  });
});
