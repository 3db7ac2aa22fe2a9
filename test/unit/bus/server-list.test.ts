import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type BusServer, hostPort, ServerList } from "../../../src/bus/server-list.ts";

const list = (servers: readonly string[], random = () => 0.999): ServerList =>
  new ServerList({ hosts: [], servers, user: "u", pass: "p" }, random);
const names = (from: ServerList): string[] => from.all().map((one) => hostPort(one.hostname, one.port));

describe("list of bus servers", () => {
  for (const [url, expected] of [
    ["nats://h", { transport: "tcp", secure: false, hostname: "h", port: 4222, path: "", user: "u", pass: "p" }],
    ["tls://h:1", { transport: "tcp", secure: true, hostname: "h", port: 1, path: "", user: "u", pass: "p" }],
    ["nats://h:80", { transport: "tcp", secure: false, hostname: "h", port: 80, path: "", user: "u", pass: "p" }],
    [
      "ws://h/nats?x=1",
      { transport: "websocket", secure: false, hostname: "h", port: 80, path: "/nats?x=1", user: "u", pass: "p" },
    ],
    ["WSS://h", { transport: "websocket", secure: true, hostname: "h", port: 443, path: "/", user: "u", pass: "p" }],
    [
      "nats://a%40b:c%3A@[::1]:9",
      { transport: "tcp", secure: false, hostname: "::1", port: 9, path: "", user: "a@b", pass: "c:" },
    ],
  ] as const) {
    it(`reads ${url}`, () => {
      const server = { ...expected, serverName: expected.hostname, lastAuthError: "" };
      assert.deepEqual({ ...list([url]).first() }, server);
    });
  }

  it("says what is wrong with a server and how to write it", () => {
    for (const url of ["h:4222", "http://h", "nats://", "nats://h:99999"])
      assert.throws(() => list([url]), new RegExp(`^Error: cannot use nats server "${url}": .*; write nats://`));
  });

  it("uses hosts, IPv6 addresses too, unless there are servers", () => {
    const hosts = [
      { hostname: "a", port: 1 },
      { hostname: "::1", port: 2 },
      { hostname: "", port: 3 },
    ];
    const options = { hosts, user: "u", pass: "p" };
    assert.deepEqual(names(new ServerList(options, () => 0.999)), ["a:1", "[::1]:2", "localhost:3"]);
    assert.deepEqual(names(new ServerList({ ...options, servers: ["nats://b"] }, () => 0)), ["b:4222"]);
  });

  it("shuffles, so that routers spread over a cluster", () => {
    const servers = ["nats://a", "nats://b", "nats://c"];
    assert.deepEqual(names(list(servers)), ["a:4222", "b:4222", "c:4222"]);
    assert.notDeepEqual(names(list(servers, () => 0)), ["a:4222", "b:4222", "c:4222"]);
  });

  it("takes over announced servers with the kind and credentials of the announcing one", () => {
    const servers = list(["nats://a"]);
    servers.announced(["10.0.0.2:4222", "[fe80::1]:4333", "a:4222"], servers.first() as BusServer);
    assert.deepEqual(names(servers), ["a:4222", "10.0.0.2:4222", "[fe80::1]:4333"]);
    assert.ok(servers.all().every((one) => one.user === "u" && one.transport === "tcp"));
    servers.announced(["10.0.0.2:4222", "[fe80::1]:4333", "b:4222"], servers.first() as BusServer);
    // Certificates of a cluster name its hosts, not their addresses.
    assert.deepEqual(
      servers.all().map(({ serverName }) => serverName),
      ["a", "a", "a", "b"],
    );
    servers.announced(["10.0.0.3:4222"], servers.first() as BusServer);
    assert.deepEqual(names(servers), ["a:4222", "10.0.0.3:4222"]);
  });

  it("ignores announcements where servers are of different kinds", () => {
    const servers = list(["nats://a", "ws://b"]);
    servers.announced(["c:4222"], servers.first() as BusServer);
    assert.equal(servers.size, 2);
  });

  it("rotates and removes", () => {
    const servers = list(["nats://a", "nats://b"]);
    const first = servers.first() as BusServer;
    servers.rotate(first);
    assert.deepEqual(names(servers), ["b:4222", "a:4222"]);
    servers.remove(first);
    servers.rotate(first);
    assert.deepEqual(names(servers), ["b:4222"]);
  });
});
