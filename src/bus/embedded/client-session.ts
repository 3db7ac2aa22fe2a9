import { limitTime } from "../../core/time-limit.ts";
import type { Clock, Timer } from "../../runtime/interface/clock.ts";
import { ProtocolError, type ProtocolHandler, ProtocolParser } from "./protocol-parser.ts";
import { type Interest, isLiteralSubject, isSubject, type SubjectTable } from "./subjects.ts";

/** The way to a client: a TCP stream or a WebSocket. */
export interface Peer {
  readonly remoteAddress: string;
  /** Bytes handed over that the kernel has not taken. */
  readonly pending: number;
  send(bytes: Uint8Array): void;
  /** Ends the connection after what was sent. */
  end(): void;
  /** Cuts the connection. */
  destroy(): void;
}

/** What all sessions share. */
export interface SessionContext {
  readonly clock: Clock;
  readonly table: SubjectTable<Subscription>;
  /** Credentials to demand, or undefined when anybody may come. */
  readonly credentials: { readonly user: string; readonly pass: string } | undefined;
  readonly maxPayload: number;
  readonly maxPending: number;
  readonly pingIntervalMs: number;
  /** A number in [0, 1): which member of a queue group gets a message. */
  random(): number;
  /** The session has something to send; `flush` is to be called when the current input is done with. */
  dirty(session: ClientSession): void;
  /** The session is over. */
  closed(session: ClientSession): void;
}

/** One SUB of one client. */
interface Subscription extends Interest {
  readonly id: string;
  readonly session: ClientSession;
  /** Messages after which it ends; 0: never. */
  max: number;
  delivered: number;
}

interface ConnectOptions {
  readonly verbose?: unknown;
  readonly pedantic?: unknown;
  readonly echo?: unknown;
  readonly headers?: unknown;
  readonly no_responders?: unknown;
  readonly user?: unknown;
  readonly pass?: unknown;
}

const authorizationViolation = "Authorization Violation";
const crlf = new Uint8Array([13, 10]);
const noResponders = new TextEncoder().encode("NATS/1.0 503\r\n\r\n");
const noPayload = new Uint8Array(0);
const text = new TextEncoder();
/** A client that must log in has this long for its CONNECT. */
const authTimeoutMs = 2000;
const maxPingsOut = 2;

/** The server's side of one client's connection: its options, its subscriptions and what is to be sent to it. */
export class ClientSession implements ProtocolHandler {
  readonly #peer: Peer;
  readonly #context: SessionContext;
  readonly #parser: ProtocolParser;
  readonly #subscriptions = new Map<string, Subscription>();
  #out: Uint8Array[] = [];
  #outBytes = 0;
  #authorized: boolean;
  #verbose = false;
  #pedantic = false;
  #echo = true;
  #headers = false;
  #noResponders = false;
  #pingsOut = 0;
  #timer: Timer;
  #over = false;

