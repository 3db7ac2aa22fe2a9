import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Heartbeats } from "../../../src/bus/heartbeats.ts";
import { Endpoint } from "../../../src/core/routing/endpoint.ts";
import type { Member } from "../../../src/core/routing/pool.ts";
import { table } from "../core/routing/recording.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const endpoint = (port: number, app = ""): Endpoint => new Endpoint({ host: "h", port, applicationId: app });

function fixture() {
  const { registry } = table();
  const heartbeats = new Heartbeats(new Uint8Array(16).fill(7), registry);
  const register = (uri: string, port: number, app = ""): Member => {
    registry.register(uri, endpoint(port, app));
    return registry.placeOf(uri, endpoint(port))!;
  };
  return { registry, heartbeats, register };
}

describe("memory of heartbeats", () => {
  it("knows a message again while its members are what they were", () => {
    const { registry, heartbeats, register } = fixture();
    const member = register("a.com", 1);
    assert.equal(heartbeats.find(text("m")), undefined);
    heartbeats.remember(member);
    assert.equal(heartbeats.find(text("m")), member);
    assert.equal(heartbeats.find(text("n")), undefined);
    register("a.com", 1);
    assert.equal(heartbeats.find(text("m")), member);
    register("a.com", 1, "other");
    assert.equal(heartbeats.find(text("m")), undefined);
    heartbeats.remember(member);
    assert.equal(heartbeats.find(text("m")), member);
    registry.unregister("a.com", endpoint(1));
    assert.equal(heartbeats.find(text("m")), undefined);
    register("a.com", 1);
    assert.equal(heartbeats.find(text("m")), undefined);
  });

  it("knows the message of a route that rests until the route is asked for, and again when it came again", () => {
    const { registry, heartbeats } = fixture();
    const alone = (app = "") => registry.registerAlone("a.com", endpoint(1, app))!;
    const place = alone();
    assert.equal(typeof place, "number");
    heartbeats.find(text("m"));
    heartbeats.remember(place);
    assert.equal(heartbeats.find(text("m")), place);
    alone("other");
    assert.equal(heartbeats.find(text("m")), undefined);
    heartbeats.remember(alone());
    assert.notEqual(heartbeats.find(text("m")), undefined);
    registry.lookup("a.com", "/");
    assert.equal(heartbeats.find(text("m")), undefined);
    const member = alone();
    assert.equal(typeof member, "object");
    heartbeats.remember(member);
    assert.equal(heartbeats.find(text("m")), member);
    registry.unregister("a.com", endpoint(1));
    assert.equal(heartbeats.find(text("m")), undefined);
    alone();
    assert.equal(heartbeats.find(text("m")), undefined);
    for (let sweeps = 0; sweeps < 256; sweeps++) heartbeats.sweep();
    assert.equal(heartbeats.size, 0);
  });

  it("a message with several members is known while all are what they were", () => {
    const { registry, heartbeats, register } = fixture();
    const members = [register("a.com", 1), register("b.com", 1)];
    heartbeats.find(text("m"));
    heartbeats.remember(members);
    assert.equal(heartbeats.find(text("m")), members);
    registry.unregister("b.com", endpoint(1));
    assert.equal(heartbeats.find(text("m")), undefined);
  });

  it("of many thousand messages none is mistaken for another, through growth and sweeps", () => {
    const { registry, heartbeats, register } = fixture();
    const members: Member[] = [];
    for (let i = 0; i < 20_000; i++) {
      assert.equal(heartbeats.find(text(`message ${i}`)), undefined);
      const member = register(`a${i}.com`, 1);
      members.push(member);
      heartbeats.remember(member);
    }
    for (let i = 0; i < 20_000; i += 2) registry.unregister(`a${i}.com`, endpoint(1));
    for (let sweeps = 0; sweeps < 300; sweeps++) heartbeats.sweep();
    for (const [i, member] of members.entries()) {
      assert.equal(heartbeats.find(text(`message ${i}`)), i % 2 === 0 ? undefined : member);
    }
  });

  it("a swept memory holds on to nothing that has left the table", () => {
    const { registry, heartbeats, register } = fixture();
    for (let i = 0; i < 5000; i++) {
      heartbeats.find(text(`message ${i}`));
      heartbeats.remember(register(`a${i}.com`, 1));
    }
    assert.equal(heartbeats.size, 5000);
    for (let i = 0; i < 4990; i++) registry.unregister(`a${i}.com`, endpoint(1));
    for (let sweeps = 0; sweeps < 256; sweeps++) heartbeats.sweep();
    assert.equal(heartbeats.size, 10);
  });

  it("a message that is too long is decoded each time", () => {
    const { heartbeats, register } = fixture();
    const long = new Uint8Array(20_000);
    assert.equal(heartbeats.find(long), undefined);
    heartbeats.remember(register("a.com", 1));
    assert.equal(heartbeats.find(long), undefined);
    assert.equal(heartbeats.size, 0);
  });
});
