import { WebSocket } from "ws";
import type { ClientTls } from "../runtime/interface/tls.ts";
import { type BusServer, hostPort } from "./server-list.ts";

/** A connection to a NATS server over WebSocket that is being opened. */
interface OpeningWebSocket {
  readonly socket: WebSocket;
  /** `ip:port` of the peer once it is known, else host and port of the URL. */
  address(): string;
  /** Why opening it failed, when it did: nats.ws itself keeps only a code. */
  failure(): Error | undefined;
}

/** Dials `ws://` or `wss://`. npm's `ws`: the runtimes' own clients cannot take authorities and a key pair alike. */
export function openWebSocket(server: BusServer, tls: ClientTls, timeoutMs: number): OpeningWebSocket {
  const authority = hostPort(server.hostname, server.port);
  const socket = new WebSocket(`${server.secure ? "wss" : "ws"}://${authority}${server.path}`, {
    handshakeTimeout: timeoutMs,
    perMessageDeflate: false,
    ...(server.secure && {
      ...(tls.authorities && { ca: [...tls.authorities] }),
      ...(tls.keyPair && { cert: tls.keyPair.certificate, key: tls.keyPair.key }),
    }),
  });
  let failure: Error | undefined;
  // By `addEventListener`: nats.ws takes `onerror` for itself.
  socket.addEventListener("error", (event) => {
    failure ??= event.error instanceof Error ? event.error : new Error(event.message);
  });
  // nats.ws waits for 0 before it closes a dead connection, which would be for ever.
  Object.defineProperty(socket, "bufferedAmount", { value: 0 });
  return {
    socket,
    failure: () => failure,
    address() {
      // Not part of the WebSocket interface, and absent in Bun's own `ws`.
      const tcp = (socket as { _socket?: { remoteAddress?: string; remotePort?: number } })._socket;
      return tcp?.remoteAddress && tcp.remotePort ? hostPort(tcp.remoteAddress, tcp.remotePort) : authority;
    },
  };
}
