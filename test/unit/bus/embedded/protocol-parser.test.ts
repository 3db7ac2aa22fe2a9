import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ProtocolError, type ProtocolHandler, ProtocolParser } from "../../../../src/bus/embedded/protocol-parser.ts";

const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

class Heard implements ProtocolHandler {
  readonly calls: string[] = [];
  connect(json: string): void {
    this.calls.push(`connect ${json}`);
  }
  publish(subject: string, reply: string, headers: Uint8Array | undefined, payload: Uint8Array): void {
    const block = headers === undefined ? "-" : JSON.stringify(latin1(headers));
    this.calls.push(`publish ${subject} (${reply}) ${block} ${JSON.stringify(latin1(payload))}`);
  }
  subscribe(subject: string, queue: string, id: string): void {
    this.calls.push(`subscribe ${subject} (${queue}) ${id}`);
  }
  unsubscribe(id: string, max: number): void {
    this.calls.push(`unsubscribe ${id} ${max}`);
  }
  ping(): void {
    this.calls.push("ping");
  }
  pong(): void {
    this.calls.push("pong");
  }
}

const input =
  'CONNECT {"user": "a b"}\r\nPING\r\npong\nSUB a.* 1\r\nSUB\tb  workers   2 \r\nUNSUB 1\r\nUNSUB 2 5\r\n' +
  "PUB a 0\r\n\r\npub a.b reply.to 6\r\nx\r\ny\r\n\r\nHPUB h 12 14\r\nNATS/1.0\r\n\r\nhi\r\nHPUB h r 12 12\r\nNATS/1.0\r\n\r\n\r\n";
const expected = [
  'connect {"user": "a b"}',
  "ping",
  "pong",
  "subscribe a.* () 1",
  "subscribe b (workers) 2",
  "unsubscribe 1 0",
  "unsubscribe 2 5",
  'publish a () - ""',
  'publish a.b (reply.to) - "x\\r\\ny\\r\\n"',
  'publish h () "NATS/1.0\\r\\n\\r\\n" "hi"',
  'publish h (r) "NATS/1.0\\r\\n\\r\\n" ""',
];

describe("parser of the NATS protocol", () => {
  it("reads every operation, split at every place", () => {
    const bytes = new TextEncoder().encode(input);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const heard = new Heard();
      const parser = new ProtocolParser(heard, 1024);
      parser.parse(bytes.slice(0, cut));
      parser.parse(bytes.slice(cut));
      assert.deepEqual(heard.calls, expected, `cut at ${cut}`);
    }
  });

  it("reads byte by byte", () => {
    const heard = new Heard();
    const parser = new ProtocolParser(heard, 1024);
    for (const byte of new TextEncoder().encode(input)) parser.parse(new Uint8Array([byte]));
    assert.deepEqual(heard.calls, expected);
  });

  for (const [text, message] of [
    ["GET / HTTP/1.1\r\n", "Unknown Protocol Operation"],
    ["G", "Unknown Protocol Operation"],
    ["\r\n", "Unknown Protocol Operation"],
    ["PUBX a 1\r\n", "Unknown Protocol Operation"],
    ["PUB a\r\n", "Parser Error"],
    ["PUB a b c 1\r\n", "Parser Error"],
    ["PUB a -1\r\n", "Parser Error"],
    ["PUB a 9999999999\r\n", "Parser Error"],
    ["PUB a 1025\r\n", "Maximum Payload Violation"],
    ["HPUB a 5 4\r\n", "Parser Error"],
    ["HPUB a 5\r\n", "Parser Error"],
    ["PUB a 1\r\nxy\r\n", "Parser Error"],
    ["SUB a\r\n", "Parser Error"],
    ["SUB a b c d\r\n", "Parser Error"],
    ["UNSUB\r\n", "Parser Error"],
    [`PING ${" ".repeat(5000)}`, "Maximum Control Line Exceeded"],
  ] as const) {
    it(`refuses ${JSON.stringify(text.slice(0, 30))}: ${message}`, () => {
      const parser = new ProtocolParser(new Heard(), 1024);
      assert.throws(() => parser.parse(new TextEncoder().encode(text)), new ProtocolError(message));
    });
  }
});
