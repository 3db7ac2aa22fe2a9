/**
 * Load at a fixed rate: `node open-load.ts '{"port":…,"rate":…,"seconds":…,"connections":…}'`. Requests are due at even
 * times, whether earlier ones are answered or not, and a latency counts from the time a request was due: what waits for
 * a free connection, or for this program, has waited. Prints one line of JSON (`OpenLoadResult`).
 *
 * A timer is late by a millisecond, ten times what is measured. So the program never sleeps, and makes way for the
 * others on its processor by the least priority there is.
 */
import { connect, type Socket } from "node:net";
import { constants, setPriority } from "node:os";
import { appHost } from "./rig/contender.ts";

/** What the fixed rate showed. Latencies in microseconds. */
export interface OpenLoadResult {
  readonly p50: number;
  readonly p99: number;
  readonly answered: number;
  /** Answers other than 200, and requests on connections that broke. */
  readonly failed: number;
}

const { port, rate, seconds, connections } = JSON.parse(process.argv[2]!) as {
  readonly port: number;
  readonly rate: number;
  readonly seconds: number;
  readonly connections: number;
};
const request = Buffer.from(`GET / HTTP/1.1\r\nHost: ${appHost}\r\n\r\n`, "latin1");
const gap = 1000 / rate;
const total = Math.round(rate * seconds);
// The first half second is the connections' and the compilers'.
const warming = Math.round(rate / 2);
const latencies = new Float64Array(total);
const idle: Connection[] = [];
/** Numbers of due requests that found no idle connection. */
const waiting: number[] = [];
let answered = 0;
let failed = 0;
let began = 0;

/** One connection with at most one request on it. */
class Connection {
  #number = -1;
  /** Bytes of the answer that are still to come; -1 while its head is. */
  #missing = -1;
  #head = "";
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes) => this.#read(bytes));
    socket.on("error", () => {});
    socket.on("close", () => {
      if (this.#number >= 0) failed++;
    });
  }

  send(number: number): void {
    this.#number = number;
    this.#missing = -1;
    this.#head = "";
    this.#socket.write(request);
  }

  #read(bytes: Buffer): void {
    let body = bytes.length;
    if (this.#missing < 0) {
      this.#head += bytes.toString("latin1");
      const end = this.#head.indexOf("\r\n\r\n");
      if (end < 0) return;
      this.#missing = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#head)?.[1] ?? 0);
      body = this.#head.length - end - 4;
    }
    this.#missing -= body;
    if (this.#missing > 0) return;
    latencies[this.#number] = (performance.now() - began - this.#number * gap) * 1000;
    answered++;
    if (!this.#head.startsWith("HTTP/1.1 200 ")) failed++;
    this.#number = -1;
    const next = waiting.shift();
    if (next === undefined) idle.push(this);
    else this.send(next);
  }
}

let due = 0;
function turn(): void {
  const now = performance.now() - began;
  for (; due < total && due * gap <= now; due++) {
    const connection = idle.shift();
    if (connection === undefined) waiting.push(due);
    else connection.send(due);
  }
  if (due < total || (answered < total && failed === 0 && now < (seconds + 5) * 1000)) setImmediate(turn);
  else report();
}

function report(): void {
  const sorted = latencies
    .subarray(warming)
    .filter((latency) => latency > 0)
    .sort();
  const at = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
  const result: OpenLoadResult = { p50: at(0.5), p99: at(0.99), answered, failed: failed + (due - answered) };
  console.log(JSON.stringify(result));
  process.exit(0);
}

setPriority(constants.priority.PRIORITY_LOW);
for (let i = 0; i < connections; i++) {
  const socket = connect(port, "127.0.0.1");
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  idle.push(new Connection(socket));
}
began = performance.now();
turn();
