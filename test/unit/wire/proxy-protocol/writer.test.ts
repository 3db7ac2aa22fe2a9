import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ProxyHeaderParser } from "../../../../src/wire/proxy-protocol/parser.ts";
import { proxyHeader } from "../../../../src/wire/proxy-protocol/writer.ts";
import { latin1, textOf } from "../../../fixtures/octets.ts";
import { ipv4Header, version2 } from "../../../fixtures/proxy-headers.ts";

const client = (remoteAddress: string, remotePort: number, localAddress: string, localPort: number) => ({
  remoteAddress,
  remotePort,
  localAddress,
  localPort,
});
const line = (...ends: Parameters<typeof client>): string => textOf([proxyHeader("v1", client(...ends))]);

describe("PROXY headers to backends", () => {
  it("version 1", () => {
    assert.equal(line("1.2.3.4", 5, "10.0.0.1", 443), "PROXY TCP4 1.2.3.4 10.0.0.1 5 443\r\n");
    assert.equal(line("2001:db8::1", 5, "::1", 443), "PROXY TCP6 2001:db8::1 ::1 5 443\r\n");
    assert.equal(line("1.2.3.4", 5, "::1", 443), "PROXY TCP6 ::ffff:102:304 ::1 5 443\r\n");
    assert.equal(line("", 0, "", 0), "PROXY UNKNOWN\r\n");
    assert.equal(line("1.2.3.4", 99_999, "10.0.0.1", 443), "PROXY UNKNOWN\r\n");
    assert.equal(textOf([proxyHeader("v1", undefined)]), "PROXY UNKNOWN\r\n");
  });

  it("version 2", () => {
    assert.equal(textOf([proxyHeader("v2", client("1.2.3.4", 5, "10.0.0.1", 443))]), ipv4Header("1.2.3.4", 5));
    assert.equal(textOf([proxyHeader("v2", client("", 0, "", 0))]), version2(1, 0, ""));
    assert.equal(textOf([proxyHeader("v2", undefined)]), version2(0, 0, ""));
  });

  for (const version of ["v1", "v2"] as const) {
    for (const ends of [
      client("1.2.3.4", 5, "10.0.0.1", 443),
      client("2001:db8::1", 65_535, "fe80::2", 80),
      client("1.2.3.4", 5, "fe80::2", 80),
    ]) {
      it(`our own parser reads ${version} of ${ends.remoteAddress} to ${ends.localAddress}`, () => {
        const { header, rest } = new ProxyHeaderParser(latin1).push(proxyHeader(version, ends))!;
        assert.deepEqual(header!.source, { address: ends.remoteAddress, port: ends.remotePort });
        assert.deepEqual(header!.destination, { address: ends.localAddress, port: ends.localPort });
        assert.equal(rest.length, 0);
      });
    }
  }
});
