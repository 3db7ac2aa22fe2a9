import { StreamError } from "../interface/stream-error.ts";

/** The error of a dial that is not even tried because descriptors run short. */
export function noDescriptor(action: string): StreamError {
  return new StreamError("descriptors", `${action}: too many open files; raise the limit (ulimit -n)`, {
    code: "EMFILE",
    syscall: "socket",
  });
}

/** The error of a dial that took longer than it may. */
export function dialTimeout(action: string, timeoutMs: number): StreamError {
  return new StreamError("timed-out", `${action}: no connection within ${timeoutMs} ms`, {
    code: "ETIMEDOUT",
    syscall: "connect",
  });
}
