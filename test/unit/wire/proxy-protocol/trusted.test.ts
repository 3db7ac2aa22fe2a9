import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cidrFault } from "../../../../src/core/config/cidr.ts";
import { trustedPeers } from "../../../../src/wire/proxy-protocol/trusted.ts";

describe("proxy_protocol.trusted", () => {
  it("trusts everybody without ranges, and else who is in one", () => {
    assert.equal(trustedPeers([])("8.8.8.8"), true);
    const trusts = trustedPeers(["10.0.0.0/8", "192.168.1.7", "fd00::/8", "::1"]);
    const peers = ["10.9.8.7", "192.168.1.7", "fd12::1", "::1", "11.0.0.1", "192.168.1.8", "fe80::1", "", "::2"];
    assert.deepEqual(peers.map(trusts), [true, true, true, true, false, false, false, false, false]);
  });

  for (const good of [
    "10.0.0.0/8",
    "0.0.0.0/0",
    "1.2.3.4",
    "::/0",
    "::1",
    "fd00::/8",
    "1:2:3:4:5:6:7:8/128",
    "::1.2.3.4/96",
  ]) {
    it(`${good} is a range`, () => {
      assert.equal(cidrFault(good), undefined);
      trustedPeers([good]);
    });
  }

  const address = "it does not begin with an IP address";
  for (const [bad, fault] of [
    ["", address],
    ["host/8", address],
    ["10.0.0/8", address],
    ["10.0.0.256/8", address],
    ["010.0.0.1", address],
    ["1:2:3:4:5:6:7:8:9", address],
    ["1::2::3", address],
    ["1:2:3", address],
    ["fe80::1%eth0", address],
    ["10.0.0.0/8/9", "it has more than one slash"],
    ["10.0.0.0/33", "behind the slash there must be a number from 0 to 32"],
    ["10.0.0.0/", "behind the slash there must be a number from 0 to 32"],
    ["fd00::/129", "behind the slash there must be a number from 0 to 128"],
  ]) {
    it(`${JSON.stringify(bad)} is none`, () => assert.equal(cidrFault(bad!), fault));
  }
});
