import { StreamError } from "../runtime/interface/stream-error.ts";
import { alertText } from "../wire/tls-alerts.ts";

/** Codes of nats.ws that mean the server refused our credentials. */
const authCodes: ReadonlyMap<string, string> = new Map([
  ["AUTHORIZATION_VIOLATION", "nats: Authorization Violation"],
  ["AUTHENTICATION_EXPIRED", "nats: Authentication Expired"],
  ["ACCOUNT_EXPIRED", "nats: Account Authentication Expired"],
  ["AUTHENTICATION_TIMEOUT", "nats: authentication timeout"],
]);

/** Codes of nats.ws that say less than the text they stand for. */
const codeTexts: ReadonlyMap<string, string> = new Map([
  ["TIMEOUT", "nats: timeout"],
  ["CONNECTION_REFUSED", "EOF"],
  ["DISCONNECT", "EOF"],
]);

/** Texts of nats.go for what dialling can end in (control-plane §2.1); operators know them. */
function streamErrorText(error: StreamError, host: string, address: string): string {
  switch (error.kind) {
    case "name-not-found":
      return `dial tcp: lookup ${host}: no such host`;
    case "timed-out":
      return `dial tcp ${address}: i/o timeout`;
    case "unreachable":
      return `dial tcp ${address}: connect: no route to host`;
    case "reset":
      return `read tcp ${address}: read: connection reset by peer`;
    case "broken-pipe":
      return `write tcp ${address}: write: broken pipe`;
    case "tls-name":
    case "tls-untrusted":
    case "tls-expired":
      return `tls: failed to verify certificate: x509: ${error.reason}`;
    default:
      return alertText(error) ?? error.message;
  }
}

/** Why a message could not be sent, as nats.go says it. */
export function publishError(cause: unknown): Error {
  const { code } = cause as { readonly code?: unknown };
  return code === "MAX_PAYLOAD_EXCEEDED" ? new Error("nats: maximum payload exceeded", { cause }) : (cause as Error);
}

/** Why a connection could not be made, or was lost. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  /** Nobody listens there: no reason to be told of, unless no server at all can be reached. */
  readonly refused: boolean;
  /** The kind of an authentication error; empty for any other. */
  readonly auth: string;

  constructor(cause: unknown, host: string, address: string) {
    const code = (cause as { readonly code?: unknown } | undefined)?.code;
    const known = typeof code === "string" ? (authCodes.get(code) ?? codeTexts.get(code)) : undefined;
    const raw = cause instanceof Error && cause.message !== "" ? cause.message : "EOF";
    // A server's -ERR comes with its quotes.
    const text = raw.startsWith("'") ? `nats: ${raw.slice(1, -1)}` : raw;
    super(known ?? (cause instanceof StreamError ? streamErrorText(cause, host, address) : text), { cause });
    this.refused = (cause instanceof StreamError && cause.kind === "refused") || code === "ECONNREFUSED";
    this.auth = typeof code === "string" && authCodes.has(code) ? code : "";
  }
}
