import { request } from "node:http";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

/** Sends a request for a host that has no route; resolves when it is answered. */
function ask(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: "127.0.0.1", headers: { host: "nobody.example.com" } }, (answer) => {
      answer.resume();
      answer.on("end", resolve);
    });
    sent.on("error", reject);
    sent.end();
  });
}

/**
 * The longest that one of the requests waited, in milliseconds, which a thread of its own sent one after another while
 * `work` was done.
 */
export async function longestWait(port: number, work: () => Promise<void>): Promise<number> {
  const thread = new Worker(new URL(import.meta.url), { workerData: port });
  await new Promise((resolve) => thread.once("message", resolve));
  await work();
  thread.postMessage("stop");
  return await new Promise((resolve) => thread.once("message", resolve));
}

if (!isMainThread) {
  const port = workerData as number;
  let longest = 0;
  let stopping = false;
  parentPort!.once("message", () => {
    stopping = true;
  });
  await ask(port);
  parentPort!.postMessage("ready");
  while (!stopping) {
    const sent = performance.now();
    await ask(port);
    longest = Math.max(longest, performance.now() - sent);
  }
  parentPort!.postMessage(longest);
  parentPort!.close();
}
