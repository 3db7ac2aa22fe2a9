import { Endpoint, RestingEndpoint } from "./endpoint.ts";
import type { EndpointKind } from "./endpoint-kind.ts";
import { codeOf, longest, narrow, reference, repeatable } from "./packed-texts.ts";

/** Bytes of the longest record that is made here. */
const capacity = 4096;
const colon = 0x3a;

/**
 * What a registration says of an endpoint, made of the bytes of a message without a text in between: its texts are
 * packed exactly as `packTexts` does it. One object serves one message at a time. Only texts of ASCII may be added.
 */
export class PackedEndpoint {
  /** The packed texts are the first `length` of these. */
  readonly bytes: Uint8Array = new Uint8Array(capacity);
  length = 0;
  kind: EndpointKind = new Endpoint({ host: "", port: 0 }).resting.kind;
  /** As registered, in seconds; 0: the default. */
  staleThresholdSeconds = 0;
  /** `Endpoint.updatedAtMs`; 0: unknown. */
  updatedAtMs = 0;

  #next = 0;
  /** Where the first texts are, of which later ones may be repetitions, and how long; 0 for those that are repetitions. */
  readonly #starts = new Int32Array(repeatable);
  readonly #lengths = new Int32Array(repeatable);

  /**
   * Begins a record of so many texts with that of the address: host and port lie in the input. False: there is none of
   * texts that long.
   */
  begin(count: number, input: Uint8Array, host: number, hostEnd: number, port: number, portEnd: number): boolean {
    const length = hostEnd - host + 1 + portEnd - port;
    if (length > longest || 1 + count + length > capacity) return false;
    const { bytes } = this;
    bytes[0] = narrow;
    bytes[1] = codeOf(length);
    let at = 1 + count;
    this.#starts[0] = at;
    this.#lengths[0] = length;
    for (let i = host; i < hostEnd; i++) bytes[at++] = input[i]!;
    bytes[at++] = colon;
    for (let i = port; i < portEnd; i++) bytes[at++] = input[i]!;
    this.length = at;
    this.#next = 1;
    return true;
  }

  /** Adds the text that lies there in the input. False: the record cannot be had. */
  add(input: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (length > longest || this.length + length > capacity) return false;
    const index = this.#next++;
    const { bytes } = this;
    const first = length === 0 ? -1 : this.#repetitionOf(input, start, length, index);
    bytes[1 + index] = first < 0 ? codeOf(length) : reference + first;
    if (index < repeatable) {
      this.#starts[index] = this.length;
      this.#lengths[index] = first < 0 ? length : 0;
    }
    if (first >= 0) return true;
    let at = this.length;
    for (let i = start; i < end; i++) bytes[at++] = input[i]!;
    this.length = at;
    return true;
  }

  /** The endpoint as an object of its own. */
  endpoint(): Endpoint {
    const packed = String.fromCharCode.apply(undefined, this.bytes.subarray(0, this.length) as unknown as number[]);
    return new Endpoint(new RestingEndpoint(packed, this.kind, this.staleThresholdSeconds));
  }

  #repetitionOf(input: Uint8Array, start: number, length: number, end: number): number {
    const last = end < repeatable ? end : repeatable;
    for (let i = 0; i < last; i++) {
      if (this.#lengths[i] !== length) continue;
      const first = this.#starts[i]!;
      let same = 0;
      while (same < length && this.bytes[first + same] === input[start + same]) same++;
      if (same === length) return i;
    }
    return -1;
  }
}
