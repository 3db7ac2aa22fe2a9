import { runtime } from "#runtime";
import type { ByteStream } from "../../../src/runtime/interface/byte-stream.ts";
import { Recorder } from "./recorder.ts";

// Run by descriptors.test.ts under a low limit: says its port, echoes, and dials itself on the word "dial".
const held: ByteStream[] = [];
runtime.onSignal("SIGTERM", () => runtime.exit(0));
const listener = await runtime.listen({ host: "127.0.0.1", port: 0, excess: "FULL\n" }, (stream) => {
  const echo = new Recorder();
  echo.data = (bytes) => {
    if (runtime.latin1(bytes, 0, bytes.length) !== "dial") stream.write(bytes);
    else void dialMany(stream);
  };
  echo.ended = () => stream.destroy();
  return echo;
});

/** Dials until there is no room, tells why it stopped, and closes what it dialled. */
async function dialMany(stream: ByteStream): Promise<void> {
  try {
    for (;;) held.push(await runtime.connect({ host: "127.0.0.1", port: Number(runtime.args[0]) }, new Recorder()));
  } catch (error) {
    stream.writeText((error as { kind: string }).kind);
  }
  for (const dialled of held.splice(0)) dialled.destroy();
}

runtime.writeOut(`${listener.port} ${runtime.descriptorLimit()}\n`);
