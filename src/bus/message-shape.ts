import { JsonReader } from "../core/json-reader.ts";
import { endpointTexts } from "../core/routing/endpoint.ts";

const quote = 0x22;
const backslash = 0x5c;
const [zero, nine] = [0x30, 0x39];

/** What stands in a slot: a JSON string without its quotes, or digits; and what stands behind the last literal. */
const [textSlot, digitSlot, theEnd] = [0, 1, 2];
const mostSlots = 64;
/** Nothing of the message tells that. */
const none = -1;

/** 1 for the bytes of a JSON string that stand for themselves and are ASCII. */
const plain = new Uint8Array(256);
for (let byte = 0x20; byte < 0x80; byte++) if (byte !== quote && byte !== backslash) plain[byte] = 1;

/** Fields whose value is one of the packed texts of an endpoint. */
const packedFields: ReadonlyMap<string, number> = new Map([
  ["app", endpointTexts.app],
  ["private_instance_id", endpointTexts.instance],
  ["private_instance_index", endpointTexts.index],
  ["server_cert_domain_san", endpointTexts.san],
]);
const kindFields: ReadonlySet<string> = new Set([
  "isolation_segment",
  "availability_zone",
  "route_service_url",
  "protocol",
]);
const literalFields: ReadonlySet<string> = new Set(["stale_threshold_in_seconds", "options"]);

/** A message while its shape is taken: which slot is which. */
class Draft {
  host = none;
  uri = none;
  hasUri = false;
  port = none;
  tlsPort = none;
  updatedAt = none;
  /** Slots of the packed texts, by their number. */
  readonly packed: number[] = new Array<number>(endpointTexts.tags).fill(none);
  readonly kind: number[] = [];
  readonly types: number[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  readonly names = new Set<string>();
  readonly tagNames = new Set<string>();
  /** It has something that no shape is taken of. */
  odd = false;

  slot(type: number, start: number, end: number): number {
    this.types.push(type);
    this.starts.push(start);
    this.ends.push(end);
    return this.types.length - 1;
  }

  /** A slot for the string that comes next, or none for `null`, which is an empty one. */
  text(reader: JsonReader): number {
    const kind = reader.kind();
    const start = reader.position + 1;
    if (kind !== "string") {
      this.odd ||= kind !== "null";
      reader.skip();
      return none;
    }
    const { length } = reader.string();
    const end = reader.position - 1;
    this.odd ||= end - start !== length;
    return this.slot(textSlot, start, end);
  }

  /** A slot for the number that comes next, or none for 0 and `null`. */
  digits(reader: JsonReader): number {
    const kind = reader.kind();
    const start = reader.position;
    if (kind !== "number") {
      this.odd ||= kind !== "null";
      reader.skip();
      return none;
    }
    const written = reader.number();
    if (written === "0") return none;
    for (let i = 0; i < written.length; i++) this.odd ||= !isDigit(written.charCodeAt(i));
    return this.slot(digitSlot, start, reader.position);
  }
}

function readField(reader: JsonReader, name: string, draft: Draft): void {
  draft.odd ||= draft.names.has(name);
  draft.names.add(name);
  const packed = packedFields.get(name);
  if (packed !== undefined) draft.packed[packed] = draft.text(reader);
  else if (kindFields.has(name)) addKind(draft, draft.text(reader));
  else if (literalFields.has(name)) reader.skip();
  else if (name === "host") draft.host = draft.text(reader);
  else if (name === "port") draft.port = draft.digits(reader);
  else if (name === "tls_port") draft.tlsPort = draft.digits(reader);
  else if (name === "endpoint_updated_at_ns") draft.updatedAt = draft.digits(reader);
  else if (name === "uris") readUris(reader, draft);
  else if (name === "tags") readTags(reader, draft);
  else {
    draft.odd = true;
    reader.skip();
  }
}

function addKind(draft: Draft, slot: number): void {
  if (slot !== none) draft.kind.push(slot);
}

function readUris(reader: JsonReader, draft: Draft): void {
  if (reader.kind() !== "array") {
    draft.odd = true;
    reader.skip();
    return;
  }
  reader.array((each, of) => {
    of.odd ||= of.hasUri;
    of.hasUri = true;
    of.uri = of.text(each);
  }, draft);
}

function readTags(reader: JsonReader, draft: Draft): void {
  if (reader.kind() !== "object") {
    reader.skip();
    return;
  }
  reader.object((each, name, of) => {
    of.odd ||= of.tagNames.has(name);
    of.tagNames.add(name);
    const slot = of.text(each);
    of.packed.push(slot);
    if (name === "component") addKind(of, slot);
  }, draft);
}

/**
 * What messages of one sender have in common: literals, which are the same in all, and slots between them for what differs
 * from route to route. Slots are numbers from 0 on, in the order of the message; -1: the message has none for that.
 */
export class MessageShape {
  readonly host: number;
  readonly uri: number;
  /** Slots of ports: that of the address, and the other one if any. */
  readonly port: number;
  readonly otherPort: number;
  /** Slot of `endpoint_updated_at_ns`. */
  readonly updatedAt: number;
  /** Slots of the packed texts of the endpoint (`endpointTexts`), by their number. */
  readonly packed: readonly number[];
  /** Slots of what endpoints of one kind have in common. */
  readonly kind: readonly number[];
  /** `stale_threshold_in_seconds` of all messages of the shape. */
  readonly staleThresholdSeconds: number;
  /** Where the slots of the message are that was compared last. */
  readonly starts: Int32Array = new Int32Array(mostSlots);
  readonly ends: Int32Array = new Int32Array(mostSlots);

