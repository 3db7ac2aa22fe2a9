import { existsSync } from "node:fs";
import { request } from "node:http";
import type { NatsConnection } from "@nats-io/transport-node";
import { cpuTime, residentMiB } from "./processes.ts";

/** Waits that many milliseconds. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Status of a GET for that host; 0: no answer. */
function statusOf(port: number, host: string): Promise<number> {
  return new Promise((resolve) => {
    const sent = request({ port, host: "127.0.0.1", headers: { host } }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode ?? 0));
    });
    sent.on("error", () => resolve(0));
    sent.end();
  });
}

/** So many times the quiet that is asked for memory may take to settle at most; a fall that says that it has not, in MiB. */
const [mostQuiets, fallMiB] = [5, 2];

/** A router under measurement, with the bus that feeds it. */
export class Subject {
  readonly pid: number;
  readonly port: number;
  readonly #nats: NatsConnection;
  #marks = 0;

  constructor(pid: number, port: number, nats: NatsConnection) {
    this.pid = pid;
    this.port = port;
    this.#nats = nats;
  }

  /** Resolves when it answers. */
  async up(): Promise<void> {
    while ((await this.#statusOf("nobody.example.com")) === 0) await pause(50);
  }

  /** Publishes the messages and waits until they are applied. */
  async apply(messages: readonly string[], subject = "router.register"): Promise<void> {
    for (let from = 0; from < messages.length; from += 2000) {
      for (const text of messages.slice(from, from + 2000)) this.#nats.publish(subject, text);
      await this.#nats.flush();
    }
    const uri = `mark-${this.#marks++}.example.com`;
    this.#nats.publish("router.register", JSON.stringify({ host: "127.0.0.1", port: 1, uris: [uri] }));
    while ([0, 404].includes(await this.#statusOf(uri))) await pause(10);
  }

  /** As `statusOf`. Throws when there is nobody left to wait for. */
  async #statusOf(host: string): Promise<number> {
    const status = await statusOf(this.port, host);
    if (status === 0 && !existsSync(`/proc/${this.pid}`)) throw new Error("the router under measurement has ended");
    return status;
  }

  /** Resolves when the host has no route any more. */
  async gone(host: string): Promise<void> {
    while ((await this.#statusOf(host)) !== 404) await pause(100);
  }

  /** CPU time so far, in microseconds. */
  get cpu(): number {
    const { user, system } = cpuTime(this.pid);
    return user + system;
  }

  /** Resident memory in MiB, once it has stopped falling for so many milliseconds. */
  async settledMemory(quietMs: number): Promise<number> {
    let lowest = residentMiB(this.pid);
    const end = performance.now() + mostQuiets * quietMs;
    for (let quiet = performance.now() + quietMs; performance.now() < Math.min(quiet, end); ) {
      await pause(250);
      const now = residentMiB(this.pid);
      if (now > lowest - fallMiB) continue;
      lowest = now;
      quiet = performance.now() + quietMs;
    }
    return residentMiB(this.pid);
  }
}
