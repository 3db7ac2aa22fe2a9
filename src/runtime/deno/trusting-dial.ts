import { connectNet } from "../base/net-connect.ts";
import { systemAuthorities } from "../base/system-authorities.ts";
import type { ByteStream, ByteStreamHandler } from "../interface/byte-stream.ts";
import type { ConnectOptions } from "../interface/dialling.ts";
import { StreamError } from "../interface/stream-error.ts";
import type { ClientTls } from "../interface/tls.ts";
import { makeTlsGate } from "./tls-gate.ts";

/** Names of servers that the system's authorities vouch for. */
const publicNames = new Set<string>();
const publicNamesLimit = 1000;

/**
 * `Runtime.connect` for Deno, which reads all authorities anew for each handshake: with the system's some 10 ms instead of 2.
 * So where both kinds are trusted the given ones are tried alone first, and then the system's on a connection of its own.
 */
export async function connectDeno(options: ConnectOptions, handler: ByteStreamHandler): Promise<ByteStream> {
  const { tls } = options;
  if (tls?.trustSystem !== true || tls.authorities === undefined || tls.authorities.length === 0) {
    return await connectNet(options, handler, makeTlsGate);
  }
  const given: ClientTls = { ...tls, trustSystem: false };
  const system: ClientTls = { ...given, authorities: systemAuthorities() };
  const isPublic = publicNames.has(tls.serverName);
  const [first, second] = isPublic ? [system, given] : [given, system];
  try {
    return await connectNet({ ...options, tls: first }, handler, makeTlsGate);
  } catch (error) {
    if (!(error instanceof StreamError) || error.kind !== "tls-untrusted") throw error;
    const stream = await connectNet({ ...options, tls: second }, handler, makeTlsGate);
    if (isPublic) publicNames.delete(tls.serverName);
    else if (publicNames.size < publicNamesLimit) publicNames.add(tls.serverName);
    return stream;
  }
}
