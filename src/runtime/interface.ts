/**
 * What a runtime must give. Everything above `src/runtime` is written against this file alone; `bun.ts`, `deno.ts`
 * and `node.ts` implement it with the same member order, and one contract suite (`test/contract/runtime`) proves them.
 *
 * Bytes are `Uint8Array`. A `Uint8Array` that was given to a stream, or received from one, belongs to the receiver:
 * the giver never touches it again.
 */

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
  constructor(
    kind: StreamErrorKind,
    message: string,
    options: { code?: string | undefined; syscall?: string; reason?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.reason = options.reason ?? message;
    this.code = options.code;
    this.syscall = options.syscall ?? "";
  }
}

/** What a byte stream tells its owner. Calls come one at a time, never from inside a call into the stream itself. */
export interface ByteStreamHandler {
  /** Bytes arrived. They belong to the handler. Never called while paused (bytes already read are held back). */
  data(bytes: Uint8Array): void;
  /** After a `write` returned false: everything was taken, go on. */
  drained(): void;
  /**
   * The peer sent FIN: no more data; writing is still possible. At most once, before `closed`, and never before data
   * that is held back; it may come while paused when nothing is held back.
   */
  ended(): void;
  /** The last call, exactly once: both directions are over. `cause` is undefined after an orderly end. */
  closed(cause: StreamError | undefined): void;
}

/**
 * A full-duplex byte stream: TCP, unix socket or TLS. Half-open is allowed: a peer's FIN does not end our side.
 * `TCP_NODELAY` is always on.
 */
export interface ByteStream {
  /** Who is told. May be replaced at any time (connection hand-over); what follows goes to the new one. */
  handler: ByteStreamHandler;
  /** Peer IP without brackets and zone, IPv4-mapped IPv6 shown as IPv4; empty for unix sockets. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** TLS facts, or undefined on a plain stream. */
  readonly tls: TlsFacts | undefined;
  /** Bytes accepted by `write` that the kernel has not taken yet. */
  readonly pending: number;
  /** Sends bytes. False: more than 64 KiB are pending, wait for `drained` (the bytes were taken all the same). */
  write(bytes: Uint8Array): boolean;
  /**
   * Sends text, one byte per character (code points 0-255), directly followed by `bytes` from index `from` (0) on, in one
   * system call when small.
   */
  writeText(text: string, bytes?: Uint8Array, from?: number): boolean;
  /**
   * Stops reading; the peer feels it once the kernel's buffers are full. Until the next bytes arrive (one chunk is
   * read and held back) a paused stream still learns of the peer's FIN and RST.
   */
  pause(): void;
  resume(): void;
  /** Half-close: FIN after everything pending; the peer may go on sending. */
  end(): void;
  /** The same for a peer that has nothing more to say: behind what is pending, both directions close; `closed` follows. */
  finish(): void;
  /** Closes both directions at once, dropping what is pending; `closed` follows, and nothing else. */
  destroy(): void;
  /** Like `destroy`, but with RST where the runtime can. */
  reset(): void;
}

/** What is known of a TLS stream after its handshake. */
export interface TlsFacts {
  /** `TLSv1.2`, `TLSv1.3`. */
  readonly version: string;
  readonly cipher: string;
  /** Server name of the ClientHello; empty when none was sent. */
  readonly serverName: string;
  /** Negotiated ALPN protocol; empty when none. */
  readonly alpn: string;
  /** Peer certificate chain, leaf first, DER. Empty when none was given. */
  readonly peerCertificates: readonly Uint8Array[];
  /** SHA-256 of the first of them, lower-case hexadecimal; empty without. */
  readonly peerFingerprint: string;
  /** True when the peer's chain was verified against the configured authorities. */
  readonly verified: boolean;
}

/** A certificate with its key, PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

/** TLS as a server. */
export interface ServerTls {
  /**
   * Chosen by server name (exact DNS SAN, then one-label wildcard; of equal names the later one); the first is the
   * default. At least one.
   */
  readonly keyPairs: readonly KeyPair[];
  readonly clientCertificates: "none" | "request" | "require";
  /** PEM authorities that client certificates must chain to, the most important first. */
  readonly clientAuthorities?: readonly string[];
  /** Looks at a client that certificates are asked of and that is welcome so far: why it is refused; undefined: it is not. */
  readonly objection?: (facts: TlsFacts) => StreamError | undefined;
  readonly alpn?: readonly string[];
  /** Default TLSv1.2. */
  readonly minVersion?: TlsVersion;
  readonly maxVersion?: TlsVersion;
  /** Suites up to TLS 1.2 by their OpenSSL names, the preferred first. Default: the runtime's. */
  readonly ciphers?: readonly string[];
  readonly handshakeTimeoutMs?: number;
}

