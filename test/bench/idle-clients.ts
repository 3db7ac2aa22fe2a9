/**
 * Opens connections and keeps them: `node idle-clients.ts '{"port":…,"first":0,"count":…,"host":…,"upgrade":false}'`. Each sends one
 * request, and with `upgrade` becomes a WebSocket. Prints `{"seconds":…,"open":…}` when all have their answer, and ends
 * with its standard input.
 */
import { connect, type Socket } from "node:net";
import process from "node:process";

/** What this program is asked for. */
export interface Order {
  readonly port: number;
  /** Number of the first of them: each address of ours has ports for so many. */
  readonly first: number;
  readonly count: number;
  readonly host: string;
  readonly upgrade: boolean;
}

/** Connections that are being opened at a time. */
const atOnce = 200;
/** So many from one address of the loopback network: there are 28 000 ports for each. */
const perAddress = 10_000;

const { port, first, count, host, upgrade } = JSON.parse(process.argv[2] ?? "") as Order;
const upgrading = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const request = `GET / HTTP/1.1\r\nHost: ${host}\r\n${upgrade ? upgrading + key : ""}\r\n`;
const answer = upgrade ? "HTTP/1.1 101" : "HTTP/1.1 200";
const open: Socket[] = [];

/** Opens one; resolves with its answer's first bytes. */
function openOne(number: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const localAddress = `127.0.0.${2 + Math.floor(number / perAddress)}`;
    const socket = connect({ host: "127.0.0.1", port, localAddress }, () => socket.write(request));
    socket.once("data", (bytes) => {
      const text = bytes.toString("latin1");
      if (text.startsWith(answer)) resolve();
      else reject(new Error(`unexpected answer: ${text.slice(0, 200)}`));
      socket.resume();
    });
    socket.on("error", reject);
    open.push(socket);
  });
}

const started = performance.now();
let next = 0;
async function openNext(): Promise<void> {
  while (next < count) await openOne(first + next++);
}
await Promise.all(Array.from({ length: atOnce }, openNext));
const seconds = (performance.now() - started) / 1000;
await new Promise((resolve) => setTimeout(resolve, 1000));
console.log(JSON.stringify({ seconds, open: open.filter((socket) => !socket.destroyed).length }));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
