import type { Runtime } from "../interface.ts";
import { DescriptorWriter, type WriteSome } from "./descriptor-writer.ts";

// A closed or full standard output is no reason to fail: there is nobody left to tell.
const ignored = (): void => {};

/** A program that has ended waits so long, in milliseconds, for a reader of its output who takes nothing. */
const patienceMs = 2000;

/** Standard output and error of this process. `writeSome`: for a runtime on which `fs.write` waits. */
export function processOutput(writeSome?: WriteSome): Pick<Runtime, "writeOut" | "writeError" | "flushOutput"> {
  const out = new DescriptorWriter(1, ignored, 0, writeSome);
  const err = new DescriptorWriter(2, ignored, 0, writeSome);
  return {
    writeOut: (text, latin1 = false) => out.write(text, latin1),
    writeError: (text, latin1 = false) => err.write(text, latin1),
    async flushOutput() {
      await flushed(out);
      await flushed(err);
    },
  };
}

async function flushed(writer: DescriptorWriter): Promise<void> {
  let timer: ReturnType<typeof setInterval> | undefined;
  let written = writer.written;
  const stuck = new Promise<void>((resolve) => {
    timer = setInterval(() => {
      if (writer.written === written) resolve();
      written = writer.written;
    }, patienceMs);
  });
  await Promise.race([writer.flushed(), stuck]);
  clearInterval(timer);
}