/** TLS as a client. */
export interface ClientTls {
  /**
   * Name that is sent as SNI (unless it is an IP) and must be among the certificate's subject alternative names; its
   * common name does not count.
   */
  readonly serverName: string;
  /** PEM authorities; undefined means the system's. */
  readonly authorities?: readonly string[];
  /** Beside `authorities`, the system's are trusted too. Default false. */
  readonly trustSystem?: boolean;
  readonly keyPair?: KeyPair;
  readonly alpn?: readonly string[];
  /** As in `ServerTls`. */
  readonly ciphers?: readonly string[];
  /** Lowest and highest version, `TLSv1.2` or `TLSv1.3`; default: both. */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3";
  /** Default true. False: any certificate will do. */
  readonly verify?: boolean;
  readonly handshakeTimeoutMs?: number;
}

export interface ListenOptions {
  /** Address to bind; undefined or empty binds all addresses (dual-stack where available). */
  readonly host?: string;
  /** 0 picks a free port. */
  readonly port?: number;
  /** Path of a unix socket, instead of host and port. */
  readonly path?: string;
  readonly reusePort?: boolean;
  readonly backlog?: number;
  readonly tls?: ServerTls;
  /**
   * Streams may be handed to `secureServer`. A runtime may have a cheaper kind of plain stream that cannot be taken
   * over by TLS; without this option `secureServer` may refuse them.
   */
  readonly takeover?: boolean;
  /**
   * One byte per character, sent to a client that is turned away because descriptors run short (a complete
   * `503` response, say) before its connection is closed; `accept` never hears of it. TLS clients are just closed.
   */
  readonly excess?: string;
}

/** A bound listener. */
export interface Listener {
  readonly host: string;
  readonly port: number;
  /** Stops accepting; accepted streams live on. Resolves when the port is free. */
  close(): Promise<void>;
}

/** How long the steps of a dial took, in milliseconds; the runtime fills in those it took and can tell apart. */
export interface DialTimes {
  dnsMs: number;
  dialMs: number;
  tlsMs: number;
}

export interface ConnectOptions {
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
  /** Name resolution and TCP connect together, in milliseconds; undefined: the kernel's. */
  readonly timeoutMs?: number;
  /** TCP keep-alive idle time and interval in milliseconds; undefined: off. */
  readonly keepAliveMs?: number;
  /** IP version of a name's address; undefined: either. */
  readonly family?: 4 | 6;
  readonly tls?: ClientTls;
  /** Bytes that go out first, before TLS (PROXY protocol). */
  readonly preamble?: Uint8Array | undefined;
  /** The stream may be handed to `secureClient`; see `ListenOptions.takeover`. */
  readonly takeover?: boolean;
  /**
   * Which addresses may be dialled. A name is resolved once, and the very address that was let through is dialled; when
   * there is none, the dial rejects with `not-admitted`. Default: any.
   */
  readonly admits?: (address: string) => boolean;
  /** Where the times of the steps go, of a dial that fails too. */
  readonly times?: DialTimes;
}

/** Where datagrams go. */
export interface DatagramOptions {
  readonly host: string;
  readonly port: number;
  /** IP version; undefined: the first address of the name decides. */
  readonly family?: 4 | 6;
}

/** A UDP socket that sends to one address; nothing is received. It does not keep the process alive. */
export interface Datagram {
  /** As on `ByteStream`. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Bytes accepted by `send` that the kernel has not taken yet. */
  readonly pending: number;
  /** Sends one datagram, one byte per character, in the order of the calls. */
  send(text: string): void;
  /** Resolves when everything accepted has reached the kernel, or failed, and the socket is closed. */
  close(): Promise<void>;
}

/** A one-shot timer that can be taken back. */
export interface Timer {
  cancel(): void;
}

/** Time, as a parameter: the core and the wire have none of their own. */
export interface Clock {
  /** Milliseconds since the Unix epoch, with a fraction (microseconds where the runtime has them). */
  now(): number;
  /** Milliseconds of a clock that never jumps, with a fraction; only differences mean something. */
  monotonic(): number;
  /** Calls back once after `ms`. Does not keep the process alive when `background` is true. */
  after(ms: number, callback: () => void, background?: boolean): Timer;
}

