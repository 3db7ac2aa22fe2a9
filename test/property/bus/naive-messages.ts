// A naive reading of register messages (control-plane §2.4) and of the table (§3) that never parses: it is told what
// the text was made of.

/** A JSON value: how it is written, and what it was made of. */
export interface Written {
  readonly json: string;
  readonly kind: "string" | "number" | "bool" | "null" | "array" | "object";
  readonly text?: string;
  readonly items?: readonly Written[];
  readonly members?: readonly Member[];
}
export type Member = readonly [key: string, value: Written];

export const text = (value: string): Written => ({ json: JSON.stringify(value), kind: "string", text: value });
export const scalar = (kind: Written["kind"], json: string): Written => ({ json, kind });
export const list = (items: readonly Written[]): Written => ({
  json: `[${items.map(({ json }) => json).join(", ")}]`,
  kind: "array",
  items,
});
export const object = (members: readonly Member[]): Written => ({
  json: `{${members.map(([key, { json }]) => `${JSON.stringify(key)} :${json}`).join(",")}}`,
  kind: "object",
  members,
});

class Rejected extends Error {}

const textKeys = [
  "host",
  "app",
  "private_instance_id",
  "private_instance_index",
  "server_cert_domain_san",
  "isolation_segment",
  "availability_zone",
  "route_service_url",
  "protocol",
];
const ports = ["port", "tls_port"];
const integers = ["stale_threshold_in_seconds", "endpoint_updated_at_ns"];

const folded = (key: string): string => key.replaceAll("\u017f", "s").toLowerCase();

function stringOf(value: Written): string {
  if (value.kind !== "string") throw new Rejected();
  return value.text!;
}

function stringsOf(value: Written): string[] {
  if (value.kind === "null") return [];
  if (value.kind !== "array") throw new Rejected();
  return value.items!.map((item) => (item.kind === "null" ? "" : stringOf(item)));
}

function wholeNumber(value: Written, low: bigint, high: bigint): bigint {
  if (value.kind !== "number" || !/^-?\d+$/.test(value.json)) throw new Rejected();
  const parsed = BigInt(value.json);
  if (parsed < low || parsed > high || (low === 0n && value.json.startsWith("-"))) throw new Rejected();
  return parsed;
}

function membersOf(value: Written): readonly Member[] {
  if (value.kind !== "object") throw new Rejected();
  return value.members!;
}

class NaiveMessage {
  readonly strings = new Map<string, string>();
  readonly numbers = new Map<string, bigint>();
  uris: string[] = [];
  tags: Map<string, string> | null = null;

  constructor(written: Written) {
    if (written.kind === "null") return;
    for (const [key, value] of membersOf(written)) this.#take(folded(key), value);
    const service = this.text("route_service_url");
    if (service !== "" && !service.startsWith("https")) throw new Rejected();
  }

  text(name: string): string {
    return this.strings.get(name) ?? "";
  }

  number(name: string): bigint {
    return this.numbers.get(name) ?? 0n;
  }

  #take(name: string, value: Written): void {
    if (name === "uris") this.uris = stringsOf(value);
    else if (name === "tags" && value.kind === "null") this.tags = null;
    else if (value.kind === "null") return;
    else if (name === "tags") {
      this.tags ??= new Map();
      for (const [key, each] of membersOf(value)) this.tags.set(key, each.kind === "null" ? "" : stringOf(each));
    } else if (name === "options") {
      for (const [key, each] of membersOf(value)) {
        if (folded(key) === "loadbalancing" && each.kind !== "null") this.strings.set("loadbalancing", stringOf(each));
      }
    } else if (textKeys.includes(name)) this.strings.set(name, stringOf(value));
    else if (ports.includes(name)) this.numbers.set(name, wholeNumber(value, 0n, 65535n));
    else if (integers.includes(name)) this.numbers.set(name, wholeNumber(value, -(2n ** 63n), 2n ** 63n - 1n));
  }
}

/** What is known of an endpoint; all of it decides whether a registration brings something new. */
type NaiveEndpoint = Readonly<Record<string, string | number | boolean>>;

function naiveEndpoint(from: NaiveMessage): NaiveEndpoint {
  const tls = from.number("tls_port") !== 0n;
  const ttl = Number(from.number("stale_threshold_in_seconds"));
  return {
    address: `${from.text("host")}:${tls ? from.number("tls_port") : from.number("port")}`,
    tls,
    san: from.text("server_cert_domain_san"),
    app: from.text("app"),
    id: from.text("private_instance_id"),
    index: from.text("private_instance_index"),
    tags: JSON.stringify([...(from.tags ?? [])].sort()),
    ttl: ttl === 0 || ttl > 120 ? 120 : ttl,
    segment: from.text("isolation_segment"),
    service: from.text("route_service_url"),
    updated: String(from.number("endpoint_updated_at_ns")),
    protocol: ["", "http2"].includes(from.text("protocol")) ? "http1" : from.text("protocol"),
    balancing: from.text("loadbalancing"),
  };
}

interface NaivePool {
  entries: { endpoint: NaiveEndpoint; zone: string }[];
  service: string;
  algorithm: string;
}

/** The table of a router without HTTP/2, in mode `shared-and-segments` with the segment `in`; nothing expires. */
export class NaiveTable {
  readonly pools = new Map<string, NaivePool>();
  /** Messages that were no registry messages. */
  rejected = 0;

  receive(subject: string, written: Written): void {
    let read: NaiveMessage;
    try {
      read = new NaiveMessage(written);
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      this.rejected++;
      return;
    }
    if (!["", "in"].includes(read.text("isolation_segment"))) return;
    for (const uri of read.uris) {
      const key = uri.replace(/\/$/, "").toLowerCase().replace(/\?.*$/s, "").replace(/\/$/, "").replace(/^\//, "");
      if (subject === "router.register") this.#register(key, naiveEndpoint(read), read.text("availability_zone"));
      else if (subject === "router.unregister") this.#unregister(key, naiveEndpoint(read)["address"]);
    }
  }

  #register(key: string, endpoint: NaiveEndpoint, zone: string): void {
    const pool = this.pools.get(key) ?? { entries: [], service: "", algorithm: "round-robin" };
    this.pools.set(key, pool);
    const known = pool.entries.find((entry) => entry.endpoint["address"] === endpoint["address"]);
    if (known === undefined) pool.entries.push({ endpoint, zone });
    else if (JSON.stringify(known.endpoint) !== JSON.stringify(endpoint)) Object.assign(known, { endpoint, zone });
    pool.service = String(endpoint["service"]);
    const wanted = String(endpoint["balancing"]);
    if (wanted === "round-robin" || wanted === "least-connection") pool.algorithm = wanted;
  }

  #unregister(key: string, address: unknown): void {
    const pool = this.pools.get(key);
    if (pool === undefined) return;
    pool.entries = pool.entries.filter(({ endpoint }) => endpoint["address"] !== address);
    if (pool.entries.length === 0) this.pools.delete(key);
  }

  /** Keys with their pools, in bytewise order. */
  contents(): [string, NaivePool][] {
    return [...this.pools].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }
}
