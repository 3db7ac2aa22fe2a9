import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/observe/log.ts";
import type { BodySource } from "../../wire/body.ts";
import type { HttpClient, HttpStream } from "../../wire/http-client.ts";
import { accepted, Unauthorized } from "./accepted.ts";
import { EventParser } from "./event-parser.ts";
import type { EventSink, EventStream, RouteSource } from "./route-source.ts";

const listTimeoutMs = 60_000;
const retryPauseMs = 1000;
const transportRetries = 3;
/** What the API says while it, or something before it, is not there; asked again without limit (control-plane §7.4). */
const unavailable = new Set([500, 502, 503, 504]);

/** Asks our own server for reservations, too; any other takes no notice (RFC 7240). */
const reservations: [string, string] = ["Prefer", "reservations"];

/** The HTTP routes of the Routing API, as a router reads them (control-plane §7.1, routing-api §14). */
export class RoutesApi implements RouteSource {
  readonly #http: HttpClient;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #pathPrefix: string;
  #lastId = "";
  #pauseMs = retryPauseMs;

  /** `log` is that of the route fetcher; `pathPrefix`: path of the base URL without its last slash. */
  constructor(http: HttpClient, clock: Clock, log: Logger, pathPrefix: string) {
    this.#http = http;
    this.#clock = clock;
    this.#log = log;
    this.#pathPrefix = pathPrefix;
  }

  /**
   * The elements of the list, unchecked. Rejects with `Unauthorized`, or with an `Error` that says what the API answered.
   *
   * @param token empty: none is sent.
   */
  async list(token: string): Promise<unknown[]> {
    const { body } = accepted(
      await this.#http.send({
        method: "GET",
        target: this.#target("routes"),
        timeoutMs: listTimeoutMs,
        headers: [authorization(token), ["Content-Type", "application/json"], reservations],
      }),
    );
    const list: unknown = JSON.parse(body);
    // Go writes an empty list as null now and then.
    if (list === null) return [];
    if (!Array.isArray(list)) throw new Error("the Routing API's list of routes is no JSON array");
    return list;
  }

  /**
   * Subscribes to changes; from the last event on that was seen, where the server knows how. Rejects with `Unauthorized`,
   * or with an `Error`; undefined: `given` said so before there was a stream.
   */
  async subscribe(token: string, sink: EventSink, stopped: () => boolean): Promise<EventStream | undefined> {
    for (let failures = 0; !stopped(); ) {
      let answer: HttpStream;
      try {
        answer = await this.#open(token);
      } catch (error) {
        if (failures++ >= transportRetries) throw error;
        await this.#pause();
        continue;
      }
      const { status, statusText, body } = answer;
      if (stopped()) body?.cancel();
      else if (status === 200 && body !== undefined) return this.#read(body, sink);
      else {
        body?.cancel();
        if (status === 401) throw new Unauthorized();
        if (!unavailable.has(status)) throw new Error(`bad response from event source: ${status} ${statusText}`.trim());
        this.#log.warn("routing-api-event-stream-unavailable", { status });
        await this.#pause();
      }
    }
    return undefined;
  }

  #open(token: string): Promise<HttpStream> {
    const headers: [string, string][] = [authorization(token), ["Accept", "text/event-stream"], reservations];
    if (this.#lastId !== "") headers.push(["Last-Event-ID", this.#lastId]);
    return this.#http.stream({ method: "GET", target: this.#target("events"), timeoutMs: 0, headers });
  }

  #target(what: string): string {
    return `${this.#pathPrefix}/routing/v1/${what}`;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#clock.after(this.#pauseMs, resolve, true));
  }

  #read(body: BodySource, sink: EventSink): EventStream {
    const parser = new EventParser();
    parser.lastId = this.#lastId;
    let open = true;
    const end = (error: Error): void => {
      if (!open) return;
      open = false;
      sink.ended(error);
    };
    body.start({
      write: (bytes) => {
        let more = true;
        try {
          for (const event of parser.push(bytes)) if (open && !sink.event(event)) more = false;
        } catch (error) {
          body.cancel();
          end(error as Error);
          return false;
        }
        this.#lastId = parser.lastId;
        this.#pauseMs = parser.retryMs ?? this.#pauseMs;
        return more;
      },
      end: () => end(new Error("EOF")),
      fail: end,
    });
    return {
      resume: () => {
        if (open) body.resume();
      },
      close: () => {
        open = false;
        body.cancel();
      },
    };
  }
}

/** With an empty token the scheme stands alone (control-plane §7.1). */
function authorization(token: string): [string, string] {
  return ["Authorization", token === "" ? "bearer" : `bearer ${token}`];
}