/** How text goes to a file. */
export interface AppendOptions {
  /** One byte per character instead of UTF-8. */
  readonly latin1?: boolean;
  /** How long text may wait for more of it, in milliseconds; 64 KiB go out at once. Default 0: this turn's text together. */
  readonly holdMs?: number;
}

/** An append-only file. */
export interface AppendFile {
  /** Hands text (UTF-8, or one byte per character when `latin1`) to the file; errors go to `onError` of `openAppend`. */
  write(text: string): void;
  /** Opens the path again (log rotation); on failure the old file stays in use and the promise rejects. */
  reopen(): Promise<void>;
  /** Resolves when everything written has reached the file. */
  close(): Promise<void>;
}

/** A command to run in a process group of its own. Environment, working directory and user are those of the program. */
export interface CommandOptions {
  /** Path of the executable. */
  readonly command: string;
  readonly args: readonly string[];
  /** Bytes of standard output, and of standard error, that are kept; what follows is read and dropped. */
  readonly outputLimit: number;
}

/** How a process ended: by itself, or by a signal (`SIGKILL`, …). */
export type CommandEnd = { readonly code: number } | { readonly signal: string };

/** A running command and everything it has started (unless that left the group). Its standard input is empty. */
export interface GroupedCommand {
  readonly processId: number;
  /** The command itself has ended; what it has started may live on. */
  readonly ended: Promise<CommandEnd>;
  /** It has ended, and nobody holds its standard output and error open any more. */
  readonly closed: Promise<void>;
  /** What was said so far, as UTF-8, up to the limit. */
  output(): { readonly stdout: string; readonly stderr: string };
  /** SIGKILL to the whole group; false when it is empty already. */
  killGroup(): boolean;
}

/** How a worker process is told of by its supervisor. */
export interface WorkerListener {
  /** A text that the worker sent. */
  message(text: string): void;
  /** What it wrote to standard output and error, one byte per character; whole lines, but for what it left unfinished. */
  output(text: string): void;
  error(text: string): void;
}

/** Another process of this very program, as its supervisor sees it. It hears the end of the supervisor, however that ends. */
export interface WorkerProcess {
  readonly processId: number;
  /** It has ended, and everything that it wrote has been told. */
  readonly ended: Promise<CommandEnd>;
  /** Texts arrive in order; one that a process no longer takes is lost. */
  send(text: string): void;
  /** SIGKILL. */
  kill(): void;
}

/** The supervisor, as a worker process sees it. */
export interface SupervisorLink {
  send(text: string): void;
  /** What the supervisor sends; texts that came before are told at once. `closed`: it is gone, or let go of us. */
  listen(message: (text: string) => void, closed: () => void): void;
}

/**
 * Numbers (32 bits, signed) that processes of one machine share. Each has one writer at a time; what one process has stored,
 * the next `load` of every other gives.
 */
export interface SharedNumbers {
  /** Of the file behind it: with it another process opens the same numbers. */
  readonly path: string;
  /** How many there are; all 0 at first. */
  readonly length: number;
  load(index: number): number;
  store(index: number, value: number): void;
  /** The sum of `count` numbers from `from` on. */
  sum(from: number, count: number): number;
  /** Says that they are still in use: files that nobody has touched for a while are removed by who makes the next. */
  touch(): void;
  /** Removes the file; whoever has it open may go on. */
  remove(): void;
}

export type Signal = "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGUSR1" | "SIGUSR2" | "SIGQUIT";

/** A request as a runtime's own HTTP server gives it: the part of a Fetch `Request` that is used. */
export interface NativeRequest extends Pick<Request, "method" | "url" | "body" | "signal"> {
  /** Header lines: as received where the server shows them, else as `Headers` has them. */
  readonly headers: Iterable<[string, string]>;
}

/** A response for a runtime's own HTTP server: what `new Response(body, this)` takes. Statuses are 200 to 599. */
export interface NativeResponse {
  readonly status: number;
  readonly statusText: string;
  /** Header lines, framing aside; a Content-Length is the body's. */
  readonly headers: [string, string][];
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer> | null;
}

/** What a runtime's own HTTP server tells beside a request. */
export interface NativePeer {
  /** As on `ByteStream`; empty where the server does not tell. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** The request target as received (RFC 9112 §3.2); undefined: the server shows its `url` only. */
  readonly target: string | undefined;
  /** `HTTP/1.0` or `HTTP/1.1`; the latter where the server does not tell. */
  readonly protocol: string;
}

