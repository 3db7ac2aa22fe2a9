import type { Yaml } from "../harness/router.ts";

/**
 * The golden table: what goes in and what has to come out, byte for byte but for the spelling and order of header lines
 * (compared as multisets by name, repeated names in order). Every file of this folder that exports `cases` is run by
 * `../golden.test.ts`. Texts are one character per byte.
 *
 * Expected texts may hold placeholders. `{id}` (a UUID), `{trace}` (32 hex digits), `{span}` (16 hex digits) stand for
 * the same text wherever they occur in one exchange; `{traceId}` is `{trace}` cut like a UUID and `{traceEnd}` its last
 * 16 digits. `{uuid}`, `{hex16}`, `{hex32}`, `{date}`, `{ms}` (since the epoch), `{seconds}` (6 decimals), `{duration}`
 * (seconds in whole nanoseconds), `{received}`
 * (time of the access log), `{port}`, `{any}` are free. `{client}` is the client's address with port, `{backend}` that
 * of the backend named `main`, `{backend:NAME}` of another one. The last two, and `{backend-port}` and
 * `{backend-port:NAME}`, are replaced in what is sent as well.
 */
export interface GoldenCase extends GoldenExchange {
  readonly name: string;
  /** Section of the reference, as `data-plane §1.4.4`. */
  readonly section: string;
  /** Keys on top of the base configuration (`baseConfig`); cases with equal ones share a router process. */
  readonly config?: Yaml;
  /** Registered before and unregistered after the case. Without, there is `a.b` with the one endpoint of `mainRoute`. */
  readonly routes?: readonly GoldenRoute[];
  /** More exchanges behind the first, each on a connection of its own. */
  readonly next?: readonly GoldenExchange[];
}

/** A client connection: what it sends, what it gets, and what happens elsewhere meanwhile. */
export interface GoldenExchange {
  readonly send: Script;
  /** What every backend does with a request; without, a 200 with the body `ok`. */
  readonly reply?: Script;
  /** The same by name of the backend, for its first request, its second one and so on; the last one counts on. */
  readonly replies?: Readonly<Record<string, readonly Script[]>>;
  /** What reaches backends, in the order of arrival: a text alone is for `main`. Without: nothing does. */
  readonly upstream?: string | readonly UpstreamMessage[];
  /** All that the client gets: any number of messages, interim ones too. */
  readonly expect: string;
  /** The router closes the connection behind that. Without, it has to serve another request on it. */
  readonly closes?: boolean;
  /** The access log line; null: none. Several lines for several requests in one `send`. */
  readonly log: string | readonly string[] | null;
  /** Log lines of the program that have to be there, in this order; other ones may stand between. */
  readonly logged?: readonly ProgramLine[];
}

/** Texts are written as they are. A text alone, for a backend, waits for the complete request first. */
export type Script = string | readonly Step[];

/** What one side does. */
export type Step =
  /** Writes this. */
  | string
  /** Waits until this side has received the text since the exchange began. */
  | { readonly until: string }
  /** Backend: waits until its request is complete. */
  | "request"
  /** Waits until the other side has closed. */
  | "closed"
  /** Sends FIN. */
  | "end"
  /** Closes at once. */
  | "close"
  /** Sends RST. */
  | "reset";

export interface UpstreamMessage {
  /** Name of the backend; default `main`. */
  readonly at?: string;
  /** Without: not compared. */
  readonly message?: string;
}

/** A JSON log line of the program; what is left out is not compared. */
export interface ProgramLine {
  readonly message: string;
  readonly level?: number;
  readonly source?: string;
  /** JSON text of the data, keys in order, placeholders allowed. */
  readonly data?: string;
}

