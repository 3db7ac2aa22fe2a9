import { Readable } from "node:stream";

/** `Runtime.cpuProfile`. Modules are loaded on demand: profiling is rare, and they would slow every start. */
export async function cpuProfile(ms: number): Promise<string> {
  const { Session } = await import("node:inspector/promises");
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.start");
    await new Promise((resolve) => setTimeout(resolve, ms));
    const { profile } = await session.post("Profiler.stop");
    return JSON.stringify(profile);
  } finally {
    session.disconnect();
  }
}

/** `Runtime.heapSnapshot`. */
export async function heapSnapshot(): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const { getHeapSnapshot } = await import("node:v8");
  return Readable.toWeb(getHeapSnapshot()) as ReadableStream<Uint8Array<ArrayBuffer>>;
}
