import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Attempt, type Outgoing } from "../../../src/core/forwarding/transport.ts";
import { RequestHeadParser } from "../../../src/wire/request-head.ts";
import { requestHead } from "../../../src/wire/request-writer-head.ts";
import { latin1, octets } from "../../fixtures/octets.ts";

/** A request as it came, on its way to a backend without a change. */
function outgoing(wire: string): Outgoing {
  const head = new RequestHeadParser(latin1, { maxBytes: 65536, maxLines: 0 }).push(octets(wire));
  assert.ok(head);
  const { method, target, protocol, headers } = head;
  const addresses = { remoteAddress: "10.0.0.1", remotePort: 1, localAddress: "10.0.0.2", localPort: 2 };
  return {
    method,
    target,
    outbound: headers,
    request: { method, headers, url: "", body: null, signal: new AbortController().signal },
    client: { ...addresses, target, protocol },
    upgrade: false,
    timeoutMs: 0,
    attempt: new Attempt(),
    sending: undefined,
    interim() {},
    bodyFailed() {},
  };
}

const plain = "GET /p?q HTTP/1.1\r\nHost: a.b\r\nX-A: 1\r\n\r\n";

describe("the head of a request to a backend", () => {
  it("is what was received, where nothing is to be changed", () => {
    assert.equal(requestHead(outgoing(plain), 0, false, false), plain);
  });

  it("has lines taken out and added all the same", () => {
    const request = outgoing(plain);
    request.outbound.delete("host");
    request.outbound.append("X-B", "2");
    assert.equal(
      requestHead(request, 0, true, false),
      "GET /p?q HTTP/1.1\r\nX-A: 1\r\nX-B: 2\r\nConnection: close\r\n\r\n",
    );
  });

  it("names another target than was received", () => {
    const request = { ...outgoing(plain), target: "/r?s" };
    assert.equal(requestHead(request, 0, false, false), plain.replace("/p?q", "/r?s"));
  });

  it("speaks HTTP/1.1, whatever the client does", () => {
    for (const version of ["HTTP/1.0", "HTTP/1.7"]) {
      assert.equal(requestHead(outgoing(plain.replace("HTTP/1.1", version)), 0, false, false), plain);
    }
  });

  it("has the absolute form where a target could be taken for an authority", () => {
    const wire = requestHead(outgoing(plain.replace("/p?q", "//p")), 0, false, true);
    assert.equal(wire, plain.replace("/p?q", "https://a.b//p"));
  });

  it("has a line set in front of the others behind the request line", () => {
    const request = outgoing(plain);
    request.outbound.setAhead?.("Host", "c.d");
    assert.equal(requestHead(request, 0, false, false), plain.replace("a.b", "c.d"));
  });
});
