import type { LogData } from "../../core/observe/log.ts";
import { StreamError, type StreamErrorKind } from "../../runtime/interface.ts";

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
};

/** The text operators know for a port that cannot be bound; `address` is `host:port`, the host maybe empty. */
export function listenErrorText(address: string, error: unknown): string {
  const reason = error instanceof StreamError ? bindReasons[error.kind] : undefined;
  return `listen tcp ${address}: ${reason ?? (error instanceof Error ? error.message : String(error))}`;
}
