/**
 * The load on a machine without wrk: `bun plain-load.ts '{"url":…,"count":…,"seconds":…,"bodyBytes":…,"close":…}'`.
 * Each connection sends the next request when the answer to the last is complete (by Content-Length). Prints what wrk
 * prints, as far as it is read here.
 */
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { appHost } from "./rig/contender.ts";

const { url, count, seconds, bodyBytes, close } = JSON.parse(process.argv[2]!) as {
  readonly url: string;
  readonly count: number;
  readonly seconds: number;
  readonly bodyBytes: number;
  readonly close: boolean;
};
const { protocol, port, pathname } = new URL(url);
const lines = [
  `${bodyBytes > 0 ? "POST" : "GET"} ${pathname} HTTP/1.1`,
  `Host: ${appHost}`,
  ...(close ? ["Connection: close"] : []),
  ...(bodyBytes > 0 ? [`Content-Length: ${bodyBytes}`] : []),
];
const request = Buffer.from(`${lines.join("\r\n")}\r\n\r\n${"x".repeat(bodyBytes)}`, "latin1");
const end = performance.now() + seconds * 1000;
const latencies: number[] = [];
let failed = 0;
let socketErrors = 0;
let open = 0;

function dial(): Socket {
  const target = { port: Number(port), host: "127.0.0.1" };
  return protocol === "https:"
    ? connectTls({ ...target, servername: appHost, rejectUnauthorized: false })
    : connectTcp(target);
}

function run(): void {
  const socket = dial();
  let began = 0;
  let head = "";
  // Bytes of the body that are still to come; undefined while the head is incomplete.
  let missing: number | undefined;
  const send = (): void => {
    began = performance.now();
    head = "";
    missing = undefined;
    socket.write(request);
  };
  open++;
  socket.setNoDelay(true);
  socket.once(protocol === "https:" ? "secureConnect" : "connect", send);
  socket.on("error", () => {
    socketErrors++;
  });
  socket.on("data", (bytes) => {
    let body = bytes.length;
    if (missing === undefined) {
      head += bytes.toString("latin1");
      const headLength = head.indexOf("\r\n\r\n") + 4;
      if (headLength < 4) return;
      missing = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
      body = head.length - headLength;
      if (!/^HTTP\/1\.1 [23]/.test(head)) failed++;
    }
    missing -= body;
    if (missing > 0) return;
    latencies.push(performance.now() - began);
    if (performance.now() >= end || close) socket.destroy();
    else send();
  });
  socket.on("close", () => {
    open--;
    if (performance.now() < end) run();
    else if (open === 0) report();
  });
}

function report(): void {
  const sorted = latencies.sort((a, b) => a - b);
  const at = (part: number): string => `${(sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(3)}ms`;
  console.log(`50% ${at(0.5)}\n99% ${at(0.99)}\n${sorted.length} requests in ${seconds}s`);
  if (socketErrors > 0) console.log(`Socket errors: connect or read ${socketErrors}`);
  if (failed > 0) console.log(`Non-2xx or 3xx responses: ${failed}`);
  console.log(`Requests/sec: ${(sorted.length / seconds).toFixed(1)}`);
}

for (let i = 0; i < count; i++) run();