/** A `router.register` message for a backend of that name. */
export interface GoldenRoute {
  readonly uris: readonly string[];
  /** Default `main`. */
  readonly backend?: string;
  /** Nobody listens on its port. */
  readonly refuses?: boolean;
  /** Unregistered again before the first exchange. */
  readonly gone?: boolean;
  /** Further fields of the message, as `app` and `private_instance_id`. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

export const baseConfig: Yaml = { disable_keep_alives: false, max_idle_conns_per_host: 100 };

/** The route that cases have without routes of their own. */
export const mainRoute: GoldenRoute = {
  uris: ["a.b"],
  fields: { app: "app-guid", private_instance_id: "inst-1", private_instance_index: "0" },
};

/** A message of these lines; the body is behind an empty line. */
export function message(lines: readonly string[], body = ""): string {
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

/** What the standing route's backend gets for a request that had these lines between the start line and the end. */
export function toMain(startLine: string, lines: readonly string[] = [], body = ""): string {
  return message(
    [
      startLine,
      ...(lines.some((line) => /^host:/i.test(line)) ? [] : ["Host: a.b"]),
      ...lines,
      ...identity,
      ...(lines.some((line) => /^x-forwarded-for:/i.test(line)) ? [] : ["X-Forwarded-For: 127.0.0.1"]),
      ...(lines.some((line) => /^x-forwarded-proto:/i.test(line)) ? [] : ["X-Forwarded-Proto: http"]),
      ...(lines.some((line) => /^x-request-start:/i.test(line)) ? [] : ["X-Request-Start: {ms}"]),
      ...(lines.some((line) => /^x-vcap-request-id:/i.test(line)) ? [] : ["X-Vcap-Request-Id: {id}"]),
    ],
    body,
  );
}

const identity = ["X-Cf-Applicationid: app-guid", "X-Cf-Instanceid: inst-1", "X-Cf-Instanceindex: 0"];

/** The answer a client gets for the default reply, with these further lines. */
export function okToClient(...lines: string[]): string {
  return message(["HTTP/1.1 200 OK", "Content-Length: 2", "X-Vcap-Request-Id: {id}", "Date: {date}", ...lines], "ok");
}

/** Fields of an access log line (data-plane §9.2); the defaults are those of a `GET /` that `main` answered with `ok`. */
export interface LogFields {
  readonly host?: string;
  /** METHOD URI PROTO. */
  readonly request?: string;
  readonly status?: number | '"-"';
  readonly in?: number;
  readonly out?: number;
  readonly referer?: string;
  readonly userAgent?: string;
  readonly client?: string;
  readonly backend?: string;
  readonly forwardedFor?: string;
  readonly forwardedProto?: string;
  readonly id?: string;
  readonly gorouterTime?: string;
  readonly app?: string;
  readonly index?: string;
  readonly instance?: string;
  /** Fields of `logging.extra_access_log_fields`, as text without blanks around. */
  readonly extra?: string;
  readonly routerError?: string;
  /** `name:"value"` of further headers. */
  readonly headers?: string;
}

/** An access log line. */
export function logLine(fields: LogFields = {}): string {
  const f = { host: "a.b", request: "GET / HTTP/1.1", status: 200, in: 0, out: 2, ...fields };
  return (
    `${f.host} - [{received}] "${f.request}" ${f.status} ${f.in} ${f.out} "${f.referer ?? "-"}" "${f.userAgent ?? "-"}" ` +
    `"${f.client ?? "{client}"}" "${f.backend ?? "{backend}"}" x_forwarded_for:"${f.forwardedFor ?? "127.0.0.1"}" ` +
    `x_forwarded_proto:"${f.forwardedProto ?? "http"}" vcap_request_id:"${f.id ?? "{id}"}" response_time:{seconds} ` +
    `gorouter_time:${f.gorouterTime ?? "{seconds}"} app_id:"${f.app ?? "app-guid"}" app_index:"${f.index ?? "0"}" ` +
    `instance_id:"${f.instance ?? "inst-1"}" ${f.extra === undefined ? "" : `${f.extra} `}` +
    `x_cf_routererror:"${f.routerError ?? "-"}"${f.headers === undefined ? "" : ` ${f.headers}`}`
  );
}

/** The line of a request that the router answered before it chose an endpoint. */
export function ownLogLine(fields: LogFields): string {
  const nothing = { backend: "-", forwardedFor: "-", forwardedProto: "-", app: "-", index: "-", instance: "-" };
  return logLine({ ...nothing, gorouterTime: "0.000000", out: 0, ...fields });
}

/** An error page (data-plane §2.1): status with phrase, router error, cache control, message without the status. */
export function errorPage(status: string, routerError: string, cacheControl: string | undefined, text: string): string {
  const body = `${status}: ${text}\n`;
  return message(
    [
      `HTTP/1.1 ${status}`,
      ...(cacheControl === undefined ? [] : [`Cache-Control: ${cacheControl}`]),
      "Content-Type: text/plain; charset=utf-8",
      `X-Cf-Routererror: ${routerError}`,
      "X-Content-Type-Options: nosniff",
      "Date: {date}",
      `Content-Length: ${body.length}`,
    ],
    body,
  );
}
