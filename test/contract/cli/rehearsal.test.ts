import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runtime } from "#runtime";
import { rehearsalMs, rehearse } from "../../../src/cli/router/rehearsal.ts";
import { defaultConfig } from "../../../src/core/config/assemble.ts";
import type { ByteStream, ByteStreamHandler } from "../../../src/runtime/interface/byte-stream.ts";
import type { Listener, ListenOptions } from "../../../src/runtime/interface/listening.ts";
import type { Runtime } from "../../../src/runtime/interface.ts";
import { TimerWheel } from "../../../src/wire/timer-wheel.ts";

const { config } = defaultConfig();

describe("rehearsal", () => {
  it("serves requests over real sockets for its time, and leaves no listener and no connection behind", async () => {
    let listeners = 0;
    const open = new Set<ByteStreamHandler>();
    const watched: Runtime = Object.assign(Object.create(runtime) as Runtime, {
      async listen(options: ListenOptions, accept: (stream: ByteStream) => ByteStreamHandler): Promise<Listener> {
        const listener = await runtime.listen(options, (stream) => {
          const handler = accept(stream);
          open.add(handler);
          const closed = handler.closed.bind(handler);
          handler.closed = (cause) => {
            open.delete(handler);
            closed(cause);
          };
          return handler;
        });
        listeners++;
        const close = async (): Promise<void> => {
          await listener.close();
          listeners--;
        };
        return { host: listener.host, port: listener.port, close };
      },
    });
    let served = 0;
    // A busy machine needs more time.
    for (let ms = 400; served <= 40 && ms <= 25_600; ms *= 4)
      served = await rehearse(watched, new TimerWheel(runtime.clock), config, ms);
    assert.ok(served > 40, `served ${served}`);
    assert.equal(listeners, 0);
    while (open.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it("is over before the start delay is, and never takes long", () => {
    assert.deepEqual([100, 1000, 20_000].map(rehearsalMs), [80, 800, 4000]);
  });
});
