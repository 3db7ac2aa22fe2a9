import fc from "fast-check";
import { ipv4Header, tlv, version2 } from "../../fixtures/proxy-headers.ts";

/** Characters that make or break a message. */
const TELLING = '\r\n\r\n\0\t ::,;=/?%0159aAfFzZ"\x7f\x80\xff'.split("");

/** One change of a text: some characters at a place replaced by others. */
const change = fc.record({
  at: fc.nat(),
  drop: fc.integer({ min: 0, max: 3 }),
  insert: fc.array(fc.constantFrom(...TELLING), { maxLength: 3 }).map((characters) => characters.join("")),
});

/** Texts of another arbitrary with a few places damaged; mostly one, often none. */
export function damaged(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(texts, fc.array(change, { maxLength: 2 })).map(([text, changes]) => {
    let result = text;
    for (const { at, drop, insert } of changes) {
      const place = at % (result.length + 1);
      result = result.slice(0, place) + insert + result.slice(place + drop);
    }
    return result;
  });
}

const value = fc.constantFrom("", "x", "a, b", '"q;\t="', "\xe9\xff", "0", "5");

const requestLine = fc.constantFrom(
  "GET / HTTP/1.1",
  "POST /a%20b?c=%zz HTTP/1.1",
  "PUT //x/../y#z HTTP/1.0",
  "foo http://u@h:1/x HTTP/1.1",
  "CONNECT a.b:443 HTTP/1.1",
  "OPTIONS * HTTP/1.2",
  "PRI * HTTP/2.0",
);

const commonLine = fc.oneof(
  { weight: 2, arbitrary: value.map((v) => `X-Any: ${v}`) },
  { weight: 1, arbitrary: fc.constantFrom("Content-Length: 5", "Connection: close", "Expect: 100-continue") },
  fc.constantFrom(
    "Content-Length: 5",
    "content-length:5",
    "Content-Length: 6",
    "Content-Length: 0",
    "Transfer-Encoding: chunked",
    "transfer-encoding:  Chunked ",
    "Transfer-Encoding: gzip",
    "Connection: close",
    "Connection: keep-alive, upgrade",
    "Upgrade: websocket",
    "Expect: 100-continue",
    "Name With Blank: x",
    "Blank-Behind : x",
    "X-Folded: a\r\n b",
  ),
);

function head(startLine: fc.Arbitrary<string>, first: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(startLine, first, fc.array(commonLine, { maxLength: 4 }))
    .map(([start, line, lines]) => `${start}\r\n${line}${lines.map((one) => `${one}\r\n`).join("")}\r\n`);
}

/** Request heads, most of them good. */
export const requestHeads = head(
  requestLine,
  fc.constantFrom("Host: a.b\r\n", "Host: a.b:80\r\n", "Host: [::1]\r\n", "Host:\r\n", "Host: a\r\n", ""),
);

/** Response heads, most of them good. */
export const responseHeads = head(
  fc.constantFrom(
    "HTTP/1.1 200 OK",
    "HTTP/1.0 404 Not Found",
    "HTTP/1.1 100 Continue",
    "HTTP/1.1 204",
    "HTTP/1.4 200 ",
  ),
  fc.constantFrom("Date: x\r\n", "A: b\n", ""),
);

const chunk = fc.tuple(
  fc.constantFrom("a", "hello", "0123456789abcdef0", "\r\n0\r\n\r\n", "\0\xff"),
  fc.constantFrom("", ";a", ';a=b;c="d e"', "; x"),
  fc.boolean(),
);

/** Chunked bodies, good ones. */
export const chunkedBodies = fc
  .tuple(
    fc.array(chunk, { maxLength: 4 }),
    fc.constantFrom("0", "000", "0;x=y"),
    fc.array(fc.constantFrom("X-Sum: 1", "content-length: 3", "Y:"), { maxLength: 2 }),
  )
  .map(([chunks, last, trailers]) => {
    const size = (data: string, upper: boolean): string => {
      const digits = data.length.toString(16);
      return upper ? `0${digits.toUpperCase()}` : digits;
    };
    const body = chunks.map(([data, extension, upper]) => `${size(data, upper)}${extension}\r\n${data}\r\n`).join("");
    return `${body}${last}\r\n${trailers.map((line) => `${line}\r\n`).join("")}\r\n`;
  });

/** PROXY headers of both versions, good ones. */
export const proxyHeaders = fc.oneof(
  fc
    .tuple(fc.constantFrom("TCP4 1.2.3.4 5.6.7.8", "TCP6 ::1 2001:db8::1"), fc.nat({ max: 65_535 }), fc.boolean())
    .map(([addresses, port, full]) => `PROXY ${addresses} ${port} 443${full ? "\r" : ""}\n`),
  fc
    .tuple(
      fc.nat({ max: 65_535 }),
      fc.array(fc.constantFrom(tlv(1, "h2"), tlv(2, "a.test"), tlv(4, "")), { maxLength: 3 }),
    )
    .map(([port, tlvs]) => ipv4Header("1.2.3.4", port, tlvs.join(""))),
  fc.constant(version2(0, 0, "")),
);
