import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MessageShapes } from "../../../src/bus/message-shapes.ts";
import { decodeRegistryMessage, endpointOf } from "../../../src/bus/messages.ts";
import type { Endpoint } from "../../../src/core/routing/endpoint.ts";

// What is found by the shape of an earlier message must say what decoding it gives, and what decoding refuses must never be
// found: whatever senders there are, and whatever happens to their messages on the way.

const odd = fc.constantFrom(
  "",
  "a\\b",
  '"',
  "\n",
  "\u007f",
  "é",
  "\ud83d\ude00",
  "x".repeat(215),
  "y".repeat(216),
  "/",
);
const text = fc.oneof(
  { weight: 40, arbitrary: fc.constantFrom("guid-1", "guid-2", "10.0.0.1:80", "0", "10.0.0.1") },
  { weight: 2, arbitrary: odd },
  { weight: 1, arbitrary: fc.string({ maxLength: 5 }) },
);
const kindText = (...usual: string[]) =>
  fc.oneof({ weight: 40, arbitrary: fc.constantFrom(...usual) }, { weight: 1, arbitrary: odd });
const written = (...numbers: string[]) => fc.constantFrom(...numbers);
const port = fc.oneof(
  { weight: 40, arbitrary: written("80", "8080", "61001") },
  { weight: 3, arbitrary: written("0", "65535", "65536", "99999", "080", "-1", "-0", "1.0", "1e3", "123456", "null") },
);
const time = fc.oneof(
  { weight: 40, arbitrary: written("1760000000123456789", "1760000000000000001") },
  { weight: 3, arbitrary: written("0", "7", "999999", "1000000", "8999999999999999999") },
  { weight: 2, arbitrary: written("9000000000000000000", "9223372036854775808", "-5", "01", "null") },
);
/** Mostly the first. */
const rarely = (first: string, ...others: string[]) =>
  fc.oneof({ weight: 40, arbitrary: fc.constant(first) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
const json = <Value>(values: fc.Arbitrary<Value>) => values.map((value) => JSON.stringify(value));
const orNull = (values: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 20, arbitrary: values }, { weight: 1, arbitrary: fc.constant("null") });
const uris = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.array(fc.constantFrom("a.com", "B.com/x?y", "*.c.com", "é.com"), { maxLength: 1, minLength: 1 }),
  },
  { weight: 1, arbitrary: fc.array(fc.constantFrom("a.com", "b.com"), { maxLength: 2 }) },
);
const tags = fc.uniqueArray(fc.constantFrom("component", "app_id", "__proto__"), { maxLength: 3 });

/** One sender's messages have the same fields in the same order; the arbitrary gives the text of one of them. */
const fields: ReadonlyMap<string, fc.Arbitrary<string>> = new Map([
  ["host", orNull(json(text))],
  ["port", port],
  ["tls_port", port],
  ["uris", orNull(json(uris))],
  ["app", orNull(json(text))],
  ["private_instance_id", orNull(json(text))],
  ["private_instance_index", orNull(json(text))],
  ["server_cert_domain_san", orNull(json(text))],
  ["stale_threshold_in_seconds", rarely("30", "0", "-1", "500", "1.5")],
  ["isolation_segment", orNull(json(kindText("", "in")))],
  ["availability_zone", orNull(json(kindText("z1", "z2")))],
  ["route_service_url", orNull(json(kindText("", "https://rs", "http://rs")))],
  ["endpoint_updated_at_ns", time],
  ["protocol", orNull(json(kindText("http1", "http2", "")))],
  ["options", rarely("{}", "null", '{"loadbalancing":"hash","hash_header":"X"}', '{"proxy_protocol":"v2"}')],
]);
const usual = ["host", "port", "uris"];
const sender = fc
  .tuple(
    fc.uniqueArray(fc.constantFrom(...fields.keys()), { maxLength: 12 }),
    tags,
    fc.constantFrom("", " ", "\n\t"),
    fc.oneof(
      { weight: 9, arbitrary: fc.constant("") },
      { weight: 1, arbitrary: fc.constantFrom("Host", "app", "tags", "unknown", "\u00e9") },
    ),
  )
  .map(([some, names, white, again]) => {
    const own = [...new Set([...usual, ...some])].map((name) =>
      fields.get(name)!.map((value) => `"${name}":${white}${value}`),
    );
    const tag = names.map((name) => orNull(json(text)).map((value) => `${white}${JSON.stringify(name)}:${value}`));
    const last = fc.tuple(...tag).map((all) => `"tags":{${all.join(",")}}${white}`);
    const extra = again === "" ? [] : [fc.constant(`"${again}":${again === "tags" ? "null" : '"again"'}`)];
    return fc.tuple(...own, last, ...extra).map((all) => `{${all.join(`,${white}`)}}`);
  });
const damage = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }), cut: fc.boolean() });
const seldom = fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: damage });

function broken(bytes: Uint8Array, how: { at: number; byte: number; cut: boolean }): Uint8Array {
  if (how.cut) return bytes.slice(0, how.at % (bytes.length + 1));
  const copy = bytes.slice();
  copy[how.at % copy.length] = how.byte;
  return copy;
}

/** What the message says by the decoder; undefined: nothing that a shape may give. */
function decoded(payload: Uint8Array): { readonly uri: string | undefined; readonly endpoint: Endpoint } | undefined {
  try {
    const message = decodeRegistryMessage(payload);
    return { uri: message.uris.length === 1 ? message.uris[0] : undefined, endpoint: endpointOf(message, true) };
  } catch {
    return undefined;
  }
}

describe("messages of a known shape (control-plane §2.4)", () => {
  it("say what decoding them gives", () => {
    let found = 0;
    let known = 0;
    const stream = fc
      .array(sender, { minLength: 1, maxLength: 3 })
      .chain((senders) => fc.array(fc.tuple(fc.oneof(...senders), seldom), { minLength: 150, maxLength: 150 }));
    fc.assert(
      fc.property(stream, (messages) => {
        const shapes = new MessageShapes();
        for (const [text, how] of messages) {
          const whole = new TextEncoder().encode(text);
          const payload = how !== undefined ? broken(whole, how) : whole;
          // Something lies before and behind it, as in the input that it comes in.
          const input = Uint8Array.of(0x7b, ...payload, 0x7d, 0x0d, 0x0a);
          const expected = decoded(payload);
          if (expected !== undefined) known++;
          if (!shapes.find(input, 1, 1 + payload.length)) {
            if (expected !== undefined) shapes.learn(input, 1, 1 + payload.length, expected.endpoint);
            continue;
          }
          found++;
          assert.ok(expected !== undefined, `found, though it is to be refused: ${JSON.stringify(text)}`);
          assert.equal(shapes.uri, expected.uri);
          assert.deepEqual(shapes.packed.endpoint().resting, expected.endpoint.resting);
          const { updatedAtMs } = expected.endpoint;
          assert.ok(Math.abs(shapes.packed.updatedAtMs - updatedAtMs) <= updatedAtMs * Number.EPSILON);
        }
      }),
      { seed: 3, numRuns: 80 },
    );
    // Or it would say little.
    assert.ok(found * 10 > known, `found ${found} of ${known}`);
  });
});