/** Longest WebSocket message in bytes: messages are held in memory. A longer one ends the WebSocket with 1009 or 1006. */
export const maxWebSocketMessage = 64 * 1024 * 1024;

/** What a WebSocket tells its owner. */
export interface WebSocketHandler {
  /** A whole message (RFC 6455 §5.6): text, or bytes that belong to the handler. */
  message(data: string | Uint8Array): void;
  /** After a `send` returned false: go on. */
  drained(): void;
  /** The last call, exactly once. 1005: a close frame without code; 1006: the connection ended without a close frame. */
  closed(code: number, reason: string): void;
}

/** A WebSocket (RFC 6455) by messages. `close` and `destroy` may be called at any time, after the end too. */
export interface MessageSocket {
  /** Bytes sent and not yet handed to the kernel, as far as the runtime tells. */
  readonly pending: number;
  /** False: too much is pending, wait for `drained` (the message was taken all the same). */
  send(data: string | Uint8Array): boolean;
  /** Stops reading, where the WebSocket can (W3C's cannot); else nothing happens. */
  pause(): void;
  resume(): void;
  /** Begins the closing handshake; 1005: without code. */
  close(code: number, reason: string): void;
  /** Ends the connection at once, where the WebSocket can; else closes it. */
  destroy(): void;
}

/** An answer that makes the client's connection a WebSocket. One of `open` and `failed` is called, once. */
export interface NativeUpgrade {
  /** Header lines to add to the 101. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Subprotocol to agree on; empty: none. */
  readonly protocol: string;
  /** The WebSocket is open: gives its handler. */
  open(socket: MessageSocket): WebSocketHandler;
  /** It did not come about: the client is gone, or its request was no WebSocket handshake. */
  failed(): void;
}

/** Answers requests of a runtime's own HTTP server. Never rejects. */
export type NativeHandler = (request: NativeRequest, peer: NativePeer) => Promise<NativeResponse | NativeUpgrade>;

/** A listener of the runtime's own HTTP server. */
export interface NativeListener {
  readonly host: string;
  readonly port: number;
  /** Stops accepting; requests under way go on. Resolves when the port is free. */
  close(): Promise<void>;
  /** Resolves when no request is under way: every answer is complete and handed to the kernel. */
  drained(): Promise<void>;
  /** Cuts every connection. */
  destroy(): Promise<void>;
}

/** What a process has used of its machine. */
export interface ProcessUsage {
  /** CPU time since the start, user and system. */
  readonly cpuSeconds: number;
  /** Largest resident set size so far. */
  readonly maxResidentBytes: number;
  /** Memory that objects of the language take at this moment. */
  readonly heapBytes: number;
}

/** Everything the program needs of its runtime. */
export interface Runtime {
  /** `bun`, `deno` or `node`: for logs and `--version`, never for decisions. */
  readonly name: string;
  readonly version: string;
  readonly clock: Clock;

  /** Binds and accepts; `accept` gives the handler for each new stream. Rejects with a `StreamError`. */
  listen(options: ListenOptions, accept: (stream: ByteStream) => ByteStreamHandler): Promise<Listener>;
  /** Dials; with `tls`, resolves after the handshake. Rejects with a `StreamError`. */
  connect(options: ConnectOptions, handler: ByteStreamHandler): Promise<ByteStream>;
  /** Takes a plain accepted stream over as TLS server, `already` being bytes read before (PROXY protocol, ClientHello). */
  secureServer(
    stream: ByteStream,
    already: Uint8Array,
    tls: ServerTls,
    handler: ByteStreamHandler,
  ): Promise<ByteStream>;
  /**
   * Works out what handshakes with that object need, before the first of them, and says what this runtime does not do of
   * it, a sentence each; empty when all holds.
   *
   * @throws Error when a certificate or its key cannot be used.
   */
  prepareServerTls(tls: ServerTls): readonly string[];
  /** Takes a plain dialled stream over as TLS client (NATS starts TLS after INFO). */
  secureClient(stream: ByteStream, tls: ClientTls, handler: ByteStreamHandler): Promise<ByteStream>;
  /**
   * Frees the memory of bytes as a stream delivered them, which nobody has any more. Worth it where very much is read:
   * a garbage collector may let a hundred megabytes of it pile up.
   */
  giveBack(bytes: Uint8Array): void;
  /**
   * The certificate authorities that the machine trusts, PEM, one certificate each, always the same array: of
   * `SSL_CERT_FILE` and `SSL_CERT_DIR`, or of the usual places; where there are none, those the runtime brings along.
   */
  systemAuthorities(): readonly string[];

