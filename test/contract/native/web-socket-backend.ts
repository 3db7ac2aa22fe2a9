import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { Backend } from "../../conformance/harness/backend.ts";

/** Sec-WebSocket-Accept for a key (RFC 6455 §4.2.2). */
function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** A frame as a server sends it. */
export function serverFrame(opcode: number, payload: string | Uint8Array, final = true): Buffer {
  const body = Buffer.from(payload as string);
  const head =
    body.length < 126
      ? Buffer.from([(final ? 0x80 : 0) | opcode, body.length])
      : Buffer.from([(final ? 0x80 : 0) | opcode, 127, 0, 0, 0, 0, ...u32(body.length)]);
  return Buffer.concat([head, body]);
}

const u32 = (n: number): number[] => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];

/** Payload of a close frame. */
export function closeBytes(code: number, reason = ""): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]);
}

/** A frame as it came from the client's side. */
interface ClientFrame {
  readonly opcode: number;
  readonly masked: boolean;
  readonly payload: Buffer;
}

/** Takes the first frame off `bytes`; undefined while it is incomplete. */
function takeFrame(bytes: Buffer): { frame: ClientFrame; length: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 0x7f;
  const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
  if (bytes.length < 2 + extended + 4) return undefined;
  const size = extended === 2 ? bytes.readUInt16BE(2) : extended === 8 ? Number(bytes.readBigUInt64BE(2)) : short;
  const masked = (bytes[1]! & 0x80) !== 0;
  const start = 2 + extended + (masked ? 4 : 0);
  if (bytes.length < start + size) return undefined;
  const payload = Buffer.from(bytes.subarray(start, start + size));
  if (masked) for (let i = 0; i < size; i++) payload[i] = payload[i]! ^ bytes[start - 4 + (i & 3)]!;
  return { frame: { opcode: bytes[0]! & 0x0f, masked, payload }, length: start + size };
}

/** A backend that accepts WebSockets by hand: what it sends and receives is in the test's hands, frame by frame. */
export class WebSocketBackend {
  readonly http: Backend;
  /** Frames received, in order. */
  readonly frames: ClientFrame[] = [];
  /** Lines to add to the 101. */
  lines: string[] = [];
  /** Sent right behind the 101. */
  early: Buffer = Buffer.alloc(0);
  /** What is done with each frame. */
  onFrame: (frame: ClientFrame, socket: Socket) => void = () => {};
  /** Connection of the latest WebSocket. */
  socket: Socket | undefined;

  private constructor(http: Backend) {
    this.http = http;
  }

  /** Starts on a free port of 127.0.0.1. */
  static async start(): Promise<WebSocketBackend> {
    const http = await Backend.start(() => undefined);
    const backend = new WebSocketBackend(http);
    http.answer = (request) => {
      const { socket } = request;
      backend.socket = socket;
      const accept = acceptOf(request.header("sec-websocket-key") ?? "");
      const lines = ["Connection: Upgrade", "Upgrade: websocket", `Sec-WebSocket-Accept: ${accept}`, ...backend.lines];
      let pending = Buffer.alloc(0);
      socket.removeAllListeners("data");
      socket.on("data", (bytes: Buffer) => {
        pending = Buffer.concat([pending, bytes]);
        for (let found = takeFrame(pending); found !== undefined; found = takeFrame(pending)) {
          pending = pending.subarray(found.length);
          // A frame of an earlier test's connection may come late.
          if (backend.socket !== socket) continue;
          backend.frames.push(found.frame);
          backend.onFrame(found.frame, socket);
        }
      });
      const head = `HTTP/1.1 101 Switching Protocols\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
      socket.write(Buffer.concat([Buffer.from(head), backend.early]));
      return undefined;
    };
    return backend;
  }

  /** Forgets what was seen and set. */
  clear(): void {
    this.http.clear();
    this.frames.length = 0;
    this.lines = [];
    this.early = Buffer.alloc(0);
    this.onFrame = () => {};
    this.socket = undefined;
  }
}
