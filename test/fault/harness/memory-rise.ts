import type { Program } from "../../conformance/harness/program.ts";

/** Does `work` and says how far the program's resident memory rose above where it was, in MiB, sampled every 50 ms. */
export async function memoryRise(program: Program, work: () => Promise<unknown>): Promise<number> {
  const before = program.residentMiB;
  let peak = before;
  const look = (): void => {
    peak = Math.max(peak, program.residentMiB);
  };
  const sample = setInterval(look, 50);
  try {
    await work();
  } finally {
    clearInterval(sample);
  }
  look();
  return peak - before;
}
