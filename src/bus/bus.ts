/** A message that arrived. */
export interface BusMessage {
  readonly subject: string;
  /** Belongs to the receiver. */
  readonly payload: Uint8Array;
  /** Subject to answer to; empty when no answer is wanted. */
  readonly reply: string;
}

/**
 * Sees a message as it lies in the input, before there is an object for it: `start` and `end` of its payload hold during
 * the call only. True: it is dealt with.
 */
export type EarlyHandler = (subject: string, input: Uint8Array, start: number, end: number) => boolean;

/** An interest in a subject. */
export interface BusSubscription {
  unsubscribe(): void;
}

/**
 * The message bus as the program sees it: one connection that heals itself. Subscriptions outlive reconnects, and what
 * is published while disconnected waits (control-plane §2.1).
 */
export interface Bus {
  readonly connected: boolean;
  /** `host:port` of the server of the current or last connection. */
  readonly host: string;
  /**
   * Resolves when the bus is over for good: with the last error when it gave up (control-plane §2.1, Closed; the
   * program then exits with 1), with undefined after `close`.
   */
  readonly closed: Promise<Error | undefined>;
  /** Sends. Throws an `Error` when closed, for an empty subject, or when 8 MiB already wait for a reconnect. */
  publish(subject: string, payload: Uint8Array | string, reply?: string): void;
  /**
   * With a `queue`, each message goes to one member of the group of that name. `early` is asked before the handler, for
   * subjects of very many messages; over WebSocket it is not. What comes over TCP comes a few milliseconds' work at a time,
   * while the rest waits as bytes, and beyond 128 MiB at the server.
   */
  subscribe(
    subject: string,
    handler: (message: BusMessage) => void,
    queue?: string,
    early?: EarlyHandler,
  ): BusSubscription;
  /** A fresh subject for answers. */
  inbox(): string;
  /** Calls back after each reconnect, once subscriptions and waiting messages were sent. */
  onReconnect(callback: () => void): void;
  /** Resolves when the server has processed everything published so far; at once while disconnected. */
  flush(): Promise<void>;
  /** Sends what was published and ends the connection. */
  close(): Promise<void>;
}
