import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { runtime } from "#runtime";
import type { Listener } from "../../../src/runtime/interface/listening.ts";
import { Recorder } from "./recorder.ts";

describe("dialling with ConnectOptions.admits", () => {
  let listener: Listener;
  let accepted = 0;
  before(async () => {
    listener = await runtime.listen({ host: "127.0.0.1", port: 0 }, (stream) => {
      accepted++;
      stream.end();
      return new Recorder();
    });
  });
  after(async () => {
    await listener.close();
  });

  for (const host of ["127.0.0.1", "localhost", "0x7f000001"]) {
    it(`asks for the address of ${host} and dials that one`, async () => {
      const asked: string[] = [];
      const admits = (address: string): boolean => {
        asked.push(address);
        return address === "127.0.0.1";
      };
      const stream = await runtime.connect({ host, port: listener.port, timeoutMs: 5000, admits }, new Recorder());
      assert.equal(stream.remoteAddress, "127.0.0.1");
      stream.destroy();
      assert.ok(asked.includes("127.0.0.1"), String(asked));
    });

    it(`does not dial ${host} when its address is refused`, async () => {
      const before = accepted;
      const options = { host, port: listener.port, timeoutMs: 5000, admits: () => false };
      await assert.rejects(runtime.connect(options, new Recorder()), {
        kind: "not-admitted",
        message: new RegExp(`^dial ${host}:${listener.port}: .*127\\.0\\.0\\.1.* may not be dialled$`),
      });
      assert.equal(accepted, before);
    });
  }

  it("resolves the name of any host, and tells how long that took and which address failed", async () => {
    const times = { dnsMs: -1, dialMs: -1, tlsMs: 0 };
    const stream = await runtime.connect({ host: "localhost", port: listener.port, times }, new Recorder());
    assert.equal(stream.remoteAddress, "127.0.0.1");
    stream.destroy();
    assert.ok(times.dnsMs >= 0 && times.dialMs >= 0, JSON.stringify(times));
    const dead = { host: "localhost", port: 1, family: 4 as const };
    await assert.rejects(runtime.connect(dead, new Recorder()), { kind: "refused", address: "127.0.0.1:1" });
    await assert.rejects(runtime.connect({ host: "127.0.0.1", port: 1 }, new Recorder()), { address: undefined });
  });

  it("tells as ever of names that do not resolve and of ports where nobody listens", async () => {
    const admits = (): boolean => true;
    const unknown = { host: "nobody.invalid", port: 1, timeoutMs: 5000, admits };
    await assert.rejects(runtime.connect(unknown, new Recorder()), { kind: "name-not-found", syscall: "getaddrinfo" });
    const dead = { host: "localhost", port: 1, timeoutMs: 5000, admits };
    await assert.rejects(runtime.connect(dead, new Recorder()), { kind: "refused" });
  });
});
