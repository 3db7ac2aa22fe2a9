/** Why a stream, a dial, a listener or a name look-up failed; one vocabulary for all runtimes. */
export type StreamErrorKind =
  | "refused" // nobody listens there
  | "unreachable" // no route to the host or network
  | "timed-out" // the deadline given by us, or the kernel's
  | "name-not-found" // the name does not resolve
  | "reset" // the peer sent RST
  | "broken-pipe" // written after the peer was gone
  | "ended" // closed by the peer in the middle of a handshake
  | "address-in-use"
  | "permission"
  | "not-admitted" // no address of the host is one that `ConnectOptions.admits`
  | "descriptors" // no file descriptor left
  | "aborted" // by the caller
  | "tls-not-tls" // the peer answered something that is no TLS record
  | "tls-name" // the certificate does not cover the expected name
  | "tls-untrusted" // unknown authority, or any other failure to verify but the next
  | "tls-expired" // expired or not yet valid
  | "tls-alert-certificate" // alert: bad certificate, unknown CA, certificate required
  | "tls-alert-handshake" // alert: handshake failure
  | "tls-other"
  | "other";

/** A failed stream operation. `message` says action, address and reason; `code` is the runtime's own code, for logs. */
export class StreamError extends Error {
  override readonly name = "StreamError";
  readonly kind: StreamErrorKind;
  /**
   * The reason alone. Of a certificate that is not acceptable (`tls-name`, `tls-untrusted`, `tls-expired`) in the words
   * operators know (data-plane §2.3), the same on every runtime.
   */
  readonly reason: string;
  /** The runtime's own error code (`ECONNREFUSED`, …), when it had one. */
  readonly code: string | undefined;
  /** The system call that failed: `connect`, `read`, `write`, `listen`, `getaddrinfo`, … or empty. */
  readonly syscall: string;
  /** The `ip:port` that was dialled for a name; of an address that was given as such undefined. */
  readonly address: string | undefined;
  /** Our `ip:port`, when the connection stood and its TLS handshake failed. */
  local: string | undefined = undefined;
  constructor(
    kind: StreamErrorKind,
    message: string,
    options: { code?: string | undefined; syscall?: string; reason?: string; cause?: unknown; address?: string } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.reason = options.reason ?? message;
    this.code = options.code;
    this.syscall = options.syscall ?? "";
    this.address = options.address;
  }
}
