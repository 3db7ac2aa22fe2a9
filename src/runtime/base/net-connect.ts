import { connect, isIP, type NetConnectOpts, type Socket } from "node:net";
import type { ByteStream, ByteStreamHandler } from "../interface/byte-stream.ts";
import type { ConnectOptions } from "../interface/dialling.ts";
import type { StreamError } from "../interface/stream-error.ts";
import { plainAddress, showAddress } from "./address.ts";
import { descriptorClosed, descriptorOpened, roomToDial } from "./descriptors.ts";
import { dialTimeout, noDescriptor } from "./dial-errors.ts";
import { dialHandle } from "./handle-dial.ts";
import { NetStream } from "./net-stream.ts";
import { streamError } from "./stream-error.ts";
import { tcpBindings } from "./tcp-handle.ts";
import { TimeLimit } from "./time-limit.ts";
import { handshakeAsClient } from "./tls-client.ts";
import type { MakeGate } from "./tls-server.ts";

/** A connected socket that nobody reads from yet. */
function dial(options: ConnectOptions, action: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const { host, port = 0, path, timeoutMs, keepAliveMs, times } = options;
    const begun = performance.now();
    const alive = keepAliveMs === undefined ? {} : { keepAlive: true, keepAliveInitialDelay: keepAliveMs };
    const where = path === undefined ? { host: host ?? "127.0.0.1", port } : { path };
    let socket: Socket;
    try {
      socket = connect({ ...where, ...alive, allowHalfOpen: true, noDelay: true } as NetConnectOpts);
    } catch (error) {
      // A port out of range, say.
      reject(streamError(error, action, "connect"));
      return;
    }
    descriptorOpened();
    socket.once("close", descriptorClosed);
    const failed = (error: Error): void => {
      limit?.cancel();
      if (times !== undefined) times.dialMs = performance.now() - begun;
      reject(streamError(error, action, "connect"));
      socket.on("error", ignored);
      socket.destroy();
    };
    const limit =
      timeoutMs === undefined ? undefined : new TimeLimit(timeoutMs, () => failed(dialTimeout(action, timeoutMs)));
    socket.once("error", failed);
    socket.once("connect", () => {
      limit?.cancel();
      if (times !== undefined) times.dialMs = performance.now() - begun;
      socket.off("error", failed);
      resolve(socket);
    });
  });
}

function ignored(): void {}

/** An IP address and a port, in plain: what `node:net` can do more is not needed. */
function needsNoSocket({ host = "127.0.0.1", port = 0, path, tls, takeover }: ConnectOptions): boolean {
  if (path !== undefined || tls !== undefined || takeover === true) return false;
  return isIP(host) !== 0 && Number.isInteger(port) && port > 0 && port <= 65_535;
}

/** `Runtime.connect` on `node:net`. */
export async function connectNet(
  options: ConnectOptions,
  handler: ByteStreamHandler,
  makeGate?: MakeGate,
): Promise<ByteStream> {
  const action = `dial ${showAddress(options)}`;
  if (!roomToDial()) throw noDescriptor(action);
  if (tcpBindings !== undefined && needsNoSocket(options)) {
    return await dialHandle(tcpBindings, action, options, handler);
  }
  const socket = await dial(options, action);
  if (options.preamble !== undefined) socket.write(options.preamble);
  if (options.tls === undefined) {
    const stream = new NetStream(socket);
    stream.handler = handler;
    return stream;
  }
  const { tls, times } = options;
  const local = showAddress({ host: plainAddress(socket.localAddress), port: socket.localPort ?? 0 });
  const begun = performance.now();
  return await new Promise<ByteStream>((resolve, reject) => {
    const timed = (): void => {
      if (times !== undefined) times.tlsMs = performance.now() - begun;
    };
    const secured = (stream: NetStream): void => {
      timed();
      stream.handler = handler;
      resolve(stream);
    };
    const failed = (error: StreamError): void => {
      timed();
      error.local = local;
      reject(error);
    };
    handshakeAsClient(socket, tls, action, makeGate, { secured, failed });
  });
}
