import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { bytesOf } from "../../fixtures/memory-stream.ts";
import { createServerRig, readAll, textResponse, undated } from "../../fixtures/server-rig.ts";

const chunked = "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

/** What clients send on one connection. */
const conversations: Readonly<Record<string, string>> = {
  "two GETs": "GET /1 HTTP/1.1\r\nHost: a.b\r\nX-Y: z\r\n\r\nGET /2 HTTP/1.1\r\nHost: a.b\r\n\r\n",
  "Content-Length, then HEAD":
    "PUT /l HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello\r\n\r\nabHEAD /h HTTP/1.1\r\nHost: a\r\n\r\n",
  "chunked with extension and trailer, then GET": `${chunked}3;a=b\r\nabc\r\n0a\r\n0123456789\r\n0\r\nX-T: u\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n`,
  "a bad chunk": `${chunked}3\r\nabc\r\nx\r\n`,
  "HTTP/1.0 with a body": "POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc",
  "a bad second head": "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost : a\r\n\r\n",
  "OPTIONS *, then close":
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
};

/** All that a server answers to pieces of a conversation, each in a read of its own. */
async function converse(pieces: readonly string[]): Promise<string> {
  const rig = await createServerRig(async (request, client) => {
    const body = await readAll(request).catch((failure) => ({ text: failure.kind, trailers: undefined }));
    return textResponse(`${request.method} ${client.target} ${body.text} ${body.trailers?.get("X-T") ?? ""}`);
  });
  const client = rig.connect();
  for (const piece of pieces) client.stream.write(bytesOf(piece));
  const answers = await client.take();
  assert.deepEqual(rig.errors, []);
  return `${undated(answers)}${client.sawEnd ? " and FIN" : ""}`;
}

describe("server: requests in pieces", () => {
  for (const [name, text] of Object.entries(conversations)) {
    it(`answers alike wherever it is split: ${name}`, async () => {
      const whole = await converse([text]);
      assert.match(whole, /^HTTP\/1.[01] /);
      for (let at = 1; at < text.length; at++) {
        assert.equal(await converse([text.slice(0, at), text.slice(at)]), whole, `split at ${at}`);
      }
      assert.equal(await converse([...text]), whole, "byte by byte");
    });
  }

  it("answers alike whatever the pieces", async () => {
    const anyCuts = fc.array(fc.nat(200), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.values(conversations)), anyCuts, async (text, cuts) => {
        const points = [0, ...cuts.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length];
        const pieces = points.slice(1).map((end, i) => text.slice(points[i], end));
        assert.equal(await converse(pieces), await converse([text]));
      }),
      { numRuns: 100, seed: 7 },
    );
  });
});
