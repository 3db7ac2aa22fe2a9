import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Client, ClientTexts } from "../../../src/core/client.ts";
import { clientTexts } from "../../../src/core/client-texts.ts";

function client(remoteAddress: string, remotePort: number): Client {
  return { remoteAddress, remotePort, texts: undefined } as unknown as Client;
}

function expected(source: string, address: string, line: string): ClientTexts {
  return { source: `"${source}" `, address: `"${address}"`, forwardedForLine: line };
}

describe("texts about a client", () => {
  it("tell its address and port, quoted, and its X-Forwarded-For line", () => {
    const texts = clientTexts(client("192.0.2.7", 4711));
    assert.deepEqual(texts, expected("192.0.2.7:4711", "192.0.2.7", "X-Forwarded-For: 192.0.2.7\r\n"));
    const six = clientTexts(client("2001:db8::1", 1));
    assert.deepEqual(six, expected("[2001:db8::1]:1", "2001:db8::1", "X-Forwarded-For: 2001:db8::1\r\n"));
  });

  it("are right for any number of addresses in any order", () => {
    for (let i = 0; i < 3000; i++) {
      const address = `10.${i % 7}.${(i * 31) % 256}.${(i * 17) % 256}`;
      const texts = clientTexts(client(address, i));
      assert.deepEqual(texts, expected(`${address}:${i}`, address, `X-Forwarded-For: ${address}\r\n`));
    }
  });

  it("have no line for what cannot stand in one", () => {
    assert.deepEqual(clientTexts(client("", 0)), expected(":0", "", ""));
    assert.equal(clientTexts(client("a", 0)).forwardedForLine, "X-Forwarded-For: a\r\n");
    assert.equal(clientTexts(client("a b", 0)).forwardedForLine, "");
    assert.equal(clientTexts(client("a\r\nb", 0)).forwardedForLine, "");
  });

  it("are kept with the client", () => {
    const one = client("192.0.2.7", 1);
    assert.equal(clientTexts(one), clientTexts(one));
  });
});
