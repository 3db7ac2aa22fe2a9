import type { Failure } from "../../core/forwarding/failure.ts";
import { type BodyOrigin, ResponseBody } from "../client-body.ts";
import type { Carrier, ClientExchange } from "../client-exchange.ts";
import { ClientResponse } from "../client-response.ts";
import type { HeaderLines } from "../header-lines.ts";
import type { RequestOutput } from "../request-writer.ts";
import type { TimerWheel } from "../timer-wheel.ts";
import { invalidUpgrade, malformed, requestFault, responseTooLarge, tooManyLines } from "./client-failures.ts";
import { encodeLines } from "./message-block.ts";
import { CANCEL, NO_ERROR, PROTOCOL_ERROR, REFUSED_STREAM } from "./protocol.ts";
import { requestBlock, targetFault } from "./request-block.ts";
import { ResponseFields } from "./response-fields.ts";
import { Http2Stream, type StreamConnection } from "./stream.ts";

/** HTTP/2 has no reason phrases (RFC 9113 §8.3.2). */
const unphrased = { reason: "" };

/** The connection of a request's stream. */
export interface ClientStreamOwner extends StreamConnection {
  /** Own `ip:port`. */
  readonly local: string;
  /** It has carried a request before. */
  readonly used: boolean;
  readonly secure: boolean;
  readonly timers: TimerWheel;
  /** Most header lines of a response; 0: unlimited. */
  readonly maxLines: number;
  /** Longest field section of a response, in bytes. */
  readonly maxHeaderList: number;
  readonly fieldsTooLarge: boolean;
  /** Why the peer's reset ended a stream. */
  resetFailure(stream: number, code: number, answered: boolean): Failure;
  /** Sends a request that the peer has not looked at on another connection. */
  again(exchange: ClientExchange): void;
  /** The stream is over. `stuck`: nothing came on it until its deadline. */
  streamOver(stream: Http2ClientStream, stuck: boolean): void;
}

// A field section is read in one go, so one serves all streams.
const responseFields = new ResponseFields();

/** One exchange on a stream of a connection to a backend (RFC 9113 §8, data-plane §10.3). */
export class Http2ClientStream extends Http2Stream implements RequestOutput, Carrier, BodyOrigin {
  readonly #owner: ClientStreamOwner;
  readonly #exchange: ClientExchange;
  /** Anything of an answer came. */
  #heard = false;
  #body: ResponseBody | undefined;
  /** Bytes of the announced response body that have not come; -1: nothing was announced. */
  #missing = -1;
  /** Bytes that wait in `#body` until its reader can take more. */
  #unread = 0;
  #over = false;

  constructor(id: number, owner: ClientStreamOwner, exchange: ClientExchange) {
    super(id, owner);
    this.#owner = owner;
    this.#exchange = exchange;
  }

  /** What of an answer has come: nothing, something, or its head. */
  get heard(): boolean {
    return this.#heard;
  }

  get exchange(): ClientExchange {
    return this.#exchange;
  }

  get answered(): boolean {
    return this.#body !== undefined;
  }

