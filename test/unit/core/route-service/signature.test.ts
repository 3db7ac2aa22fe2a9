import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeBase64 } from "../../../../src/core/route-service/base64.ts";
import { SignatureCipher } from "../../../../src/core/route-service/signature-cipher.ts";

/** The vectors of data-plane §13.3. */
const secret = "tWPE+sWJq+ZnGJpyKkIPYg==";
const nonce = Uint8Array.from({ length: 12 }, (_, index) => index);
const metadata = "eyJub25jZSI6IkFBRUNBd1FGQmdjSUNRb0wifQ==";
const signature =
  "NXCphQ8spdoHNTp0I68nUCoLAbRsI6wgBwPbkBrhco3NgxQKKiifCML10pgZyG6wh7m26B8AocWyTSYl2UfU4XXaAB05WCgPCI4_0Qx-PfAm" +
  "eafIxDbrj_t-fIv9d-T2-6QGVbq1bBDvp8VygLY4L0oQSEKEMA==";
const url = "https://app.example.com/a?x=1&y=2";
const time = "2025-04-01T12:34:56.789Z";

const cipher = new SignatureCipher(secret);
const encoded = (text: string): string => Buffer.from(text).toString("base64url").replace(/.*/, padded);
const padded = (text: string): string => text.padEnd(Math.ceil(text.length / 4) * 4, "=");

/** A signature over any plaintext, made as another implementation would. */
async function sealed(plaintext: string): Promise<string> {
  const bytes = new TextEncoder().encode(secret);
  const password = await crypto.subtle.importKey("raw", bytes, "PBKDF2", false, ["deriveKey"]);
  const derivation = { name: "PBKDF2", hash: "SHA-256", salt: new Uint8Array(0), iterations: 100_001 };
  const algorithm = { name: "AES-GCM", length: 128 };
  const key = await crypto.subtle.deriveKey(derivation, password, algorithm, false, ["encrypt"]);
  const text = new TextEncoder().encode(plaintext);
  const box = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, key, text);
  return padded(Buffer.from(box).toString("base64url"));
}

describe("signatures (data-plane §8.1, §13.3)", () => {
  it("are made as in the vectors", async () => {
    assert.deepEqual(await cipher.sign(url, time, nonce), { signature, metadata });
  });

  it("are read as in the vectors", async () => {
    const contents = await cipher.read({ signature, metadata });
    assert.deepEqual(contents, { forwardedUrl: url, requestedAt: Date.parse(time), requestTime: time });
  });

  it("survive any text in the URL", async () => {
    for (const text of ["http://a/<&>\u2028", 'http://a/"\\\u0001é😀', ""]) {
      assert.equal((await cipher.read(await cipher.sign(text, time, nonce))).forwardedUrl, text);
    }
  });

  it("may have other keys, other spelling, and no time", async () => {
    const both = '{"Forwarded_URL":"http://a/","more":[{}],"REQUESTED_TIME":"2025-04-01T14:34:56.789000001+02:00"}';
    const { requestedAt } = await cipher.read({ signature: await sealed(both), metadata });
    assert.ok(Math.abs(requestedAt - Date.parse(time)) < 0.001);
    const timeless = await cipher.read({ signature: await sealed('{"forwarded_url":"http://a/"}'), metadata });
    assert.equal(timeless.requestedAt, Number.NEGATIVE_INFINITY);
  });

  const faults: readonly [name: string, signature: string, metadata: string, text: string][] = [
    ["no metadata", signature, "", "No metadata found"],
    ["metadata no base64", signature, "eyJ!", "illegal base64 data at input byte 3"],
    ["metadata cut", signature, metadata.slice(0, -1), "illegal base64 data at input byte 39"],
    ["metadata no JSON", signature, encoded("xyz"), "invalid character 'x' looking for beginning of value"],
    ["metadata cut JSON", signature, encoded('{"nonce"'), "unexpected end of JSON input"],
    ["nonce no base64", signature, encoded('{"nonce":"*"}'), "illegal base64 data at input byte 0"],
    ["no nonce", signature, encoded("{}"), "incorrect nonce length"],
    ["short nonce", signature, encoded('{"nonce":"AAAA"}'), "incorrect nonce length"],
    ["signature no base64", "%%%", metadata, "illegal base64 data at input byte 0"],
    ["signature cut", signature.slice(0, 40), metadata, "cipher: message authentication failed"],
    ["signature empty", "", metadata, "cipher: message authentication failed"],
    ["another nonce", signature, encoded('{"nonce":"AAECAwQFBgcICQoM"}'), "cipher: message authentication failed"],
  ];
  for (const [name, given, with_, text] of faults) {
    it(`are refused: ${name}`, async () => {
      await assert.rejects(cipher.read({ signature: given, metadata: with_ }), { message: text });
    });
  }

  it("are refused: another key, swapped halves", async () => {
    const other = await new SignatureCipher("another secret").sign(url, time, nonce);
    await assert.rejects(cipher.read(other), { message: "cipher: message authentication failed" });
    await assert.rejects(cipher.read({ signature: metadata, metadata: signature }), Error);
  });

  it("are refused: contents that cannot be read", async () => {
    for (const [text, reason] of [
      ["x", "invalid character 'x' looking for beginning of value"],
      ['{"forwarded_url":1}', /cannot unmarshal number into Go struct field .*forwarded_url of type string/],
      ["[]", /cannot unmarshal array/],
      ['{"requested_time":1}', "Time.UnmarshalJSON: input is not a JSON string"],
      ['{"requested_time":"now"}', 'parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"'],
      ['{"requested_time":"2025-04-01T12:34:56Zx"}', 'parsing time "2025-04-01T12:34:56Zx": extra text: "x"'],
    ] as const) {
      await assert.rejects(cipher.read({ signature: await sealed(text), metadata }), { message: reason });
    }
  });
});

describe("base64 as Go decodes it (data-plane §8.5)", () => {
  for (const [text, at] of [
    ["A", 0],
    ["AA", 0],
    ["AAA", 0],
    ["AAAAA", 4],
    ["AA=", 3],
    ["AA=A", 2],
    ["A===", 1],
    ["AAAA=", 4],
    ["AAA=A", 4],
    ["AA==A", 4],
    ["AA+A", 2],
    ["AAA\n", 1],
  ] as const) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => decodeBase64(text, "url"), { message: `illegal base64 data at input byte ${at}` });
    });
  }

  it("skips line ends and takes stray low bits", () => {
    assert.deepEqual([...decodeBase64("AA\r\nA=\n", "url")], [0, 0]);
    assert.deepEqual([...decodeBase64("_-==", "url")], [255]);
    assert.deepEqual([...decodeBase64("/+==", "standard")], [255]);
  });
});
