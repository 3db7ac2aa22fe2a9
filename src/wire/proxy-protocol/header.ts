/** An address as a PROXY header gives it. */
export interface ProxyAddress {
  /** IP without brackets, IPv4-mapped IPv6 shown as IPv4. */
  readonly address: string;
  readonly port: number;
}

/** One type-length-value of a version 2 header (§2.2 of the specification). */
export interface Tlv {
  readonly type: number;
  readonly value: Uint8Array;
}

/** A PROXY protocol header (version 1 or 2 of the specification by HAProxy). */
export interface ProxyHeader {
  readonly version: 1 | 2;
  /** Who connected to the proxy; undefined: the proxy speaks for itself (LOCAL), or does not say. */
  readonly source: ProxyAddress | undefined;
  /** Where they connected to; as `source`. */
  readonly destination: ProxyAddress | undefined;
  /** Further facts, of version 2. */
  readonly tlvs: readonly Tlv[];
}

/** A header that breaks the rules; the message says how. */
export class ProxyHeaderError extends Error {
  override readonly name = "ProxyHeaderError";
}
