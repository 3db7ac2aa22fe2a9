import process from "node:process";
import { runtime } from "#runtime";
import { exitOnUncaught } from "../../../src/cli/router/crash.ts";
import { createLogger } from "../../../src/core/observe/json-logger.ts";
import { Level } from "../../../src/core/observe/log.ts";
import type { ByteStreamHandler } from "../../../src/runtime/interface/byte-stream.ts";

// Run by crash.test.ts: fails in the way its argument names, with a listener and a timer that would keep it alive.
const logger = createLogger({
  write: (line) => runtime.writeOut(line),
  clock: runtime.clock,
  source: "child",
  level: Level.info,
  timestamps: "unix-epoch",
});
exitOnUncaught(runtime, logger);
runtime.clock.after(60_000, () => runtime.exit(9));

const fail = (): never => {
  throw new Error("a defect");
};
const silent: ByteStreamHandler = { data() {}, drained() {}, ended() {}, closed() {} };
const listener = await runtime.listen({ host: "127.0.0.1", port: 0 }, () => ({ ...silent, data: fail }));

const ways: Record<string, () => void> = {
  timer: () => runtime.clock.after(1, fail),
  rejection: () => void Promise.reject(new Error("a defect")),
  twice: () => {
    runtime.clock.after(1, fail);
    runtime.clock.after(1, fail);
  },
  async stream() {
    const stream = await runtime.connect({ host: "127.0.0.1", port: listener.port }, silent);
    stream.writeText("x");
  },
};
ways[process.argv[2] as string]!();
