import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { dialErrorText, parseSyslogAddress, writeErrorText } from "../../../../../src/cli/router/syslog/address.ts";
import { StreamError } from "../../../../../src/runtime/interface/stream-error.ts";

describe("syslog address (control-plane §1.2, §1.3)", () => {
  for (const [network, address, kind, host, port, family] of [
    ["udp", "127.0.0.1:514", "udp", "127.0.0.1", 514, undefined],
    ["tcp6", "[::1]:601", "tcp", "::1", 601, 6],
    ["udp4", "logs.example.com:1514", "udp", "logs.example.com", 1514, 4],
    ["tcp", ":514", "tcp", "127.0.0.1", 514, undefined],
    ["tcp6", ":514", "tcp", "::1", 514, 6],
    ["unix", "/dev/log", "unix", "", 0, undefined],
  ] as const) {
    it(`reads ${network} ${address}`, () => {
      assert.deepEqual(parseSyslogAddress(network, address), { network, address, kind, host, port, family });
    });
  }

  for (const [network, address, text] of [
    ["", "127.0.0.1:514", "syslog: invalid network: "],
    ["unixgram", "/dev/log", "syslog: invalid network: unixgram"],
    ["tcpx", "127.0.0.1:514", "dial tcpx: unknown network tcpx"],
    ["udp", "nope", "dial udp: address nope: missing port in address"],
    ["udp", "::1:514", "dial udp: address ::1:514: too many colons in address"],
    ["udp", "", "dial udp: missing address"],
    ["unix", "", "dial unix: missing address"],
    ["tcp", "h:port", "dial tcp: lookup tcp/port: unknown port"],
    ["tcp", "h:70000", "dial tcp: address 70000: invalid port"],
  ] as const) {
    it(`refuses ${JSON.stringify(network)} ${JSON.stringify(address)}`, () => {
      assert.throws(() => parseSyslogAddress(network, address), { message: text });
    });
  }

  it("has Go's words for what goes wrong", () => {
    const address = parseSyslogAddress("tcp", "logs:514");
    const error = (kind: StreamError["kind"], code?: string) => new StreamError(kind, "own words", { code });
    assert.equal(dialErrorText(address, error("refused")), "dial tcp logs:514: connect: connection refused");
    assert.equal(dialErrorText(address, error("name-not-found")), "dial tcp: lookup logs: no such host");
    assert.equal(dialErrorText(address, error("timed-out")), "dial tcp logs:514: i/o timeout");
    assert.equal(dialErrorText(address, error("other")), "dial tcp logs:514: connect: own words");
    const path = parseSyslogAddress("unix", "/x");
    assert.equal(dialErrorText(path, error("refused", "ENOENT")), "dial unix /x: connect: no such file or directory");
    assert.equal(writeErrorText(address, error("broken-pipe")), "write tcp logs:514: write: broken pipe");
    assert.equal(writeErrorText(address, error("other", "EMSGSIZE")), "write tcp logs:514: write: message too long");
    assert.equal(writeErrorText(address, undefined), "write tcp logs:514: write: the server closed the connection");
  });
});
