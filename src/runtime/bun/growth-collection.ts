import { edenGC } from "bun:jsc";
import { openStreams } from "../base/descriptors.ts";

/** So many streams more, and what is new is collected. */
const growth = 512;

/** Streams that were open when that was done last, or fewer since. */
let before = 0;
let scheduled = false;

/**
 * To be called when a stream has been opened. Connections that come in a burst and stay, WebSockets say, lie between the
 * garbage of their opening: left to the engine, which waits for 16 MB of it, they are spread over as much memory, and none
 * of that can be given back. Collecting what is new takes 1 to 2 ms and lets the next ones have the gaps.
 */
export function collectWithGrowth(): void {
  const open = openStreams();
  if (open < before) before = open;
  if (open < before + growth || scheduled) return;
  scheduled = true;
  setImmediate(collect);
}

function collect(): void {
  scheduled = false;
  before = openStreams();
  edenGC();
}
