/** Opcode of a close frame (RFC 6455 §5.2). */
const close = 8;

/**
 * Follows one direction of a WebSocket by the heads of its frames (RFC 6455 §5.2), so that a frame of our own can go
 * between two of them. Payloads are only counted; nothing is kept but a head that is not complete.
 */
export class FrameCounter {
  /** A close frame has begun: nothing may follow it. */
  closing = false;
  /** These bytes are no frames; where the next one begins cannot be known any more. */
  broken = false;
  /** The mask bit of this direction: clients mask, servers do not (§5.1). */
  readonly #mask: 0x80 | 0;
  /** Bytes to come until the end of a frame whose head is known. */
  #left = 0;
  /** Bytes of a head that is not complete: how many there are and are needed, and the length they gave so far. */
  #have = 0;
  #need = 2;
  #opcode = 0;
  #length = 0;

  /** `masked`: the direction from client to server. */
  constructor(masked: boolean) {
    this.#mask = masked ? 0x80 : 0;
  }

  /** The bytes so far end with a frame, and another one may follow. */
  get between(): boolean {
    return this.#left === 0 && this.#have === 0 && !this.broken && !this.closing;
  }

  /** Takes what passes. */
  pass(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.broken; ) at = this.#advance(bytes, at);
  }

  /** Takes what passes up to the first place between two frames; gives that place, or -1 when there is none. */
  passFrame(bytes: Uint8Array): number {
    for (let at = 0; at < bytes.length && !this.broken; ) {
      at = this.#advance(bytes, at);
      if (this.between) return at;
    }
    return -1;
  }

  /** One step: what is there of a payload, or one byte of a head. */
  #advance(bytes: Uint8Array, at: number): number {
    if (this.#left > 0) {
      const step = Math.min(this.#left, bytes.length - at);
      this.#left -= step;
      return at + step;
    }
    this.#head(bytes[at] as number);
    return at + 1;
  }

  #head(byte: number): void {
    switch (this.#have++) {
      case 0:
        this.#opcode = byte & 0x0f;
        // Reserved opcodes, and fragmented control frames (§5.4, §5.5).
        this.broken = (this.#opcode & 7) > 2 || (this.#opcode >= close && byte < 0x80);
        break;
      case 1: {
        const short = byte & 0x7f;
        this.broken = (byte & 0x80) !== this.#mask || (this.#opcode >= close && short > 125);
        this.#need = short === 126 ? 4 : short === 127 ? 10 : 2;
        this.#length = short < 126 ? short : 0;
        break;
      }
      default:
        this.#length = this.#length * 256 + byte;
    }
    if (this.#have < this.#need) return;
    if (this.#length > Number.MAX_SAFE_INTEGER) this.broken = true;
    this.#left = this.#length + (this.#mask === 0 ? 0 : 4);
    this.closing ||= this.#opcode === close;
    this.#have = 0;
    this.#need = 2;
  }
}
