import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { egressPolicy } from "../../../src/wire/egress-policy.ts";

const cases: readonly [block: string[], allow: string[], refused: string[], admitted: string[]][] = [
  [
    [],
    [],
    ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "fd00:ec2:0:0:0:0:0:254"],
    ["169.254.169.253", "127.0.0.1", "::1", "10.0.0.1", "8.8.8.8", "2001:db8::1"],
  ],
  [[], ["169.254.169.254", "fd00:ec2::/32"], [], ["169.254.169.254", "::ffff:a9fe:a9fe", "fd00:ec2::254"]],
  [
    ["private"],
    [],
    ["10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "fc00::1", "fdff::1", "::ffff:10.1.2.3"],
    ["172.32.0.1", "127.0.0.1", "169.254.0.1", "11.0.0.1"],
  ],
  [["link-local"], [], ["169.254.0.1", "fe80::1", "fe80::1%eth0"], ["10.0.0.1", "127.0.0.1"]],
  [["loopback"], [], ["127.0.0.1", "127.255.0.1", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1"], ["10.0.0.1"]],
  [["203.0.113.0/24", "2001:db8::/32"], [], ["203.0.113.9", "2001:db8::5"], ["203.0.114.9", "2001:db9::5"]],
  [["203.0.113.7", "2001:db8::7"], [], ["203.0.113.7", "2001:db8::7"], ["203.0.113.8", "2001:db8::8"]],
  [["private"], ["10.1.0.0/16", "192.168.1.1"], ["10.2.0.1", "192.168.1.2"], ["10.1.2.3", "192.168.1.1"]],
  [["private", "loopback"], ["loopback"], ["10.0.0.1"], ["127.0.0.1"]],
];

describe("addresses of route services", () => {
  for (const [block, allow, refused, admitted] of cases) {
    it(`egress_block: [${block.join(", ")}], egress_allow: [${allow.join(", ")}]`, () => {
      const admits = egressPolicy(block, allow);
      for (const address of refused) assert.equal(admits(address), false, address);
      for (const address of admitted) assert.equal(admits(address), true, address);
    });
  }

  it("says which entry it cannot use", () => {
    for (const entry of ["", "privat", "10.0.0.0/33", "10.0.0", "rs.example.com", "::1/129"]) {
      assert.throws(
        () => egressPolicy([entry], []),
        (error: Error) => {
          assert.ok(error.message.startsWith(`cannot use ${JSON.stringify(entry)} in route_services.egress_block: `));
          return true;
        },
      );
    }
    assert.throws(() => egressPolicy([], ["x"]), /in route_services\.egress_allow/);
  });
});
