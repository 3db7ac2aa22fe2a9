import assert from "node:assert/strict";
import { createServer, connect as dial, type Socket } from "node:net";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers";
import { runtime } from "#runtime";

/** Milliseconds of a slice of work and of a step of something else, and slices between two questions. */
const [sliceMs, stepMs, pauseSlices] = [3, 0.5, 8];

function work(ms: number): void {
  for (const end = runtime.clock.monotonic() + ms; runtime.clock.monotonic() < end; );
}

/** A socket, and the other end of its connection, which sends back what it is told. */
async function echoed(): Promise<{ socket: Socket; close(): void }> {
  const server = createServer((peer) => peer.on("data", (bytes) => peer.write(bytes)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const socket = dial(port, "127.0.0.1");
  await new Promise((resolve) => socket.once("connect", resolve));
  const close = (): void => {
    socket.destroy();
    server.close();
  };
  return { socket, close };
}

describe("turns of the event loop", () => {
  it("leaves time to look at sockets between slices of work, whatever else the loop has to do", async () => {
    const { socket, close } = await echoed();
    let working = true;
    /** As a collector that marks in small steps: there is always one of them to be done. */
    const step = (): void => {
      work(stepMs);
      if (working) setImmediate(step);
    };
    step();
    const waits: number[] = [];
    let asked = -1;
    socket.on("data", () => {
      waits.push(slices - asked);
      asked = -1;
    });
    let slices = 0;
    await new Promise<void>((resolve) => {
      const slice = (): void => {
        work(sliceMs);
        slices++;
        if (waits.length === 5) {
          resolve();
          return;
        }
        if (asked < 0 && slices % pauseSlices === 0) {
          asked = slices;
          socket.write("?");
        }
        runtime.clock.after(0, slice);
      };
      slice();
    });
    working = false;
    close();
    // There and back are two looks; without the time for them Deno takes one in 61 rounds.
    assert.ok(Math.max(...waits) <= 12, `slices until an answer was heard: ${waits.join(" ")}`);
  });

  it("can be taken back", async () => {
    const heard: string[] = [];
    runtime.clock.after(0, () => heard.push("cancelled")).cancel();
    await new Promise<void>((resolve) => runtime.clock.after(0, resolve, false));
    await new Promise<void>((resolve) => runtime.clock.after(5, resolve));
    assert.deepEqual(heard, []);
  });
});
