import { Agent, request } from "node:http";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { ranSince, threadTimes } from "./processes.ts";

/** The worst that happened to one of many requests, in milliseconds. */
export interface LongestWait {
  /** From sending to the answer. */
  readonly wall: number;
  /** That the router's threads were at work meanwhile: what it would have been without other work on the machine. */
  readonly busy: number;
}

/** A router, as the thread is told. */
interface Target {
  readonly pid: number;
  readonly port: number;
}

const agent = new Agent({ keepAlive: true });

/** Sends a request for a host that has no route; resolves when it is answered. */
function ask(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: "127.0.0.1", agent, headers: { host: "nobody.example.com" } }, (answer) => {
      answer.resume();
      answer.on("end", resolve);
    });
    sent.on("error", reject);
    sent.end();
  });
}

/**
 * The longest waits of the requests that a thread of its own sent one after another while `work` was done. The process
 * must be on one core: then its threads do not run at the same time, and what they run adds up to the wait.
 */
export async function longestWait(target: Target, work: () => Promise<void>): Promise<LongestWait> {
  const thread = new Worker(new URL(import.meta.url), { workerData: target });
  await new Promise((resolve) => thread.once("message", resolve));
  await work();
  thread.postMessage("stop");
  return await new Promise((resolve) => thread.once("message", resolve));
}

if (!isMainThread) {
  const { pid, port } = workerData as Target;
  let [wall, busy] = [0, 0];
  let stopping = false;
  parentPort!.once("message", () => {
    stopping = true;
  });
  await ask(port);
  parentPort!.postMessage("ready");
  while (!stopping) {
    const [sent, before] = [performance.now(), threadTimes(pid)];
    await ask(port);
    wall = Math.max(wall, performance.now() - sent);
    busy = Math.max(busy, ranSince(pid, before));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  parentPort!.postMessage({ wall, busy } satisfies LongestWait);
  parentPort!.close();
}
