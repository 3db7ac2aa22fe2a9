import assert from "node:assert/strict";
import { it } from "node:test";
import type { Api } from "../../../src/routing-api/api.ts";
import type { ApiLog } from "../../../src/routing-api/api-log.ts";
import { RoutingApiServer } from "../../../src/routing-api/server.ts";
import type { Runtime } from "../../../src/runtime/interface.ts";
import { TimerWheel } from "../../../src/wire/timer-wheel.ts";
import { settled } from "../../fixtures/memory-stream.ts";
import { TurnedClock } from "../../fixtures/turned-clock.ts";

it("a database that stands still keeps the Routing API from ending for two seconds at most", async () => {
  const clock = new TurnedClock();
  const store = { close: () => new Promise<void>(() => {}) };
  const api = { store, feed: { close() {} } } as unknown as Api;
  const server = new RoutingApiServer({ clock } as unknown as Runtime, new TimerWheel(clock), api, {} as ApiLog);
  let ended = false;
  const stopped = server.stop(0).then(() => {
    ended = true;
  });
  clock.turn(0);
  await settled();
  clock.turn(1999);
  await settled();
  assert.equal(ended, false);
  clock.turn(1);
  await stopped;
});