  /** Sends the request. */
  begin(): void {
    const exchange = this.#exchange;
    const { outgoing, writer } = exchange;
    exchange.carriedBy(this, this.#owner.local, this.#owner.used);
    const fault = targetFault(outgoing.target);
    if (outgoing.upgrade) exchange.fail(invalidUpgrade(outgoing.outbound.get("upgrade") ?? ""));
    else if (fault !== undefined) exchange.fail(requestFault(fault));
    if (exchange.over) return;
    const block = requestBlock(outgoing, exchange.bodyLength, this.#owner.secure);
    if (writer !== undefined) writer.begin(this, block);
    else {
      this.connection.sendHeaders(this, block, true);
      outgoing.attempt.wroteHead = true;
    }
  }

  writeHead(head: string, first: Uint8Array | undefined, from: number, last: boolean): boolean {
    const alone = first === undefined || first.length === from;
    this.connection.sendHeaders(this, head, alone && last);
    if (alone) return true;
    const bytes = from === 0 ? first : first.subarray(from);
    if (!last) return this.sendBody(bytes);
    this.sendLast(bytes, undefined);
    return true;
  }

  writeBody(bytes: Uint8Array): boolean {
    return this.sendBody(bytes);
  }

  writeEnd(trailers: HeaderLines | undefined): void {
    const block = trailers === undefined ? "" : encodeLines(trailers);
    this.sendLast(undefined, block === "" ? undefined : block);
  }

  protected sendReady(): void {
    this.#exchange.writer?.drained();
  }

  protected lastSent(): void {}

  headersArrived(last: boolean): void {
    this.#heard = true;
    if (this.#owner.fieldsTooLarge) {
      this.#exchange.fail(responseTooLarge(this.#owner.maxHeaderList));
      return;
    }
    const fields = responseFields;
    const wellFormed = fields.read(this.connection.fields);
    const body = this.#body;
    if (body !== undefined) {
      if (!wellFormed || fields.status !== 0 || !last) this.#broken("trailers are malformed");
      else this.#ended(body, fields.trailers());
      return;
    }
    if (!wellFormed || fields.status === 0 || fields.status === 101) this.#broken("header fields are malformed");
    else if (fields.status < 200) {
      if (last) this.#broken("an interim response ends the stream");
      else this.#exchange.interim(fields.status, fields.headers());
    } else this.#answer(fields, last);
  }

  #answer(fields: ResponseFields, last: boolean): void {
    const exchange = this.#exchange;
    const { status } = fields;
    const { maxLines } = this.#owner;
    if (maxLines > 0 && fields.lineCount > maxLines) {
      exchange.fail(tooManyLines());
      return;
    }
    const bodiless = last || status === 204 || status === 304 || exchange.outgoing.method === "HEAD";
    const length = bodiless ? 0 : fields.contentLength;
    if (last && fields.contentLength > 0 && exchange.outgoing.method !== "HEAD" && status !== 304) {
      this.#broken("the body is shorter than its Content-Length");
      return;
    }
    this.#missing = length;
    const body = new ResponseBody(length, undefined, this);
    this.#body = body;
    exchange.answered(new ClientResponse(status, unphrased, fields.headers(), body), body);
    if (last) this.#ended(body, undefined);
    // A final answer ends the wait for a 100 (data-plane §5.7).
    else if (!this.#over) exchange.writer?.proceed();
  }

  protected bodyArrived(bytes: Uint8Array, last: boolean): void {
    const body = this.#body;
    if (body === undefined) {
      this.#broken("DATA came before HEADERS");
      return;
    }
    if (this.#missing >= 0) {
      this.#missing -= bytes.length;
      if (this.#missing < 0) {
        this.#broken("the body is longer than its Content-Length");
        return;
      }
    }
    if (bytes.length > 0) {
      body.data(bytes);
      if (body.congested) this.#unread += bytes.length;
      else this.consumed(bytes.length);
    }
    if (last && !this.#over) this.#ended(body, undefined);
  }

  bodyResumed(): void {
    const unread = this.#unread;
    this.#unread = 0;
    if (unread > 0) this.consumed(unread);
  }

  bodyCancelled(): void {
    const exchange = this.#exchange;
    this.drop();
    exchange.complete();
  }

  /** The response is complete; a request that goes on is not wanted any more. */
  #ended(body: ResponseBody, trailers: HeaderLines | undefined): void {
    if (this.#missing > 0) {
      this.#broken("the body is shorter than its Content-Length");
      return;
    }
    this.remoteClosed = true;
    this.#exchange.complete();
    this.#leave(NO_ERROR, false);
    body.finish(trailers);
  }

  drop(): void {
    this.#leave(CANCEL, this.#exchange.timedOut && !this.#heard);
  }

  /** The stream is over for us; the peer hears of it unless both sides have said so. */
  #leave(code: number, stuck: boolean): void {
    if (this.#over) return;
    this.#over = true;
    const open = !this.localClosed || !this.remoteClosed;
    const begun = this.#exchange.outgoing.attempt.wroteHead;
    this.abandon();
    this.remoteClosed = true;
    if (open && begun) this.connection.reset(this.id, code);
    this.connection.forget(this);
    this.#owner.timers.disarm(this.#exchange.deadline);
    this.#owner.streamOver(this, stuck);
  }

  resetArrived(code: number): void {
    const exchange = this.#exchange;
    this.remoteClosed = true;
    this.localClosed = true;
    if (code === REFUSED_STREAM && !this.#heard && exchange.refused()) {
      this.moveAway();
      this.#owner.again(exchange);
      return;
    }
    exchange.outgoing.attempt.heard = true;
    exchange.fail(this.#owner.resetFailure(this.id, code, this.answered));
  }

  /** The exchange, which is detached, is left to another connection. */
  moveAway(): void {
    this.localClosed = true;
    this.remoteClosed = true;
    this.#over = true;
    this.abandon();
    this.connection.forget(this);
    this.#owner.streamOver(this, false);
  }

  /** The connection is gone. */
  lost(failure: Failure): void {
    this.localClosed = true;
    this.remoteClosed = true;
    this.#exchange.outgoing.attempt.heard = this.#heard;
    this.#exchange.fail(failure);
  }

  #broken(reason: string): void {
    this.connection.reset(this.id, PROTOCOL_ERROR);
    this.localClosed = true;
    this.remoteClosed = true;
    this.#exchange.fail(malformed(reason, this.answered));
  }
}
