import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createServer, type Server, type TLSSocket, type TlsOptions } from "node:tls";
import { StreamError } from "../interface/stream-error.ts";
import type { ServerTls, TlsFacts } from "../interface/tls.ts";
import { plainAddress } from "./address.ts";
import { authoritiesInChain } from "./authorities-in-chain.ts";
import { certificateAlert, missingCertificate } from "./certificate-alert.ts";
import type { Carrier, NetStream } from "./net-stream.ts";
import { handshakeError } from "./stream-error.ts";
import { TimeLimit } from "./time-limit.ts";
import { agreementOf } from "./tls-agreement.ts";
import { isOutOfDate, serverFacts, type TlsSource } from "./tls-facts.ts";
import { tlsStream } from "./tls-handle-stream.ts";
import { certificateChoice } from "./tls-key-pairs.ts";

/** Milliseconds that a handshake may take where nothing is said. */
export const defaultHandshakeTimeoutMs = 10_000;

/** OpenSSL's SSL_OP_NO_RENEGOTIATION: as upstream, no client starts a second handshake (data-plane §7.1). */
const noRenegotiation = 1 << 30;

/** What a TLS engine reads from and writes to in place of the socket, and the gate that stops it (Deno). */
export interface GatedCarrier extends Carrier {
  readonly duplex: Duplex;
  /** The handshake failed with that code of the runtime: tells the client, if the TLS engine has not. */
  refused(code: string): void;
  /** Looks at a client's first words: one that the settings turn away is told, and `refuse` hears the code for it. */
  check(tls: ServerTls, refuse: (code: string) => void): void;
}

/** Puts a gate between a TCP socket and the TLS engine, where the runtime needs one. */
export type MakeGate = (socket: Socket) => GatedCarrier;

/** Hears how a handshake ends. */
export interface HandshakeEnd {
  secured(stream: NetStream): void;
  failed(error: StreamError): void;
}

/** A handshake under way. */
interface Handshake {
  readonly carrier: Carrier & Partial<Pick<GatedCarrier, "refused">>;
  readonly end: HandshakeEnd;
  readonly limit: TimeLimit;
}

/**
 * TLS handshakes as a server, on sockets that others accepted. One `tls.Server` that never listens does the work:
 * a bare `TLSSocket` does not verify client certificates everywhere (runtimes.md §4).
 */
export class TlsAcceptor {
  private readonly tls: ServerTls;
  private readonly makeGate: MakeGate | undefined;
  private readonly options: TlsOptions;
  /** Without gates one server serves all connections. */
  private readonly server: Server | undefined;
  private readonly handshakes = new Map<Duplex, Handshake>();

  /** @throws Error when a certificate and its key do not fit. */
  constructor(tls: ServerTls, makeGate: MakeGate | undefined) {
    this.tls = tls;
    this.makeGate = makeGate;
    const agreement = agreementOf(tls);
    const asked = tls.clientCertificates !== "none";
    const trusted = asked ? tls.clientAuthorities : undefined;
    // The engine that needs a gate sends its authorities to clients.
    const authorities = makeGate === undefined ? trusted : trusted && authoritiesInChain(trusted);
    const choice = certificateChoice(tls.keyPairs, authorities, agreement);
    const first = tls.keyPairs[0]!;
    this.options = {
      // Behind a gate the certificate comes from SNICallback, always called there; parsing it for each server is dear.
      ...(makeGate === undefined ? { cert: first.certificate, key: first.key } : {}),
      ...(authorities === undefined ? {} : { ca: [...authorities] }),
      ...agreement,
      secureOptions: noRenegotiation,
      // Synchronous, and never without a context: Deno needs both.
      SNICallback: (name, give) => give(null, choice.find(name)),
      ...(tls.alpn === undefined ? {} : { ALPNProtocols: [...tls.alpn] }),
      requestCert: asked,
      rejectUnauthorized: makeGate === undefined && engineRefuses(tls),
    };
    if (makeGate === undefined) this.server = this.createServer((socket) => carrierOf(socket));
  }

  /** Starts the handshake on a connected socket that nobody else reads from. */
  accept(socket: Socket, end: HandshakeEnd): void {
    if (socket.destroyed) {
      end.failed(handshakeError(closedEarly, acceptAction));
      return;
    }
    const gated = this.makeGate?.(socket);
    const below: Duplex = gated?.duplex ?? socket;
    const limit = new TimeLimit(this.tls.handshakeTimeoutMs ?? defaultHandshakeTimeoutMs, () => socket.destroy());
    this.handshakes.set(below, { carrier: gated ?? { socket }, end, limit });
    // Whatever way it ends, the handshake is over with its socket; a better error has the time to arrive first.
    socket.on("error", ignored);
    socket.once("close", () =>
      setImmediate(() => this.take(below)?.end.failed(handshakeError(closedEarly, acceptAction))),
    );
    // A client that ends in the middle of its handshake is gone; half-open comes after it, in `secured`.
    socket.allowHalfOpen = false;
    if (gated !== undefined) socket.once("end", () => this.handshakes.has(below) && socket.destroy());
    gated?.check(this.tls, (code) => {
      const error = Object.assign(new Error("the settings turn this client away"), { code });
      this.take(below)?.end.failed(handshakeError(error, acceptAction));
    });
    // A TLS socket does not lead back to a gate: there each connection has a server of its own.
    const server = this.server ?? this.createServer(() => below);
    server.emit("connection", below);
  }

