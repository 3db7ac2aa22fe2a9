import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32c } from "../../../../src/wire/proxy-protocol/crc32c.ts";
import { ProxyHeaderError } from "../../../../src/wire/proxy-protocol/header.ts";
import { ProxyHeaderParser } from "../../../../src/wire/proxy-protocol/parser.ts";
import { tlvTexts } from "../../../../src/wire/proxy-protocol/tlv.ts";
import { latin1, octets, textOf } from "../../../fixtures/octets.ts";
import { ipv4Addresses, ipv4Header, tlv, version2 } from "../../../fixtures/proxy-headers.ts";

/** Address and port of the source with what follows, or why there is none. */
function read(text: string): string {
  const parser = new ProxyHeaderParser(latin1);
  try {
    const beginning = parser.push(octets(text));
    if (beginning === undefined) return parser.begun ? "begun" : "open";
    const { header, rest } = beginning;
    const source = header?.source === undefined ? "" : `${header.source.address} ${header.source.port}`;
    return `${header === undefined ? "none" : `v${header.version}`} ${source}|${textOf([rest])}`;
  } catch (error) {
    assert.ok(error instanceof ProxyHeaderError);
    return `refused: ${error.message}`;
  }
}

function rows(cases: readonly (readonly [text: string, outcome: string])[]): void {
  for (const [text, outcome] of cases) {
    it(`${JSON.stringify(text.slice(0, 70))}: ${JSON.stringify(outcome)}`, () => assert.equal(read(text), outcome));
  }
}

describe("PROXY version 1 (data-plane §6.6)", () => {
  const line = (addresses: string): string => `PROXY TCP4 ${addresses}\r\nGET`;
  rows([
    ["PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\nGET", "v1 1.2.3.4 1111|GET"],
    ["PROXY TCP6 2001:DB8:0::1 ::1 1111 2222\r\n", "v1 2001:db8::1 1111|"],
    // Family and kind of address are not compared.
    ["PROXY TCP4 ::1 1.2.3.4 1 2\r\n", "v1 ::1 1|"],
    ["PROXY TCP6 ::ffff:1.2.3.4 1.2.3.4 1 2\r\n", "v1 1.2.3.4 1|"],
    // Ports are any integer.
    [line("1.2.3.4 5.6.7.8 99999 -1"), "v1 1.2.3.4 99999|GET"],
    ["PROXY TCP4 1.2.3.4 5.6.7.8 1 22\nGET", "v1 1.2.3.4 1|GET"],
    ["PROXY UNKNOWN\r\n", "refused: the line has 2 fields instead of 6"],
    ["PROXY UNKNOWN 1.2.3.4 5.6.7.8 1 2\r\n", 'refused: "UNKNOWN" is no TCP4 or TCP6'],
    ["PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n", 'refused: "UDP4" is no TCP4 or TCP6'],
    [line(" 1.2.3.4 5.6.7.8 1 2"), "refused: the line has 7 fields instead of 6"],
    [line("1.2.3.4 5.6.7.8 1"), "refused: the line has 5 fields instead of 6"],
    [line("1.2.3 5.6.7.8 1 2"), 'refused: "1.2.3" is no IP address'],
    [line("01.2.3.4 5.6.7.8 1 2"), 'refused: "01.2.3.4" is no IP address'],
    [line("1.2.3.256 5.6.7.8 1 2"), 'refused: "1.2.3.256" is no IP address'],
    [line("fe80::1%eth0 5.6.7.8 1 2"), 'refused: "fe80::1%eth0" is no IP address'],
    [line("1.2.3.4 host 1 2"), 'refused: "host" is no IP address'],
    [line("1.2.3.4 5.6.7.8 x 2"), 'refused: "x" is no port'],
    [line("1.2.3.4 5.6.7.8 1 "), 'refused: "" is no port'],
    [`PROXY ${"x".repeat(600)}`, "refused: the line is longer than 512 bytes"],
    ["PROXY TCP4 1.2.3.4", "begun"],
    ["PROXY ", "begun"],
    ["PROXY", "open"],
    ["P", "open"],
    ["", "open"],
    ["proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n", "none |proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n"],
    ["PROXYX", "none |PROXYX"],
    ["POST / HTTP/1.1\r\n", "none |POST / HTTP/1.1\r\n"],
  ]);
});

