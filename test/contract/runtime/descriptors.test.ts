import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { runtime } from "#runtime";
import type { ByteStream } from "../../../src/runtime/interface/byte-stream.ts";
import { runChild } from "./child.ts";
import { afterwards, closeAll, Recorder, until } from "./recorder.ts";

/** The child of descriptors-child.ts under a limit of 64 descriptors: port and pipe of it. */
async function limitedChild(dialPort: number): Promise<{ port: number; limit: number; ended: () => boolean }> {
  const { process: child, result } = runChild("descriptors-child.ts", [String(dialPort)], 64);
  let ended = false;
  let said = "";
  void result.then(({ error }) => {
    ended = true;
    said += error;
  });
  child.stdout!.on("data", (chunk) => {
    said += String(chunk);
  });
  afterwards(async () => void child.kill("SIGKILL"));
  await until("the child says its port", () => said.includes("\n") || ended, 20_000);
  assert.ok(!ended, said);
  const [port, limit] = said.trim().split(" ").map(Number);
  return { port: port!, limit: limit!, ended: () => ended };
}

async function client(port: number): Promise<{ stream: ByteStream; heard: Recorder }> {
  const heard = new Recorder();
  const stream = await runtime.connect({ host: "127.0.0.1", port }, heard);
  afterwards(async () => stream.destroy());
  stream.writeText("hello");
  return { stream, heard };
}

const over = (heard: Recorder): boolean => heard.isClosed || heard.events.includes("ended");

describe(`descriptor limit (${runtime.name})`, () => {
  afterEach(closeAll);

  it("is survived: clients in excess are turned away, and service goes on after the load", async () => {
    const { port, limit, ended } = await limitedChild(0);
    assert.equal(limit, 64);
    for (let round = 0; round < 2; round++) {
      const clients: Awaited<ReturnType<typeof client>>[] = [];
      for (let i = 0; i < 60; i++) clients.push(await client(port));
      await until(
        "all were answered or closed",
        () => clients.every(({ heard }) => heard.bytes > 0 || over(heard)),
        20_000,
      );
      const served = clients.filter(({ heard }) => heard.text === "hello").length;
      const full = clients.filter(({ heard }) => heard.text === "FULL\n").length;
      assert.ok(served >= 8 && served < 64, `served ${served}`);
      assert.ok(full > 0, "nobody was told");
      // Who is in stays in.
      const inside = clients.find(({ heard }) => heard.text === "hello")!;
      inside.stream.writeText(" again");
      await until("an accepted client is still served", () => inside.heard.text === "hello again");
      for (const { stream } of clients) stream.destroy();
      assert.equal(ended(), false);
      // The descriptors come back as the closes arrive.
      let back = false;
      for (let tries = 0; tries < 200 && !back; tries++) {
        const { heard, stream } = await client(port);
        await until("an answer", () => heard.bytes > 0 || over(heard));
        back = heard.text === "hello";
        stream.destroy();
      }
      assert.ok(back, "serves again");
    }
  });

  it("makes dials fail as such before the kernel does", async () => {
    const target = await runtime.listen({ host: "127.0.0.1", port: 0 }, (stream) => {
      const heard = new Recorder();
      heard.ended = () => stream.destroy();
      return heard;
    });
    afterwards(() => target.close());
    const { port } = await limitedChild(target.port);
    for (let round = 0; round < 3; round++) {
      const { stream, heard } = await client(port);
      await until("echo", () => heard.text === "hello");
      stream.writeText("dial");
      await until("the reason", () => heard.text.length > "hello".length);
      assert.equal(heard.text, "hellodescriptors");
      stream.destroy();
    }
  });
});
