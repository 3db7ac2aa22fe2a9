import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { DivertedInput } from "../../../src/bus/diverted-input.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** What a server says: a line of its own, or a message of subscription 1 (diverted), 2 or 12. */
const operation = fc.oneof(
  fc.constantFrom("PING\r\n", "PONG\r\n", "+OK\r\n", "-ERR 'MSG a 1 3'\r\n", 'INFO {"a":"MSG b 1 2"}\r\n', "MSG\r\n"),
  fc.record({
    verb: fc.constantFrom("MSG ", "msg ", "MSG\t", "HMSG "),
    subject: fc.constantFrom("router.register", "router.unregister", "a"),
    id: fc.constantFrom(1, 2, 12),
    reply: fc.constantFrom("", " _INBOX.x"),
    payload: fc.constantFrom("", "x", "PING\r\n", "MSG a 1 2\r\n", "y".repeat(3000)),
  }),
);

/** The operations as bytes, what of them should be diverted and what should pass. */
function written(operations: readonly (typeof operation extends fc.Arbitrary<infer T> ? T : never)[]) {
  let all = "";
  let passed = "";
  const diverted: string[] = [];
  for (const each of operations) {
    if (typeof each === "string") {
      all += each;
      passed += each;
      continue;
    }
    const { verb, subject, id, reply, payload } = each;
    const headers = verb === "HMSG " ? "NATS/1.0\r\nMSG: 1 2\r\n\r\n" : "";
    const sizes = `${verb === "HMSG " ? ` ${headers.length}` : ""} ${headers.length + payload.length}`;
    const text = `${verb}${subject} ${id}${reply}${sizes}\r\n${headers}${payload}\r\n`;
    all += text;
    if (id === 1) diverted.push(`${subject}${reply} ${payload}`);
    else passed += text;
  }
  return { all, passed, diverted };
}

describe("diverted input", () => {
  it("takes the messages of one subscription out and passes the rest, however the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
        fc.boolean(),
        (operations, cuts, whole) => {
          const { all, passed, diverted } = written(operations);
          let out = "";
          const heard: string[] = [];
          const input = new DivertedInput((bytes) => {
            out += decode(bytes);
          });
          input.divert(1, (subject, reply, bytes, start, end) => {
            heard.push(`${subject}${reply === "" ? "" : ` ${reply}`} ${decode(bytes.subarray(start, end))}`);
          });
          const bytes = encode(all);
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = whole ? bytes.length : cuts[i % cuts.length]! ** 2;
            input.data(bytes.slice(at, at + size));
            at += size;
          }
          assert.equal(out, passed);
          assert.deepEqual(heard, diverted);
        },
      ),
      { seed: 7, numRuns: 400 },
    );
  });

  it("keeps the order between what passes and what is diverted", () => {
    const order: string[] = [];
    const input = new DivertedInput((bytes) => order.push(decode(bytes)));
    input.divert(1, (subject) => order.push(subject));
    input.data(encode("PING\r\nMSG a 1 0\r\n\r\nPONG\r\n+OK\r\nMSG b 1 1\r\nx\r\nMSG c 2 1\r\nx\r\n"));
    assert.deepEqual(order, ["PING\r\n", "a", "PONG\r\n+OK\r\n", "b", "MSG c 2 1\r\nx\r\n"]);
  });

  it("passes what headers there are over: messages with and without keep their order", () => {
    const heard: string[] = [];
    const input = new DivertedInput(() => assert.fail("all are of the subscription"));
    input.divert(1, (subject, reply, bytes, start, end) => {
      heard.push(`${subject} ${reply} ${decode(bytes.subarray(start, end))}`);
    });
    input.data(
      encode("HMSG a 1 12 13\r\nNATS/1.0\r\n\r\nx\r\nMSG b 1 1\r\ny\r\nHMSG c 1 r 12 12\r\nNATS/1.0\r\n\r\n\r\n"),
    );
    assert.deepEqual(heard, ["a  x", "b  y", "c r "]);
  });

  it("passes everything once nothing is diverted any more", () => {
    const passed: string[] = [];
    const input = new DivertedInput((bytes) => passed.push(decode(bytes)));
    input.divert(1, () => assert.fail("no longer"));
    input.divert(1, undefined);
    input.data(encode("MSG a 1 1\r\nx\r\n"));
    assert.deepEqual(passed, ["MSG a 1 1\r\nx\r\n"]);
  });

  it("passes on what is no line of the protocol instead of keeping it", () => {
    let passed = 0;
    const input = new DivertedInput((bytes) => {
      passed += bytes.length;
    });
    const junk = new Uint8Array(256 * 1024).fill(0x78);
    for (let i = 0; i < 8; i++) input.data(junk);
    assert.ok(passed >= 1 << 20);
  });
});