  private createServer(belowOf: (socket: TLSSocket) => Duplex | undefined): Server {
    const server = createServer(this.options);
    server.on("secureConnection", (socket) => this.secured(socket, belowOf(socket)));
    server.on("tlsClientError", (error, socket) => this.failed(error, socket, belowOf(socket)));
    return server;
  }

  private take(below: Duplex | undefined): Handshake | undefined {
    const handshake = below === undefined ? undefined : this.handshakes.get(below);
    if (handshake === undefined) return undefined;
    this.handshakes.delete(below!);
    handshake.limit.cancel();
    return handshake;
  }

  private secured(socket: TLSSocket, below: Duplex | undefined): void {
    const handshake = this.take(below);
    if (handshake === undefined) {
      socket.destroy();
      return;
    }
    socket.allowHalfOpen = true;
    handshake.carrier.socket.allowHalfOpen = true;
    const asked = this.tls.clientCertificates !== "none";
    const serverName = (socket as { servername?: string | false | null }).servername || "";
    const facts = serverFacts(socket, serverName, asked);
    const { socket: tcp } = handshake.carrier;
    const refusal = refusalOf(this.tls, facts, tcp.remoteAddress, () => refusalCode(socket));
    if (refusal === undefined) {
      handshake.end.secured(tlsStream(socket, facts, handshake.carrier));
      return;
    }
    if (refusal.alert !== undefined) tcp.write(refusal.alert);
    socket.on("error", ignored);
    socket.destroy();
    tcp.destroySoon();
    handshake.end.failed(refusal.error);
  }

  private failed(error: Error, socket: TLSSocket, below: Duplex | undefined): void {
    const handshake = this.take(below);
    socket.destroy();
    if (handshake === undefined) return;
    handshake.carrier.refused?.((error as { code?: string }).code ?? "");
    handshake.carrier.socket.destroySoon();
    // With "require" the runtime closes the connection itself, and calls it reset.
    const code = refusalCode(socket);
    handshake.end.failed(
      code === undefined
        ? handshakeError(error, acceptAction)
        : untrusted(handshake.carrier.socket.remoteAddress, code),
    );
  }
}

/** What fails when a handshake does, for messages. */
export const acceptAction = "accept a TLS client";

/**
 * Whether the engine itself is to refuse clients. It does so for one without a certificate in words of TLS, and of any
 * other it just closes the connection; what it leaves to us gets an alert up to TLS 1.2 (`certificateAlert`).
 */
export function engineRefuses({ clientCertificates, maxVersion = "TLSv1.3" }: ServerTls): boolean {
  return clientCertificates === "require" && maxVersion === "TLSv1.3";
}

/** Why a client is turned away, and the record that tells it so, where there can be one. */
interface Refusal {
  readonly error: StreamError;
  readonly alert: Uint8Array | undefined;
}

/**
 * Whether a client is let in that has completed its handshake; undefined: it is. `codeOf` gives what the engine has
 * against its certificate.
 */
export function refusalOf(
  tls: ServerTls,
  facts: TlsFacts,
  remoteAddress: string | undefined,
  codeOf: () => string | undefined,
): Refusal | undefined {
  const { clientCertificates: wanted } = tls;
  if (wanted === "none") return undefined;
  const refuse = (error: StreamError, code?: string): Refusal => ({
    error,
    alert: facts.version === "TLSv1.3" ? undefined : certificateAlert(code),
  });
  const shown = facts.peerCertificates.length > 0;
  if (!shown && wanted === "require") return refuse(missingCertificate(acceptAction));
  if (shown && !facts.verified) {
    const code = codeOf() ?? "";
    return refuse(untrusted(remoteAddress, code), code);
  }
  const objection = tls.objection?.(facts);
  return objection === undefined ? undefined : refuse(objection, "");
}

/** The code for which a client's certificate was refused; undefined: it was not, or there was none. */
function refusalCode(socket: TLSSocket): string | undefined {
  const code = socket.authorizationError as unknown as string | { code?: string } | null | undefined;
  return refusedFor(typeof code === "string" ? code : code?.code, socket);
}

/** The code for which a certificate is refused that was `given` that code by the engine; undefined: there was none. */
export function refusedFor(
  given: string | undefined,
  socket: Pick<TlsSource, "getPeerCertificate">,
): string | undefined {
  if (given === undefined || given === "UNABLE_TO_GET_ISSUER_CERT") return undefined;
  return isOutOfDate(socket.getPeerCertificate(false)) ? "CERT_HAS_EXPIRED" : given;
}

/** The client's certificate is not trusted, for that reason. */
function untrusted(remoteAddress: string | undefined, code: string): StreamError {
  const from = plainAddress(remoteAddress);
  return new StreamError("tls-untrusted", `${acceptAction} from ${from}: its certificate is not trusted (${code})`, {
    code,
  });
}

const closedEarly = Object.assign(new Error("closed"), { code: "ECONNRESET" });

function ignored(): void {}

/** The TCP socket below a TLS socket. Not documented, but the only way from one to the other, and the same everywhere. */
function carrierOf(socket: TLSSocket): Duplex | undefined {
  return (socket as unknown as { _parent?: Duplex })._parent;
}
