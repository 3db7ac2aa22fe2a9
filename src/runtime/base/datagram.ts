import { createSocket, type Socket } from "node:dgram";
import { lookup } from "node:dns/promises";
import type { Datagram, DatagramOptions } from "../interface/datagram.ts";
import type { StreamError } from "../interface/stream-error.ts";
import { plainAddress, showAddress } from "./address.ts";
import { streamError } from "./stream-error.ts";
import { fromLatin1 } from "./text.ts";

/** A connected socket of `node:dgram`. One datagram is under way at a time: Deno would send several in any order. */
class NodeDatagram implements Datagram {
  readonly remoteAddress: string;
  readonly remotePort: number;
  pending = 0;

  readonly #socket: Socket;
  readonly #failed: (error: unknown) => void;
  #waiting: string[] = [];
  #sending = false;
  #closed: (() => void) | undefined;

  constructor(socket: Socket, address: string, port: number, failed: (error: unknown) => void) {
    this.#socket = socket;
    this.#failed = failed;
    this.remoteAddress = plainAddress(address);
    this.remotePort = port;
  }

  send(text: string): void {
    if (this.#closed !== undefined) return;
    this.pending += text.length;
    if (this.#sending) this.#waiting.push(text);
    else this.#send(text);
  }

  #send(text: string): void {
    this.#sending = true;
    try {
      this.#socket.send(fromLatin1(text), (error) => this.#sent(text, error));
    } catch (error) {
      this.#sent(text, error);
    }
  }

  #sent(text: string, error: unknown): void {
    this.pending -= text.length;
    this.#sending = false;
    if (error !== null && error !== undefined) this.#failed(error);
    const next = this.#waiting.shift();
    if (next !== undefined) this.#send(next);
    else if (this.#closed !== undefined) this.#close();
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#closed = resolve;
      if (!this.#sending) this.#close();
    });
  }

  #close(): void {
    this.#socket.close(this.#closed);
  }
}

/** A socket that knows where to; an IPv4 address is preferred, since nobody would notice that none listens on IPv6. */
async function connectedSocket(options: DatagramOptions): Promise<readonly [socket: Socket, address: string]> {
  const { address, family } = await lookup(options.host, { family: options.family ?? 0, verbatim: false });
  const socket = createSocket(family === 6 ? "udp6" : "udp4");
  return await new Promise((resolve, reject) => {
    const failed = (error: unknown): void => {
      reject(error);
      socket.on("error", ignored);
      socket.close();
    };
    socket.once("error", failed);
    try {
      socket.connect(options.port, address, (error?: unknown) => {
        socket.off("error", failed);
        if (error === null || error === undefined) resolve([socket, address]);
        else failed(error);
      });
    } catch (error) {
      failed(error); // a port out of range, say
    }
  });
}

function ignored(): void {}

/** `Runtime.openDatagram`. */
export async function openDatagram(options: DatagramOptions, onError: (error: StreamError) => void): Promise<Datagram> {
  const failed = (error: unknown): void => onError(streamError(error, `send to ${showAddress(options)}`, "send"));
  try {
    const [socket, address] = await connectedSocket(options);
    socket.on("error", failed);
    socket.unref();
    return new NodeDatagram(socket, address, options.port, failed);
  } catch (error) {
    throw streamError(error, `dial ${showAddress(options)}`, "connect");
  }
}
