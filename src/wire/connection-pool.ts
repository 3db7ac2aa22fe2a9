/** What a pool keeps: something that can be closed when it is not needed any more. */
export interface Poolable {
  /** Closes it. The pool has already forgotten it. */
  close(): void;
}

/**
 * Idle connections of one endpoint (data-plane §4.8), last in, first out, so that surplus ones age and time out.
 * Connections in use are not in it; what bounds them is the router's business.
 */
export class ConnectionPool<Connection extends Poolable> {
  /** The connections that carry many requests at a time, which are not in the pool; set by the transport. */
  multiplexed: { close(): void } | undefined = undefined;
  readonly #limit: number;
  readonly #idle: Connection[] = [];
  #open = true;

  /** `limit`: how many connections may be idle at a time; 0 or less: none. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Number of idle connections. */
  get idle(): number {
    return this.#idle.length;
  }

  /** The connection that became idle last, now the caller's; undefined when there is none. */
  take(): Connection | undefined {
    return this.#idle.pop();
  }

  /** Keeps an idle connection. False: the pool is full or closed, and the caller closes the connection. */
  give(connection: Connection): boolean {
    if (!this.#open || this.#idle.length >= this.#limit) return false;
    this.#idle.push(connection);
    return true;
  }

  /** Takes one idle connection out: it died, or was idle for too long. */
  remove(connection: Connection): void {
    const position = this.#idle.lastIndexOf(connection);
    if (position >= 0) this.#idle.splice(position, 1);
  }

  /** Closes what is idle now, and from now on takes nothing back. */
  close(): void {
    this.#open = false;
    for (const connection of this.#idle.splice(0)) connection.close();
    this.multiplexed?.close();
  }
}
