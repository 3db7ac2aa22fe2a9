import type { Endpoint } from "../core/routing/endpoint.ts";
import type { EndpointKind } from "../core/routing/endpoint-kind.ts";
import { PackedEndpoint } from "../core/routing/packed-endpoint.ts";
import { type MessageShape, shapeOf } from "./message-shape.ts";

/** Shapes that are known at a time: one sender has one to three. */
const mostShapes = 4;
/** Kinds of endpoints that are known of a shape, each at the place of its hash (a power of two). */
const kindPlaces = 64;
/** One of so many messages of no known shape is looked at closely (a power of two). */
const strangersEach = 8;
/** Bytes: of longer messages no shape is taken, and longer uris are decoded. */
const [longestMessage, longestUri] = [4096, 1024];
const longestPort = 5;
const largestPort = 65_535;
/** Digits of the largest 64-bit number, and of a time in nanoseconds those that are less than a millisecond. */
const [longestTime, belowMillisecond] = [19, 6];

const quote = 0x22;
const [zero, one, eight, nine] = [0x30, 0x31, 0x38, 0x39];

/** A kind of endpoint, and what stands in the slots that make it, each text with a quote behind it. */
interface KnownKind {
  readonly texts: Uint8Array;
  readonly kind: EndpointKind;
}

interface KnownShape {
  readonly shape: MessageShape;
  readonly kinds: (KnownKind | undefined)[];
}

/**
 * Reads the messages that are like an earlier one in all but the values that differ from route to route, as nearly all of a
 * sender are: they are compared with its shape, byte by byte, and what lies in between is taken as it is. What is found
 * says what `endpointOf(decodeRegistryMessage(...))` would; all else has to be decoded: other shapes, and values that a
 * decoder has anything to say about.
 */
export class MessageShapes {
  /** What the message last found says. */
  readonly packed: PackedEndpoint = new PackedEndpoint();
  /** Its one uri. */
  uri = "";

  readonly #known: KnownShape[] = [];
  #strangers = 0;
  /** The message last looked for has no known shape. */
  #strange = false;
  /** The message last looked for has that shape, and is of a kind that is not known. */
  #unknownKind: KnownShape | undefined;

  /** Whether the message between two indexes has a known shape: then it is in `uri` and `packed` until the next call. */
  find(input: Uint8Array, start: number, end: number): boolean {
    this.#unknownKind = undefined;
    this.#strange = false;
    const all = this.#known;
    for (let i = 0; i < all.length; i++) {
      const known = all[i]!;
      if (!known.shape.fits(input, start, end)) continue;
      // The next message is likely to be of that shape, too.
      if (i > 0) {
        all[i] = all[0]!;
        all[0] = known;
      }
      return this.#read(known, input);
    }
    this.#strange = true;
    return false;
  }

  /** The message that was looked for last, and not found, was decoded and gave this endpoint: others may be like it. */
  learn(input: Uint8Array, start: number, end: number, endpoint: Endpoint): void {
    let known = this.#unknownKind;
    if (known === undefined) {
      // One of a known shape with a value that only a decoder reads teaches nothing.
      if (!this.#strange || end - start > longestMessage || this.#strangers++ % strangersEach !== 0) return;
      const shape = shapeOf(input.subarray(start, end), endpoint.tls, endpoint.staleThresholdSeconds);
      if (shape?.fits(input, start, end) !== true) return;
      known = { shape, kinds: new Array<KnownKind | undefined>(kindPlaces).fill(undefined) };
      if (this.#known.length === mostShapes) this.#known.pop();
      this.#known.push(known);
    }
    const { shape, kinds } = known;
    kinds[placeOfKind(shape, input)] = { texts: kindTexts(shape, input), kind: endpoint.resting.kind };
  }

  #read(known: KnownShape, input: Uint8Array): boolean {
    const { shape, kinds } = known;
    const { starts, ends, port, otherPort, updatedAt, uri } = shape;
    if (!isPort(input, starts[port]!, ends[port]!)) return false;
    if (otherPort >= 0 && !isPort(input, starts[otherPort]!, ends[otherPort]!)) return false;
    if (updatedAt >= 0 && !isTime(input, starts[updatedAt]!, ends[updatedAt]!)) return false;
    if (ends[uri]! - starts[uri]! > longestUri) return false;
    const kind = kinds[placeOfKind(shape, input)];
    if (kind === undefined || !hasKind(shape, input, kind.texts)) {
      this.#unknownKind = known;
      return false;
    }
    if (!this.#pack(shape, input)) return false;
    const { packed } = this;
    packed.kind = kind.kind;
    packed.staleThresholdSeconds = shape.staleThresholdSeconds;
    packed.updatedAtMs = updatedAt < 0 ? 0 : milliseconds(input, starts[updatedAt]!, ends[updatedAt]!);
    this.uri = String.fromCharCode.apply(undefined, input.subarray(starts[uri], ends[uri]) as unknown as number[]);
    return true;
  }

  #pack({ starts, ends, host, port, packed: slots }: MessageShape, input: Uint8Array): boolean {
    const { packed } = this;
    const { length } = slots;
    if (!packed.begin(length, input, starts[host]!, ends[host]!, starts[port]!, ends[port]!)) return false;
    for (let i = 1; i < length; i++) {
      const slot = slots[i]!;
      if (!(slot < 0 ? packed.add(input, 0, 0) : packed.add(input, starts[slot]!, ends[slot]!))) return false;
    }
    return true;
  }
}

/** A number from 1 on that a port may have. */
function isPort(input: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length === 0 || length > longestPort || input[start] === zero) return false;
  return numberOf(input, start, end) <= largestPort;
}

/** A number from 1 on that surely fits 64 bits. */
function isTime(input: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  const first = input[start]!;
  return length > 0 && length <= longestTime && first >= one && first <= (length === longestTime ? eight : nine);
}

function milliseconds(input: Uint8Array, start: number, end: number): number {
  const cut = Math.max(start, end - belowMillisecond);
  return numberOf(input, start, cut) + numberOf(input, cut, end) / 1e6;
}

function numberOf(input: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let i = start; i < end; i++) value = value * 10 + input[i]! - zero;
  return value;
}

function placeOfKind({ kind, starts, ends }: MessageShape, input: Uint8Array): number {
  let hash = 0;
  for (let i = 0; i < kind.length; i++) {
    const slot = kind[i]!;
    const end = ends[slot]!;
    for (let at = starts[slot]!; at < end; at++) hash = (Math.imul(hash, 31) + input[at]!) | 0;
    hash = (Math.imul(hash, 31) + quote) | 0;
  }
  return (hash ^ (hash >>> 12)) & (kindPlaces - 1);
}

function hasKind({ kind, starts, ends }: MessageShape, input: Uint8Array, texts: Uint8Array): boolean {
  let next = 0;
  for (let i = 0; i < kind.length; i++) {
    const slot = kind[i]!;
    const end = ends[slot]!;
    for (let at = starts[slot]!; at < end; at++) if (texts[next++] !== input[at]) return false;
    if (texts[next++] !== quote) return false;
  }
  return next === texts.length;
}

function kindTexts({ kind, starts, ends }: MessageShape, input: Uint8Array): Uint8Array {
  const texts: number[] = [];
  for (const slot of kind) texts.push(...input.subarray(starts[slot], ends[slot]), quote);
  return Uint8Array.from(texts);
}
