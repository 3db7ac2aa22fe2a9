import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MessageShapes } from "../../../src/bus/message-shapes.ts";
import { decodeRegistryMessage, endpointOf } from "../../../src/bus/messages.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function message(changes: object = {}): string {
  return JSON.stringify({
    host: "10.0.0.1",
    port: 8080,
    tls_port: 61_001,
    uris: ["a.example.com"],
    app: "app-1",
    private_instance_id: "id-1",
    server_cert_domain_san: "id-1",
    availability_zone: "z1",
    tags: { component: "route-emitter", source_id: "app-1", space: "" },
    ...changes,
  });
}

/** Shapes that have seen these, and decoded what they did not know. */
function after(...texts: string[]): MessageShapes {
  const shapes = new MessageShapes();
  for (const text of texts) {
    const bytes = encode(text);
    if (!shapes.find(bytes, 0, bytes.length))
      shapes.learn(bytes, 0, bytes.length, endpointOf(decodeRegistryMessage(bytes), true));
  }
  return shapes;
}

function finds(shapes: MessageShapes, text: string): boolean {
  const bytes = encode(text);
  return shapes.find(bytes, 0, bytes.length);
}

describe("MessageShapes", () => {
  it("knows a message like the first one, and what it says", () => {
    const shapes = after(message());
    const next = message({ host: "10.0.0.2", tls_port: 61_002, uris: ["B.example.com/x"], app: "app-2" });
    assert.equal(finds(shapes, next), true);
    assert.equal(shapes.uri, "B.example.com/x");
    const endpoint = shapes.packed.endpoint();
    assert.deepEqual(endpoint.resting, endpointOf(decodeRegistryMessage(encode(next)), true).resting);
    assert.equal(endpoint.address, "10.0.0.2:61002");
    assert.deepEqual(
      [...endpoint.tags!],
      [...Object.entries({ component: "route-emitter", source_id: "app-1", space: "" })],
    );
  });

  it("knows a kind of endpoint from the second message on, and keeps to it", () => {
    const other = message({ availability_zone: "z2" });
    const shapes = after(message());
    assert.equal(finds(shapes, other), false);
    assert.equal(finds(after(message(), other), other), true);
    const both = after(message(), other);
    for (const [text, zone] of [
      [message({ app: "x" }), "z1"],
      [other, "z2"],
    ] as const) {
      assert.equal(finds(both, text), true);
      assert.equal(both.packed.endpoint().availabilityZone, zone);
    }
  });

  it("leaves to the decoder what it may refuse, or what differs in more than values", () => {
    const shapes = after(message());
    const known = message();
    const differing = {
      "a port beyond 16 bits": message({ tls_port: 65_536 }),
      "another port beyond 16 bits": message({ port: 65_536 }),
      "no port with TLS": message({ tls_port: 0 }),
      "a leading zero": known.replace("8080", "080"),
      "a fraction": known.replace("8080", "80.5"),
      "an escape": message({ app: "\n" }),
      "a character beyond ASCII": message({ app: "\u00e9" }),
      "a control character": known.replace("app-1", "app\t1"),
      "another field": message({ protocol: "http2" }),
      "another tag": message({ tags: { component: "route-emitter", source_id: "app-1", spice: "" } }),
      "two uris": message({ uris: ["a.com", "b.com"] }),
      "a text that is none": message({ app: 1 }),
      "white space": ` ${known}`,
      "a rest": `${known}}`,
      "no end": known.slice(0, -1),
      nothing: "",
    };
    for (const [what, text] of Object.entries(differing)) assert.equal(finds(shapes, text), false, what);
    assert.equal(finds(shapes, known), true);
  });

  it("takes no shape of what is said twice, or under a name that it does not know", () => {
    const twice = message().replace('"app":', '"host":"x","app":');
    const unknown = message({ spaceship: 1 });
    const folded = message().replace('"host"', '"Host"');
    const sameTag = message().replace('"space"', '"component"');
    const nulls = message({ uris: [null, "a.com"] });
    for (const text of [twice, unknown, folded, sameTag, nulls]) assert.equal(finds(after(text), text), false, text);
  });

  it("keeps the shapes it knows while messages of one of them have to be decoded", () => {
    const others = ["a", "b", "c"].map((name) => message({ tags: { [name]: "x" } }));
    const long = message({ app: "x".repeat(300) });
    const eight = (text: string): string[] => Array.from({ length: 8 }, () => text);
    const shapes = after(message(), ...others.flatMap(eight), ...eight(long), ...eight(long));
    for (const text of [message(), ...others]) assert.equal(finds(shapes, text), true, text);
    assert.equal(finds(shapes, long), false);
  });

  it("knows several shapes, and goes on learning when all places are taken", () => {
    const texts = Array.from({ length: 9 }, (_, i) => message({ tags: { [`tag-${i}`]: "x" } }));
    const shapes = after(...texts.slice(0, 3).flatMap((text) => Array.from({ length: 8 }, () => text)));
    for (const text of texts.slice(0, 3)) assert.equal(finds(shapes, text), true);
    const many = after(...texts.flatMap((text) => Array.from({ length: 8 }, () => text)));
    assert.equal(finds(many, texts.at(-1)!), true);
  });
});