  readonly #literals: Uint8Array;
  /** For each literal where it ends among the literals, and what follows it. */
  readonly #steps: Int32Array;

  constructor(message: Uint8Array, draft: Draft, tls: boolean, staleThresholdSeconds: number) {
    this.host = draft.host;
    this.uri = draft.uri;
    this.port = tls ? draft.tlsPort : draft.port;
    this.otherPort = tls ? draft.port : draft.tlsPort;
    this.updatedAt = draft.updatedAt;
    this.packed = draft.packed.with(endpointTexts.updatedAt, draft.updatedAt);
    this.kind = draft.kind;
    this.staleThresholdSeconds = staleThresholdSeconds;
    const literals: number[] = [];
    const steps: number[] = [];
    let at = 0;
    for (let slot = 0; slot <= draft.types.length; slot++) {
      literals.push(...message.subarray(at, draft.starts[slot]));
      steps.push(literals.length, draft.types[slot] ?? theEnd);
      at = draft.ends[slot] ?? message.length;
    }
    this.#literals = Uint8Array.from(literals);
    this.#steps = Int32Array.from(steps);
  }

  /** Whether the message between two indexes has this shape; what stands in slots of digits may be no number yet. */
  fits(input: Uint8Array, start: number, end: number): boolean {
    const { starts, ends } = this;
    const literals = this.#literals;
    const steps = this.#steps;
    let at = start;
    let literal = 0;
    for (let slot = 0; ; slot++) {
      const stop = steps[2 * slot]!;
      // What lies behind the end is no part of the message: its length shows that in the end.
      while (literal < stop) if (input[at++] !== literals[literal++]) return false;
      const type = steps[2 * slot + 1]!;
      if (type === theEnd) return at === end;
      starts[slot] = at;
      if (type === textSlot) while (at < end && plain[input[at]!] === 1) at++;
      else while (at < end && isDigit(input[at]!)) at++;
      ends[slot] = at;
    }
  }
}

/**
 * The shape of a message that is well-formed and was found valid, with or without TLS; undefined: there are no others like
 * it, since it has several uris, or says something in an uncommon way.
 */
export function shapeOf(message: Uint8Array, tls: boolean, staleThresholdSeconds: number): MessageShape | undefined {
  for (const byte of message) if (byte >= 0x80) return undefined;
  const reader = new JsonReader(String.fromCharCode(...message));
  if (reader.kind() !== "object") return undefined;
  const draft = new Draft();
  reader.object(readField, draft);
  const { host, uri, port, tlsPort, types } = draft;
  if (draft.odd || types.length > mostSlots || host === none || uri === none) return undefined;
  if ((tls ? tlsPort : port) === none) return undefined;
  return new MessageShape(message, draft, tls, staleThresholdSeconds);
}

function isDigit(code: number): boolean {
  return code >= zero && code <= nine;
}
