import type { Socket } from "node:net";
import type { ByteStream, ByteStreamHandler } from "../interface/byte-stream.ts";
import { StreamError } from "../interface/stream-error.ts";
import type { ClientTls, ServerTls } from "../interface/tls.ts";
import { showAddress } from "./address.ts";
import { NetStream } from "./net-stream.ts";
import { handshakeAsClient } from "./tls-client.ts";
import { type MakeGate, TlsAcceptor } from "./tls-server.ts";

const acceptors = new WeakMap<ServerTls, TlsAcceptor>();

function acceptorFor(tls: ServerTls, makeGate: MakeGate | undefined): TlsAcceptor {
  let acceptor = acceptors.get(tls);
  if (acceptor === undefined) {
    acceptor = new TlsAcceptor(tls, makeGate);
    acceptors.set(tls, acceptor);
  }
  return acceptor;
}

function socketOf(stream: ByteStream, already: Uint8Array | undefined): Socket {
  if (stream instanceof NetStream && stream.tls === undefined) return stream.release(already);
  throw new StreamError("other", "start TLS: this stream cannot be taken over; open it with `takeover: true`");
}

/** `Runtime.prepareServerTls`; `gapsOf` knows what the runtime does not do. */
export function prepareServerNet(
  tls: ServerTls,
  gapsOf: (tls: ServerTls) => readonly string[],
  makeGate?: MakeGate,
): readonly string[] {
  acceptorFor(tls, makeGate);
  return gapsOf(tls);
}

/** `Runtime.secureServer`: the old stream's handler hears nothing more. Certificates are prepared once per `tls` object. */
export async function secureServerNet(
  stream: ByteStream,
  already: Uint8Array,
  tls: ServerTls,
  handler: ByteStreamHandler,
  makeGate?: MakeGate,
): Promise<ByteStream> {
  const acceptor = acceptorFor(tls, makeGate);
  const socket = socketOf(stream, already);
  return await new Promise<ByteStream>((resolve, reject) => {
    const secured = (secure: NetStream): void => {
      secure.handler = handler;
      resolve(secure);
    };
    acceptor.accept(socket, { secured, failed: reject });
  });
}

/** `Runtime.secureClient`: the old stream's handler hears nothing more. */
export async function secureClientNet(
  stream: ByteStream,
  tls: ClientTls,
  handler: ByteStreamHandler,
  makeGate?: MakeGate,
): Promise<ByteStream> {
  const action = `start TLS with ${showAddress({ host: stream.remoteAddress, port: stream.remotePort })}`;
  const socket = socketOf(stream, undefined);
  return await new Promise<ByteStream>((resolve, reject) => {
    const secured = (secure: NetStream): void => {
      secure.handler = handler;
      resolve(secure);
    };
    handshakeAsClient(socket, tls, action, makeGate, { secured, failed: reject });
  });
}
