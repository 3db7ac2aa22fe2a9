import type { Runtime } from "../interface.ts";
import { DescriptorWriter, type WriteSome } from "./descriptor-writer.ts";

// A closed or full standard output is no reason to fail: there is nobody left to tell.
const ignored = (): void => {};

/** Standard output and error of this process. `writeSome`: for a runtime on which `fs.write` waits. */
export function processOutput(writeSome?: WriteSome): Pick<Runtime, "writeOut" | "writeError" | "flushOutput"> {
  const out = new DescriptorWriter(1, ignored, 0, writeSome);
  const err = new DescriptorWriter(2, ignored, 0, writeSome);
  return {
    writeOut: (text, latin1 = false) => out.write(text, latin1),
    writeError: (text, latin1 = false) => err.write(text, latin1),
    async flushOutput() {
      await out.flushedOrStuck();
      await err.flushedOrStuck();
    },
  };
}
