import type { Clock } from "../../clock.ts";
import type { ExchangeEvents } from "../exchange-events.ts";
import type { MeasurementSink } from "../measurement-sink.ts";
import { counterEvent, valueMetric } from "./envelope.ts";
import { announcedLength, clientEvent, serverEvent } from "./start-stop.ts";

/** Takes datagrams to the agent that collects them, one character per byte. */
export interface EnvelopeLink {
  /** Nothing gets there at the moment: nothing need be made. */
  readonly muted: boolean;
  /** `name` is that of the metric, for the log. */
  send(envelope: string, name: string): void;
}

/** Which start-stop events are wanted; names as in gorouter.yml. */
interface EventSettings {
  readonly send_http_start_stop_server_event: boolean;
  readonly send_http_start_stop_client_event: boolean;
}

/** Sends measurements and events as envelopes at the moment they come (control-plane §5.1). */
export class EnvelopeEmitter implements MeasurementSink, ExchangeEvents {
  readonly attempted: ExchangeEvents["attempted"];
  readonly ended: ExchangeEvents["ended"];
  readonly #clock: Clock;
  readonly #link: EnvelopeLink;

  constructor(clock: Clock, link: EnvelopeLink, settings: EventSettings) {
    this.#clock = clock;
    this.#link = link;
    this.attempted = settings.send_http_start_stop_client_event
      ? (exchange, sentAt, answer) => {
          if (link.muted) return;
          const length = answer === undefined ? 0 : announcedLength(exchange.method, answer);
          link.send(clientEvent(exchange, sentAt, clock.now(), answer?.status ?? 0, length), "HttpStartStop");
        }
      : undefined;
    this.ended = settings.send_http_start_stop_server_event
      ? (exchange) => {
          if (!link.muted) link.send(serverEvent(exchange, clock.now()), "HttpStartStop");
        }
      : undefined;
  }

  value(name: string, value: number, unit: string): void {
    if (!this.#link.muted) this.#link.send(valueMetric(this.#clock.now(), name, value, unit), name);
  }

  count(name: string, delta: number): void {
    if (!this.#link.muted) this.#link.send(counterEvent(this.#clock.now(), name, delta), name);
  }
}
