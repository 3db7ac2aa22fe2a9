import { TimeLimit } from "../base/time-limit.ts";
import type { StreamError } from "../interface/stream-error.ts";
import type { TlsFacts } from "../interface/tls.ts";
import { BunStream, type Released, type StreamSocket } from "./stream.ts";
import type { TlsOwner, TlsSocket, VerifyError } from "./tls-engine.ts";

/** Hears how a handshake ends. */
export interface HandshakeEnd {
  secured(stream: BunStream): void;
  failed(error: StreamError): void;
}

/** A handshake under way, as client or as server: what its socket belongs to until it is complete. It ends once. */
export abstract class Handshake implements TlsOwner {
  readonly peerText = "";
  protected readonly released: Released;
  protected settled = false;
  private readonly end: HandshakeEnd;
  private timeLimit: TimeLimit | undefined = undefined;

  constructor(released: Released, end: HandshakeEnd) {
    this.released = released;
    this.end = end;
  }

  abstract handshaken(socket: TlsSocket, success: boolean, error: VerifyError | null | undefined): void;

  /** Why it fails when the peer is gone before it is complete. */
  protected abstract closedEarly(): StreamError;

  /** Lets it take so many milliseconds. */
  protected limit(ms: number, late: () => void): void {
    this.timeLimit = new TimeLimit(ms, late);
  }

  /** It is complete, and the peer is welcome. */
  protected secured(socket: TlsSocket, facts: TlsFacts): void {
    this.settle();
    const { unix, peer } = this.released;
    const stream = new BunStream(socket as unknown as StreamSocket, unix, facts, peer);
    socket.data = stream;
    this.end.secured(stream);
  }

  failed(error: StreamError): void {
    if (this.settled) return;
    this.settle();
    this.end.failed(error);
  }

  /** The socket is closed before anything else was heard. */
  socketClosed(cause: StreamError | undefined): void {
    this.failed(cause ?? this.closedEarly());
  }

  private settle(): void {
    this.settled = true;
    this.timeLimit?.cancel();
  }

  // Bytes come after the handshake only.
  arrived(): void {}
  flush(): void {}
  peerEnded(): void {}
}