describe("PROXY version 2", () => {
  const ipv4 = ipv4Addresses("1.2.3.4", 1111, "5.6.7.8", 2222);
  const ipv6 = `${"\x20\x01\x0d\xb8"}${"\0".repeat(11)}\x01${"\0".repeat(15)}\x01\x04\x57\x08\xae`;
  const mapped = `${"\0".repeat(10)}\xff\xff\x01\x02\x03\x04${"\0".repeat(16)}\0\x07\0\x08`;
  rows([
    [`${version2(1, 0x11, ipv4)}GET`, "v2 1.2.3.4 1111|GET"],
    [`${version2(1, 0x21, ipv6)}GET`, "v2 2001:db8::1 1111|GET"],
    [version2(1, 0x21, mapped), "v2 1.2.3.4 7|"],
    [version2(1, 0x12, ipv4), "v2 1.2.3.4 1111|"],
    [version2(1, 0x11, ipv4, tlv(2, "a.test") + tlv(4, "")), "v2 1.2.3.4 1111|"],
    // No addresses: the proxy itself, or not told, or a unix socket.
    [`${version2(0, 0x00, "")}GET`, "v2 |GET"],
    [version2(0, 0x11, `${ipv4}\xff\xff`), "v2 |"],
    [version2(1, 0x00, ""), "v2 |"],
    [version2(1, 0x31, "\0".repeat(216)), "v2 |"],
    [version2(2, 0x11, ipv4), "refused: the command 2 is neither LOCAL nor PROXY"],
    [version2(1, 0x41, ipv4), "refused: the address family 0x41 is unknown"],
    [version2(1, 0x13, ipv4), "refused: the address family 0x13 is unknown"],
    [version2(1, 0x11, ipv4.slice(1)), "refused: the header ends before its addresses do"],
    [version2(1, 0x11, ipv4, "\x02\0"), "refused: a TLV reaches beyond the header"],
    [version2(1, 0x11, ipv4, "\x02\0\x09short"), "refused: a TLV reaches beyond the header"],
    [version2(1, 0x11, ipv4, tlv(3, "abc")), "refused: the checksum has not four bytes"],
    [version2(1, 0x11, ipv4, tlv(3, "abcd")), "refused: the checksum does not fit"],
    [version2(1, 0x11, ipv4, tlv(4, "\0".repeat(17_000))), "refused: the header is longer than 16384 bytes"],
    [version2(1, 0x11, ipv4).replace("\x21\x11", "\x11\x11"), "refused: the version is 1 instead of 2"],
    [version2(1, 0x11, ipv4).slice(0, -1), "begun"],
    [version2(1, 0x11, ipv4).slice(0, 12), "begun"],
    [version2(1, 0x11, ipv4).slice(0, 11), "open"],
    ["\r\n\r\nGET / HTTP/1.1\r\n", "none |\r\n\r\nGET / HTTP/1.1\r\n"],
  ]);

  it("a checksum that fits", () => {
    // The check value of CRC-32C.
    assert.equal(crc32c(octets("123456789")), 0xe3069283);
    const zeroed = ipv4Header("1.2.3.4", 5, tlv(3, "\0\0\0\0"));
    const sum = crc32c(octets(zeroed));
    const bytes = [24, 16, 8, 0].map((shift) => (sum >>> shift) & 255);
    assert.equal(read(zeroed.slice(0, -4) + String.fromCharCode(...bytes)), "v2 1.2.3.4 5|");
  });

  it("tells ALPN, authority and TLS version for the log", () => {
    const ssl = tlv(0x20, `\x01\0\0\0\0${tlv(0x21, "TLSv1.3")}${tlv(0x22, "client")}`);
    const text = ipv4Header("1.2.3.4", 5, tlv(1, "h2") + tlv(2, "a.test") + ssl + tlv(0x20, "\x01\0\0\0\0\x21\0\x09x"));
    const { header } = new ProxyHeaderParser(latin1).push(octets(text))!;
    const told = tlvTexts(header!.tlvs, (bytes) => textOf([bytes]));
    assert.deepEqual(told, { alpn: "h2", authority: "a.test", tls: "TLSv1.3" });
  });
});
