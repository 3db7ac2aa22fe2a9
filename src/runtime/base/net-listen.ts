import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { ByteStream, ByteStreamHandler } from "../interface/byte-stream.ts";
import type { Listener, ListenOptions } from "../interface/listening.ts";
import { showAddress } from "./address.ts";
import { descriptorClosed, descriptorOpened, roomToAccept } from "./descriptors.ts";
import { acceptHandles } from "./handle-accept.ts";
import { NetStream } from "./net-stream.ts";
import { streamError } from "./stream-error.ts";
import { tcpBindings } from "./tcp-handle.ts";
import { type MakeGate, TlsAcceptor } from "./tls-server.ts";
import { turnAway } from "./turn-away.ts";

/** Gives each accepted stream its handler. */
export type Accept = (stream: ByteStream) => ByteStreamHandler;

function ignored(): void {}

function bind(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(streamError(error, `listen on ${showAddress(options)}`, "listen")));
    const { path, port = 0, host, backlog, reusePort } = options;
    const extra = backlog === undefined ? {} : { backlog };
    const where =
      path === undefined ? { port, ...(host ? { host } : {}), ...(reusePort ? { reusePort } : {}) } : { path };
    try {
      server.listen({ ...where, ...extra }, resolve);
    } catch (error) {
      // A port out of range, say.
      reject(streamError(error, `listen on ${showAddress(options)}`, "listen"));
    }
  });
}

/** `Runtime.listen` on `node:net`; of plain streams that TLS does not take over, without its sockets. */
export async function listenNet(options: ListenOptions, accept: Accept, makeGate?: MakeGate): Promise<Listener> {
  const acceptor = options.tls === undefined ? undefined : new TlsAcceptor(options.tls, makeGate);
  const accepted = (stream: NetStream): void => {
    stream.handler = accept(stream);
  };
  const onSocket = (socket: Socket): void => {
    const room = roomToAccept();
    descriptorOpened();
    socket.once("close", descriptorClosed);
    socket.setNoDelay(true);
    if (acceptor === undefined) {
      const stream = new NetStream(socket);
      if (room) accepted(stream);
      else turnAway(stream, options.excess);
    } else if (room) {
      acceptor.accept(socket, { secured: accepted, failed: ignored });
    } else {
      socket.on("error", ignored);
      socket.destroy();
    }
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, onSocket);
  await bind(server, options);
  if (tcpBindings !== undefined && options.path === undefined && acceptor === undefined && options.takeover !== true)
    acceptHandles(server, tcpBindings, options, accept);
  // An error after binding concerns one accept call; the listener goes on.
  server.on("error", ignored);
  const address = server.address();
  const bound = typeof address === "object" ? (address as AddressInfo | null) : null;
  return {
    host: bound?.address ?? "",
    port: bound?.port ?? 0,
    close: () => closed(server),
  };
}

/** `server.close` waits for accepted sockets too; the port is free as soon as the server no longer listens. */
async function closed(server: Server): Promise<void> {
  server.close();
  await new Promise<void>((resolve) => setImmediate(resolve));
}
