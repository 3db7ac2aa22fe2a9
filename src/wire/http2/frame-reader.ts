import { ConnectionError, DATA, END_STREAM, FRAME_SIZE_ERROR, PADDED, PROTOCOL_ERROR } from "./protocol.ts";

/** Takes frames. Views are of what was pushed. */
export interface FrameSink {
  /**
   * Bytes of a DATA frame, which may come in pieces; `flow`: bytes that count for flow control, padding included.
   * `last`: the frame is complete and had END_STREAM.
   */
  dataFrame(stream: number, bytes: Uint8Array, flow: number, last: boolean): void;
  /** Any other frame, complete. */
  frame(type: number, flags: number, stream: number, payload: Uint8Array): void;
  /** Nothing more is wanted. */
  readonly over: boolean;
}

const headerLength = 9;
const nothing = new Uint8Array(0);

/** Finds frames (RFC 9113 §4.1) in bytes that arrive in any pieces; DATA passes through, other frames are collected. */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #maxFrame: number;
  /** The header being read, as far as it came in pieces. */
  readonly #header = new Uint8Array(headerLength);
  #headerBytes = 0;
  #inPayload = false;
  #type = 0;
  #flags = 0;
  #stream = 0;
  /** Bytes of the payload that are yet to come. */
  #remaining = 0;
  /** What came of a payload that has to be complete. */
  #held: Uint8Array = nothing;
  #heldBytes = 0;

  /** `maxFrame`: longest payload taken, in bytes. */
  constructor(sink: FrameSink, maxFrame: number) {
    this.#sink = sink;
    this.#maxFrame = maxFrame;
  }

  /** Takes bytes. Throws `ConnectionError` when a frame is too long or its padding is. */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (!this.#sink.over) {
      if (this.#inPayload) at = this.#payload(bytes, at);
      else if (this.#headerBytes === 0 && bytes.length - at >= headerLength) {
        this.#begin(bytes, at);
        at += headerLength;
      } else if (at < bytes.length) {
        this.#header[this.#headerBytes++] = bytes[at++]!;
        if (this.#headerBytes < headerLength) continue;
        this.#headerBytes = 0;
        this.#begin(this.#header, 0);
      } else return;
      if (at === bytes.length && (!this.#inPayload || this.#remaining > 0)) return;
    }
  }

  #begin(bytes: Uint8Array, at: number): void {
    const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    this.#type = bytes[at + 3]!;
    this.#flags = bytes[at + 4]!;
    this.#stream = ((bytes[at + 5]! & 0x7f) << 24) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 8) | bytes[at + 8]!;
    if (length > this.#maxFrame) throw new ConnectionError(FRAME_SIZE_ERROR, `a frame of ${length} bytes`);
    this.#remaining = length;
    this.#inPayload = true;
  }

  /** Takes what is there of the payload; the index behind it. */
  #payload(bytes: Uint8Array, at: number): number {
    const length = Math.min(this.#remaining, bytes.length - at);
    const end = at + length;
    if (this.#type === DATA && (this.#flags & PADDED) === 0) {
      this.#remaining -= length;
      const complete = this.#remaining === 0;
      this.#inPayload = !complete;
      const last = complete && (this.#flags & END_STREAM) !== 0;
      this.#sink.dataFrame(this.#stream, this.#view(bytes, at, end), length, last);
      return end;
    }
    if (length === this.#remaining && this.#heldBytes === 0) {
      this.#inPayload = false;
      this.#complete(this.#view(bytes, at, end));
      return end;
    }
    this.#hold(bytes.subarray(at, end));
    this.#remaining -= length;
    if (this.#remaining > 0) return end;
    const held = this.#held.subarray(0, this.#heldBytes);
    this.#held = nothing;
    this.#heldBytes = 0;
    this.#inPayload = false;
    this.#complete(held);
    return end;
  }

  #view(bytes: Uint8Array, at: number, end: number): Uint8Array {
    return at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end);
  }

  /** Memory grows with what has come, not with what a header promises. */
  #hold(bytes: Uint8Array): void {
    const needed = this.#heldBytes + bytes.length;
    if (needed > this.#held.length) {
      const grown = new Uint8Array(Math.max(needed, Math.min(this.#held.length * 2, this.#maxFrame)));
      grown.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = grown;
    }
    this.#held.set(bytes, this.#heldBytes);
    this.#heldBytes = needed;
  }

  #complete(payload: Uint8Array): void {
    if (this.#type !== DATA) {
      this.#sink.frame(this.#type, this.#flags, this.#stream, payload);
      return;
    }
    const last = (this.#flags & END_STREAM) !== 0;
    this.#sink.dataFrame(this.#stream, withoutPadding(payload), payload.length, last);
  }
}

/** Content of a padded payload (RFC 9113 §6.1). Throws `ConnectionError` when the padding does not fit. */
export function withoutPadding(payload: Uint8Array): Uint8Array {
  const padding = payload[0];
  if (padding === undefined || padding >= payload.length) {
    throw new ConnectionError(PROTOCOL_ERROR, "padding longer than its frame");
  }
  return payload.subarray(1, payload.length - padding);
}
