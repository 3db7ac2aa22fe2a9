import { maxWebSocketMessage } from "../runtime/interface/web-socket.ts";

/** Opcodes (RFC 6455 §5.2). */
export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** The backend broke RFC 6455; `code` is what the closing handshake says (§7.4.1). */
export class FrameError extends Error {
  override readonly name = "FrameError";
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** What a parser hears. */
interface FrameSink {
  message(data: string | Uint8Array): void;
  /** Ping, pong or close, with its payload. */
  control(opcode: number, payload: Uint8Array): void;
}

/**
 * Reads the frames that a WebSocket server sends (RFC 6455 §5) from bytes as they come, and puts fragments together.
 * Throws `FrameError` when the bytes are none of the protocol; it must not be fed again then.
 */
export class FrameParser {
  readonly #sink: FrameSink;
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** Bytes of a head, or of a payload, that is not complete. */
  #parts: Uint8Array[] = [];
  #have = 0;
  /** What the next step needs. */
  #need = 2;
  #head: { readonly final: boolean; readonly opcode: number } | undefined;
  /** The message under way: its opcode (0: none) and its fragments. */
  #opcode = 0;
  #fragments: Uint8Array[] = [];
  #length = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  feed(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#have += bytes.length;
    while (this.#have >= this.#need) this.#step();
  }

  #step(): void {
    if (this.#head !== undefined) {
      const { final, opcode } = this.#head;
      const payload = this.#take(this.#need);
      this.#head = undefined;
      this.#need = 2;
      this.#frame(final, opcode, payload);
      return;
    }
    const head = this.#peek(this.#need);
    const [first, second] = head as unknown as [number, number];
    if ((first & 0x70) !== 0) throw new FrameError(1002, "reserved bits are set");
    if ((second & 0x80) !== 0) throw new FrameError(1002, "a server's frame is masked");
    const short = second & 0x7f;
    const headLength = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (this.#need < headLength) {
      this.#need = headLength;
      return;
    }
    const view = new DataView(head.buffer, head.byteOffset, head.length);
    const length = short === 126 ? view.getUint16(2) : short === 127 ? Number(view.getBigUint64(2)) : short;
    const opcode = first & 0x0f;
    const final = (first & 0x80) !== 0;
    if (opcode >= 8 && (!final || length > 125))
      throw new FrameError(1002, "a control frame is fragmented or too long");
    if (length + this.#length > maxWebSocketMessage) throw new FrameError(1009, "a message is too long");
    this.#take(headLength);
    this.#head = { final, opcode };
    this.#need = length;
    // `feed` goes on with a payload of no bytes, too.
  }

  #frame(final: boolean, opcode: number, payload: Uint8Array): void {
    if (opcode >= Opcode.close) {
      if (opcode > Opcode.pong) throw new FrameError(1002, `opcode ${opcode} is not defined`);
      this.#sink.control(opcode, payload);
      return;
    }
    if (opcode > Opcode.binary) throw new FrameError(1002, `opcode ${opcode} is not defined`);
    if ((opcode === Opcode.continuation) === (this.#opcode === 0)) {
      throw new FrameError(1002, "a message begins before the last one ended, or goes on without having begun");
    }
    if (opcode !== Opcode.continuation) this.#opcode = opcode;
    this.#fragments.push(payload);
    this.#length += payload.length;
    if (!final) return;
    const whole = joined(this.#fragments, this.#length);
    const isText = this.#opcode === Opcode.text;
    this.#opcode = 0;
    this.#fragments = [];
    this.#length = 0;
    this.#sink.message(isText ? this.text(whole) : whole);
  }

  /** Payload as text. Throws `FrameError` when it is no UTF-8. */
  text(payload: Uint8Array): string {
    try {
      return this.#utf8.decode(payload);
    } catch {
      throw new FrameError(1007, "a text is not UTF-8");
    }
  }

  #gather(): Uint8Array {
    if (this.#parts.length !== 1) this.#parts = [joined(this.#parts, this.#have)];
    return this.#parts[0]!;
  }

  #peek(length: number): Uint8Array {
    return this.#gather().subarray(0, length);
  }

  #take(length: number): Uint8Array {
    const all = this.#gather();
    this.#parts = [all.subarray(length)];
    this.#have -= length;
    return all.subarray(0, length);
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
