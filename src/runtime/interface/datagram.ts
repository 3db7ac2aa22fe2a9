/** Where datagrams go. */
export interface DatagramOptions {
  readonly host: string;
  readonly port: number;
  /** IP version; undefined: the first address of the name decides. */
  readonly family?: 4 | 6;
}

/** A UDP socket that sends to one address; nothing is received. It does not keep the process alive. */
export interface Datagram {
  /** As on `ByteStream`. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Bytes accepted by `send` that the kernel has not taken yet. */
  readonly pending: number;
  /** Sends one datagram, one byte per character, in the order of the calls. */
  send(text: string): void;
  /** Resolves when everything accepted has reached the kernel, or failed, and the socket is closed. */
  close(): Promise<void>;
}
