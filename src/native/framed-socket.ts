import type { ByteStream, ByteStreamHandler } from "../runtime/interface/byte-stream.ts";
import type { MessageSocket, WebSocketHandler } from "../runtime/interface/web-socket.ts";
import type { Runtime } from "../runtime/interface.ts";
import type { ByteTunnel } from "../wire/tunnel.ts";
import { FrameError, FrameParser, Opcode } from "./frame-parser.ts";
import { clientFrame, closePayload } from "./frame-writer.ts";

/** How long the backend has to answer a close frame, in milliseconds. */
const closeWaitMs = 5000;
const text = new TextEncoder();

/** What is used of a runtime: masks, and the end of waiting. */
type SocketRuntime = Pick<Runtime, "randomBytes" | "clock">;

/** The backend's WebSocket by messages, spoken on the byte stream of a tunnel (RFC 6455, client side, no extensions). */
export class FramedSocket implements MessageSocket, ByteStreamHandler {
  readonly #stream: ByteStream;
  readonly #runtime: SocketRuntime;
  readonly #handler: WebSocketHandler;
  readonly #parser: FrameParser;
  #closeSent = false;
  #over = false;
  #close = { code: 1006, reason: "" };

  /** The tunnel's stream, paused, belongs to the socket from now on; messages come from `start` on. */
  constructor(tunnel: ByteTunnel, runtime: SocketRuntime, handler: WebSocketHandler) {
    this.#stream = tunnel.tunnel;
    this.#runtime = runtime;
    this.#handler = handler;
    this.#parser = new FrameParser({
      message: (data) => handler.message(data),
      control: (opcode, payload) => this.#control(opcode, payload),
    });
    this.#stream.handler = this;
  }

  /** Begins to deliver; `early` are the bytes that came right behind the 101. */
  start(early: Uint8Array): void {
    if (this.#over) return;
    if (early.length > 0) this.data(early);
    this.#stream.resume();
  }

  get pending(): number {
    return this.#stream.pending;
  }

  send(data: string | Uint8Array): boolean {
    if (this.#closeSent || this.#over) return true;
    return typeof data === "string" ? this.#write(Opcode.text, text.encode(data)) : this.#write(Opcode.binary, data);
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  close(code: number, reason: string): void {
    if (this.#closeSent || this.#over) return;
    this.#closeSent = true;
    this.#write(Opcode.close, closePayload(code, reason));
    // A paused stream would not bring the answer.
    this.#stream.resume();
    this.#runtime.clock.after(closeWaitMs, () => this.destroy(), true);
  }

  destroy(): void {
    if (!this.#over) this.#stream.destroy();
  }

  data(bytes: Uint8Array): void {
    try {
      this.#parser.feed(bytes);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#fail(error);
    }
  }

  drained(): void {
    this.#handler.drained();
  }

  ended(): void {
    this.#stream.end();
  }

  closed(): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.closed(this.#close.code, this.#close.reason);
  }

  #write(opcode: number, payload: Uint8Array): boolean {
    return this.#stream.write(clientFrame(opcode, payload, this.#runtime.randomBytes(4)));
  }

  #control(opcode: number, payload: Uint8Array): void {
    if (opcode === Opcode.ping) {
      if (!this.#closeSent) this.#write(Opcode.pong, payload);
    } else if (opcode === Opcode.close) {
      this.#close = this.#readClose(payload);
      if (!this.#closeSent) {
        this.#closeSent = true;
        this.#write(Opcode.close, payload);
      }
      this.#stream.end();
    }
  }

  #readClose(payload: Uint8Array): { code: number; reason: string } {
    if (payload.length === 0) return { code: 1005, reason: "" };
    if (payload.length === 1) throw new FrameError(1002, "a close frame has half a code");
    const code = (payload[0]! << 8) | payload[1]!;
    const sendable = (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code < 5000);
    if (!sendable) throw new FrameError(1002, `close code ${code} may not be sent`);
    return { code, reason: this.#parser.text(payload.subarray(2)) };
  }

  /** The backend does not speak RFC 6455: both ends hear the code that says so. */
  #fail({ code, message }: FrameError): void {
    this.#close = { code, reason: message };
    if (!this.#closeSent) {
      this.#closeSent = true;
      this.#write(Opcode.close, closePayload(code, message));
    }
    this.#stream.handler = { data() {}, drained() {}, ended() {}, closed: () => this.closed() };
    this.#stream.end();
    this.#runtime.clock.after(closeWaitMs, () => this.destroy(), true);
  }
}
