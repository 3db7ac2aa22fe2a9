import type { LogData } from "../../core/observe/log.ts";
import { StreamError, type StreamErrorKind } from "../../runtime/interface/stream-error.ts";

/** The router cannot start: the error line that says why (control-plane §1.3, §6.3), after which the program exits with 1. */
export class StartFailure extends Error {
  override readonly name = "StartFailure";
  readonly data: LogData;
  /** Suffix of the line's source; empty: the program's own. */
  readonly sourceSuffix: string;
  /** Upstream panics: `panic: MESSAGE` on standard error, exit 2. */
  readonly panics: boolean;
  constructor(message: string, data: LogData, sourceSuffix = "", panics = false) {
    super(message);
    this.data = data;
    this.sourceSuffix = sourceSuffix;
    this.panics = panics;
  }
}

const bindReasons: Partial<Record<StreamErrorKind, string>> = {
  "address-in-use": "bind: address already in use",
  permission: "bind: permission denied",
  // EADDRNOTAVAIL: no interface has the address.
  unreachable: "bind: cannot assign requested address",
};

/** Go's text for an address that cannot be bound; `address` is `host:port`, the host maybe empty. */
export function listenErrorText(address: string, error: unknown): string {
  if (!(error instanceof StreamError))
    return `listen tcp ${address}: ${error instanceof Error ? error.message : error}`;
  const host = address.slice(0, address.lastIndexOf(":"));
  if (error.kind === "name-not-found") return `listen tcp: lookup ${host}: no such host`;
  // What Deno makes of EADDRNOTAVAIL.
  const reason = error.code === "EINVAL" ? bindReasons.unreachable : bindReasons[error.kind];
  return `listen tcp ${address}: ${reason ?? error.message}`;
}
