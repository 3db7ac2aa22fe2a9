import type { CompiledSettings } from "../pipeline/settings.ts";
import type { LoggedExchange } from "./access-log-line.ts";
import { Level, type Logger } from "./log.ts";
import { truncatedLine } from "./log-truncation.ts";

/** Longest line that is sent as it is: a datagram has to hold it with everything around it (data-plane §9.6). */
const longestLine = 65_400;

/** Takes a line, one character per byte, to the log of an app. */
type SendCopy = (line: string, appId: string, tags: ReadonlyMap<string, string> | null) => void;

/** Copies of access log lines for the logs of apps (control-plane §6.4, destination loggregator). */
export class LogCopies {
  readonly #send: SendCopy | undefined;
  readonly #sourceInstance: string;
  readonly #log: Logger;

  /**
   * @param send undefined: `logging.loggregator_enabled` is off.
   * @param sourceInstance the router's index.
   * @param log the router's own logger: the sender has no source of its own (control-plane §6.2).
   */
  constructor(send: SendCopy | undefined, sourceInstance: string, log: Logger) {
    this.#send = send;
    this.#sourceInstance = sourceInstance;
    this.#log = log;
  }

  /** Sends the line of a finished exchange; `line` is undefined when no other destination needed it. */
  copy(exchange: LoggedExchange, settings: CompiledSettings, line: string | undefined): void {
    const { endpoint } = exchange;
    const appId = endpoint?.applicationId ?? "";
    if (this.#send === undefined || endpoint === undefined || appId === "") {
      if (this.#log.level <= Level.debug) this.#dropped(appId);
      return;
    }
    const fits = line !== undefined && line.length <= longestLine;
    this.#send(fits ? line : truncatedLine(exchange, settings, settings.jsonAccessLog), appId, endpoint.tags);
  }

  #dropped(appID: string): void {
    const error = "either no appId or source instance present";
    this.#log.debug("dropping-loggregator-access-log", { error, appID, sourceInstance: this.#sourceInstance });
  }
}
