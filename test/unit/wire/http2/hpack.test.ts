import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HpackDecoder } from "../../../../src/wire/http2/hpack-decoder.ts";
import { encodeField, encodeStatic, encodeStatus } from "../../../../src/wire/http2/hpack-encoder.ts";
import { canonicalName } from "../../../../src/wire/http2/hpack-field.ts";
import { huffmanDecode } from "../../../../src/wire/http2/huffman.ts";
import { bytesOf, textOf } from "../../../fixtures/memory-stream.ts";

const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.replaceAll(" ", "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

const decoder = (maxList = 65_536): HpackDecoder =>
  new HpackDecoder((bytes, start, end) => textOf(bytes.subarray(start, end)), maxList);

function decoded(from: HpackDecoder, block: Uint8Array): [string, string][] {
  from.decode(block);
  return from.fields.map(({ name, value }) => [name, value]);
}

describe("Huffman code (RFC 7541 appendix B)", () => {
  for (const [code, text] of [
    ["f1e3c2e5f23a6ba0ab90f4ff", "www.example.com"],
    ["a8eb10649cbf", "no-cache"],
    ["25a849e95ba97d7f", "custom-key"],
    ["25a849e95bb8e8b4bf", "custom-value"],
    ["6402", "302"],
    ["aec3771a4b", "private"],
    ["d07abe941054d444a8200595040b8166e082a62d1bff", "Mon, 21 Oct 2013 20:13:21 GMT"],
    ["9d29ad171863c78f0b97c8e9ae82ae43d3", "https://www.example.com"],
    ["", ""],
  ] as const) {
    it(`reads "${text}"`, () => {
      const bytes = hex(code);
      assert.equal(huffmanDecode(bytes, 0, bytes.length), text);
    });
  }

  for (const [what, code] of [
    ["padding of zeros", "00"],
    ["padding of a byte", "64ffff"],
    ["EOS", "ffffffff"],
  ] as const) {
    it(`refuses ${what}`, () => {
      const bytes = hex(code);
      assert.equal(huffmanDecode(bytes, 0, bytes.length), undefined);
    });
  }
});

describe("HPACK decoder (RFC 7541 appendix C)", () => {
  const request: [string, string][] = [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "www.example.com"],
  ];

  for (const [what, blocks] of [
    [
      "without Huffman code (C.3)",
      [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
      ],
    ],
    [
      "with it (C.4)",
      [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
      ],
    ],
  ] as [string, string[]][]) {
    it(`reads three requests ${what}`, () => {
      const table = decoder();
      assert.deepEqual(decoded(table, hex(blocks[0]!)), request);
      assert.deepEqual(decoded(table, hex(blocks[1]!)), [...request, ["cache-control", "no-cache"]]);
      assert.deepEqual(decoded(table, hex(blocks[2]!)), [
        [":method", "GET"],
        [":scheme", "https"],
        [":path", "/index.html"],
        [":authority", "www.example.com"],
        ["custom-key", "custom-value"],
      ]);
    });
  }

  it("evicts what its table cannot hold, and takes a smaller bound", () => {
    const table = decoder();
    const big = bytesOf(`\x40\x01a\x7f\x81\x0f${"x".repeat(2048)}`);
    table.decode(big);
    table.decode(bytesOf(`\x40\x01b\x7f\x81\x0f${"y".repeat(2048)}`));
    assert.equal(decoded(table, hex("be"))[0]![0], "b");
    assert.throws(() => table.decode(hex("bf")), /COMPRESSION_ERROR/);
    table.decode(hex("20"));
    assert.throws(() => table.decode(hex("be")), /COMPRESSION_ERROR/);
  });

  it("keeps its table right over many evictions", () => {
    const table = decoder();
    const insert = (value: string): void => table.decode(bytesOf(`\x40\x01n\x08${value.padEnd(8)}`));
    insert("first");
    for (let at = 0; at < 1000; at++) {
      insert(`v${at}`);
      const [newest, before] = decoded(table, hex("be bf"));
      assert.deepEqual([newest![1], before![1]], [`v${at}`.padEnd(8), (at === 0 ? "first" : `v${at - 1}`).padEnd(8)]);
    }
  });

  it("says when the fields are more than its bound, and reads the next block all the same", () => {
    const table = decoder(100);
    const block = bytesOf(`\x40\x01a\x01b\0\x01c\x40${"d".repeat(64)}\0\x01e\x01f`);
    assert.deepEqual(decoded(table, block), [["a", "b"]]);
    assert.equal(table.tooLarge, true);
    assert.deepEqual(decoded(table, hex("be")), [["a", "b"]]);
    assert.equal(table.tooLarge, false);
  });

  for (const [what, block] of [
    ["index 0", "80"],
    ["an index behind the table", "be"],
    ["an integer without end", "ffffffffffffffff"],
    ["an integer that is cut off", "ff80"],
    ["a name that is cut off", "000561"],
    ["a value that is missing", "000161"],
    ["a size update behind a field", "8220"],
    ["a table of 4097 bytes", "3fe21f"],
    ["a bad Huffman code", "0001618100"],
  ] as const) {
    it(`refuses ${what}`, () => assert.throws(() => decoder().decode(hex(block)), /COMPRESSION_ERROR/));
  }
});

describe("HPACK encoder", () => {
  it("writes what the decoder reads", () => {
    const fields: [string, string][] = [
      [":status", "200"],
      [":status", "299"],
      [":path", "/"],
      ["Content-Type", "text/plain"],
      ["X-Long", "v".repeat(100_000)],
      ["ETag", ""],
      ["n".repeat(300), "\xff\t"],
    ];
    const block = fields
      .map(([name, value]) =>
        name === ":status"
          ? encodeStatus(Number(value))
          : name === ":path"
            ? encodeStatic(name, value)
            : encodeField(name, value),
      )
      .join("");
    assert.deepEqual(
      decoded(decoder(1 << 20), bytesOf(block)),
      fields.map(([name, value]) => [name.toLowerCase(), value]),
    );
    assert.equal(encodeStatus(200), "\x88");
    assert.equal(encodeStatic(":path", "/"), "\x84");
  });
});

describe("canonical names (data-plane §5.2)", () => {
  for (const [name, spelled] of [
    ["x-cf-applicationid", "X-Cf-Applicationid"],
    ["etag", "Etag"],
    ["x_foo", "X_foo"],
    ["-a--b", "-A--B"],
    ["te", "Te"],
  ] as const) {
    it(`${name} becomes ${spelled}`, () => assert.equal(canonicalName(name), spelled));
  }
});
