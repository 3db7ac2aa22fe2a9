/** One event of a stream. */
export interface StreamEvent {
  /** `event` field; empty: none. */
  readonly name: string;
  readonly data: string;
}

const longestEvent = 1024 * 1024;

/** Reads server-sent events out of bytes as they come (HTML standard §9.2.6). */
export class EventParser {
  /** The latest `id` field; empty: none. For `Last-Event-ID`. */
  lastId = "";
  /** The latest `retry` field, milliseconds; undefined: none. */
  retryMs: number | undefined;
  readonly #decoder = new TextDecoder();
  #text = "";
  #name = "";
  #data: string | undefined;
  #afterReturn = false;

  /**
   * The events that these bytes complete.
   *
   * @throws Error for an event of more than a million characters.
   */
  push(bytes: Uint8Array): StreamEvent[] {
    const events: StreamEvent[] = [];
    let text = this.#text + this.#decoder.decode(bytes, { stream: true });
    // The second half of a CRLF whose first half ended the previous bytes.
    if (this.#afterReturn && text.startsWith("\n")) text = text.slice(1);
    if (text !== "") this.#afterReturn = false;
    let start = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code !== 0x0a && code !== 0x0d) continue;
      const event = this.#line(text.slice(start, at));
      if (event !== undefined) events.push(event);
      if (code === 0x0d) {
        if (at + 1 === text.length) this.#afterReturn = true;
        else if (text.charCodeAt(at + 1) === 0x0a) at++;
      }
      start = at + 1;
    }
    this.#text = text.slice(start);
    if (this.#text.length + (this.#data?.length ?? 0) > longestEvent)
      throw new Error(`an event is longer than ${longestEvent} characters`);
    return events;
  }

  #line(line: string): StreamEvent | undefined {
    if (line === "") {
      const event = this.#data === undefined ? undefined : { name: this.#name, data: this.#data };
      this.#name = "";
      this.#data = undefined;
      return event;
    }
    const colon = line.indexOf(":");
    // A comment: it keeps the connection alive.
    if (colon === 0) return undefined;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line.charCodeAt(colon + 1) === 0x20 ? colon + 2 : colon + 1);
    if (field === "event") this.#name = value;
    else if (field === "data") this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    else if (field === "id" && !value.includes("\0")) this.lastId = value;
    else if (field === "retry" && /^\d{1,9}$/.test(value)) this.retryMs = Number(value);
    return undefined;
  }
}