  /**
   * Opens a UDP socket towards an address, resolving its name once. `onError` hears of datagrams that could not be sent,
   * and of a peer that does not listen, where the runtime tells. Rejects with a `StreamError`.
   */
  openDatagram(options: DatagramOptions, onError: (error: StreamError) => void): Promise<Datagram>;

  /**
   * Serves by the runtime's own HTTP server (`Bun.serve`, `Deno.serve`, `node:http`). Only `host` and `port` are used.
   * Rejects with a `StreamError`.
   */
  serveNative(options: Pick<ListenOptions, "host" | "port">, handler: NativeHandler): Promise<NativeListener>;

  /** What is wrong with a private key for a certificate, both PEM: it cannot be read, is of another kind, or another key. */
  matchKey(certificate: string, privateKey: string): "unreadable" | "kind" | "key" | undefined;

  /** Latin-1 text of `bytes[start, end)`. */
  latin1(bytes: Uint8Array, start: number, end: number): string;
  /** One byte per character (code points above 255 are cut to their low byte). */
  fromLatin1(text: string): Uint8Array;
  uuid(): string;
  randomBytes(length: number): Uint8Array;

  readTextFile(path: string): Promise<string>;
  /** Writes a whole file (UTF-8), overwriting; created with mode 0644 (subject to the umask). */
  writeTextFile(path: string, text: string): Promise<void>;
  /** Names in a directory, in no particular order. */
  listDirectory(path: string): Promise<string[]>;
  /** A text that changes whenever the file does; undefined when there is no regular file (links are followed). */
  fileStamp(path: string): Promise<string | undefined>;
  /** Opens (and creates) a file for appending. */
  openAppend(path: string, onError: (error: Error) => void, options?: AppendOptions): Promise<AppendFile>;
  /** Writes to standard output or error; in order, without waiting. `latin1` as in `AppendOptions`. */
  writeOut(text: string, latin1?: boolean): void;
  writeError(text: string, latin1?: boolean): void;
  /** Resolves when everything handed to `writeOut` and `writeError` has left the process. */
  flushOutput(): Promise<void>;

  /** Starts a command as the leader of a new process group. Rejects with an `Error` when it cannot be started. */
  spawnGroup(options: CommandOptions): Promise<GroupedCommand>;
  /** Starts this very program once more, as a worker. Rejects with an `Error` when it cannot be started. */
  spawnWorker(listener: WorkerListener): Promise<WorkerProcess>;
  /** The process that started this one by `spawnWorker`; undefined: nobody did. */
  supervisor(): SupervisorLink | undefined;
  /** Opens shared numbers, of another process by their path, or new ones (`length` of them). Throws an `Error`. */
  sharedNumbers(length: number, path?: string): SharedNumbers;

  readonly args: readonly string[];
  /** Name the program was called by: the base name of the script or binary. */
  readonly programName: string;
  env(name: string): string | undefined;
  onSignal(signal: Signal, callback: () => void): void;
  /** Hears what nobody caught, thrown or rejected; with it, the runtime itself neither reports it nor ends the process. */
  onUncaught(callback: (error: unknown) => void): void;
  exit(code: number): never;
  readonly processId: number;
  /** Name of the machine. */
  hostName(): string;
  /** The address the kernel would send from towards the outside (control-plane §1.4); rejects without a route. */
  localIp(): Promise<string>;

  /** Once, at the start of a program that serves for long: trades memory for CPU time where the runtime lets us. */
  tuneForServing(): void;

  /** Soft limit of open file descriptors; Infinity when unknown. */
  descriptorLimit(): number;
  /** Resident set size in bytes. */
  residentBytes(): number;
  cpuCount(): number;
  /** What the process has used since its start. */
  usage(): ProcessUsage;
  /** Descriptors the process has open; where the system does not tell, streams opened by `listen` and `connect`. */
  openDescriptors(): Promise<number>;
  /** Watches what the process does for so long: a CPU profile as browsers' tools read it (`.cpuprofile`, JSON). */
  cpuProfile(ms: number): Promise<string>;
  /** Everything in memory, as browsers' tools read it (`.heapsnapshot`). The process stands still meanwhile. */
  heapSnapshot(): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
}