  /** `info` is the JSON of the INFO line, which is sent at once. */
  constructor(peer: Peer, context: SessionContext, info: string) {
    this.#peer = peer;
    this.#context = context;
    this.#parser = new ProtocolParser(this, context.maxPayload);
    this.#authorized = context.credentials === undefined;
    this.#timer = this.#authorized
      ? this.#armPing()
      : limitTime(context.clock, authTimeoutMs, () => this.#refuse("Authentication Timeout"), true);
    this.#write(text.encode(`INFO ${info}\r\n`));
    this.flush();
  }

  /** Takes bytes from the client. */
  data(bytes: Uint8Array): void {
    if (this.#over) return;
    try {
      this.#parser.parse(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#refuse(error.message);
    }
  }

  /** Hands everything that waits to the peer in one piece. */
  flush(): void {
    if (this.#outBytes === 0) return;
    const all = new Uint8Array(this.#outBytes);
    let at = 0;
    for (const part of this.#out) {
      all.set(part, at);
      at += part.length;
    }
    this.#out = [];
    this.#outBytes = 0;
    this.#peer.send(all);
  }

  /** The connection is gone. */
  closed(): void {
    if (this.#over) return;
    this.#over = true;
    this.#forget();
  }

  /** Ends the session from our side. */
  end(): void {
    if (this.#over) return;
    this.flush();
    this.#over = true;
    this.#forget();
    this.#peer.end();
  }

  connect(json: string): void {
    let options: ConnectOptions;
    try {
      options = JSON.parse(json) as ConnectOptions;
    } catch {
      throw new ProtocolError("Parser Error");
    }
    const { credentials } = this.#context;
    if (credentials !== undefined && (options.user !== credentials.user || options.pass !== credentials.pass))
      throw new ProtocolError(authorizationViolation);
    if (!this.#authorized) {
      this.#authorized = true;
      this.#timer.cancel();
      this.#timer = this.#armPing();
    }
    this.#verbose = options.verbose === true;
    this.#pedantic = options.pedantic === true;
    this.#echo = options.echo !== false;
    this.#headers = options.headers === true;
    this.#noResponders = this.#headers && options.no_responders === true;
    this.#ok();
  }

  publish(subject: string, reply: string, headers: Uint8Array | undefined, payload: Uint8Array): void {
    this.#mustBeAuthorized();
    if (this.#pedantic && !isLiteralSubject(subject)) {
      this.#error("Invalid Publish Subject");
      return;
    }
    this.#ok();
    const { plain, groups } = this.#context.table.match(subject);
    let taken = 0;
    for (const one of plain) if (this.#pass(one, subject, reply, headers, payload)) taken++;
    for (const group of groups) {
      const start = Math.floor(this.#context.random() * group.length);
      for (let i = 0; i < group.length; i++) {
        if (!this.#pass(group[(start + i) % group.length]!, subject, reply, headers, payload)) continue;
        taken++;
        break;
      }
    }
    if (taken === 0 && reply !== "" && this.#noResponders) this.#answerNobody(reply);
  }

  subscribe(subject: string, queue: string, id: string): void {
    this.#mustBeAuthorized();
    if (!isSubject(subject)) {
      this.#error("Invalid Subject");
      return;
    }
    if (!this.#subscriptions.has(id)) {
      const subscription = { subject, queue, id, session: this, max: 0, delivered: 0 };
      this.#subscriptions.set(id, subscription);
      this.#context.table.add(subscription);
    }
    this.#ok();
  }

  unsubscribe(id: string, max: number): void {
    this.#mustBeAuthorized();
    const subscription = this.#subscriptions.get(id);
    if (subscription !== undefined) {
      subscription.max = max;
      if (max <= subscription.delivered) this.#drop(subscription);
    }
    this.#ok();
  }

  ping(): void {
    this.#mustBeAuthorized();
    this.#write(text.encode("PONG\r\n"));
  }

  pong(): void {
    this.#pingsOut = 0;
  }

  /** Sends a message to one subscriber; false when it does not want it. */
  #pass(
    to: Subscription,
    subject: string,
    reply: string,
    headers: Uint8Array | undefined,
    payload: Uint8Array,
  ): boolean {
    if (to.session === this && !this.#echo) return false;
    return to.session.#deliver(to, subject, reply, headers, payload);
  }

  #deliver(
    to: Subscription,
    subject: string,
    reply: string,
    headers: Uint8Array | undefined,
    payload: Uint8Array,
  ): boolean {
    if (this.#over) return false;
    const replyPart = reply === "" ? "" : ` ${reply}`;
    if (headers === undefined || !this.#headers) {
      this.#write(text.encode(`MSG ${subject} ${to.id}${replyPart} ${payload.length}\r\n`));
    } else {
      const sizes = `${headers.length} ${headers.length + payload.length}`;
      this.#write(text.encode(`HMSG ${subject} ${to.id}${replyPart} ${sizes}\r\n`));
      this.#write(headers);
    }
    this.#write(payload);
    this.#write(crlf);
    if (++to.delivered === to.max) this.#drop(to);
    return true;
  }

  /** Tells a requester that nobody listens (clients of today fail their request at once). */
  #answerNobody(reply: string): void {
    const { plain } = this.#context.table.match(reply);
    for (const one of plain) if (one.session === this) this.#deliver(one, reply, "", noResponders, noPayload);
  }

  #mustBeAuthorized(): void {
    if (!this.#authorized) throw new ProtocolError(authorizationViolation);
  }

  #ok(): void {
    if (this.#verbose) this.#write(text.encode("+OK\r\n"));
  }

  #error(message: string): void {
    this.#write(text.encode(`-ERR '${message}'\r\n`));
  }

  #refuse(message: string): void {
    this.#error(message);
    this.end();
  }

  #write(bytes: Uint8Array): void {
    if (this.#over || bytes.length === 0) return;
    if (this.#outBytes === 0) this.#context.dirty(this);
    this.#out.push(bytes);
    this.#outBytes += bytes.length;
    if (this.#outBytes + this.#peer.pending > this.#context.maxPending) this.#cut();
  }

  /** A consumer that does not keep up would eat the memory of all. */
  #cut(): void {
    this.#out = [];
    this.#outBytes = 0;
    this.#over = true;
    this.#forget();
    this.#peer.send(text.encode("-ERR 'Slow Consumer'\r\n"));
    this.#peer.destroy();
  }

  #armPing(): Timer {
    return this.#context.clock.after(
      this.#context.pingIntervalMs,
      () => {
        if (this.#pingsOut === maxPingsOut) {
          this.#refuse("Stale Connection");
          return;
        }
        this.#pingsOut++;
        this.#write(text.encode("PING\r\n"));
        this.flush();
        this.#timer = this.#armPing();
      },
      true,
    );
  }

  #drop(subscription: Subscription): void {
    this.#subscriptions.delete(subscription.id);
    this.#context.table.remove(subscription);
  }

  #forget(): void {
    this.#timer.cancel();
    for (const subscription of this.#subscriptions.values()) this.#context.table.remove(subscription);
    this.#subscriptions.clear();
    this.#context.closed(this);
  }
}
