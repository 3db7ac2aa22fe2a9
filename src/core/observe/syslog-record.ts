import { utf8Bytes } from "./access-log-quote.ts";

const two = (value: number): string => (value < 10 ? `0${value}` : String(value));
/** Facility user, severity informational, version of RFC 5424. */
const priority = "<14>1";
const byteOrderMark = "\u00ef\u00bb\u00bf";

/** RFC 3339 in local time: whole seconds and the zone's offset, `Z` for none. */
function localTime(date: Date): string {
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const east = -date.getTimezoneOffset();
  if (east === 0) return `${day}T${time}Z`;
  const minutes = Math.abs(east);
  return `${day}T${time}${east < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** What a record says of its sender. */
interface SyslogOrigin {
  readonly hostName: string;
  /** APP-NAME; when empty two blanks stay. */
  readonly appName: string;
  readonly processId: number;
}

/**
 * Makes syslog records of access log lines: RFC 5424 as Gorouter writes it, that is with one `-` only between PROCID and
 * the message (control-plane §6.4). Text in and out is one character per byte.
 */
export class SyslogRecords {
  readonly #origin: string;
  readonly #limit: number;
  #second = Number.NaN;
  #head = "";

  /** @param truncate most bytes of a line; 0 or less: no limit. */
  constructor(origin: SyslogOrigin, truncate: number) {
    this.#origin = ` ${utf8Bytes(origin.hostName)} ${utf8Bytes(origin.appName)} ${origin.processId} - ${byteOrderMark}`;
    this.#limit = truncate > 0 ? truncate : Number.POSITIVE_INFINITY;
  }

  /** @param now milliseconds since the epoch: when the record is sent. */
  record(line: string, now: number): string {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#head = `${priority} ${localTime(new Date(second * 1000))}${this.#origin}`;
      this.#second = second;
    }
    return this.#head + (line.length > this.#limit ? line.slice(0, this.#limit) : line);
  }
}
