/**
 * What a runtime must give. Everything above `src/runtime` is written against this file and the types beside it
 * (`interface/`) alone; `bun.ts`, `deno.ts` and `node.ts` implement it with the same member order, and one contract suite
 * (`test/contract/runtime`) proves them.
 *
 * Bytes are `Uint8Array`. A `Uint8Array` that was given to a stream, or received from one, belongs to the receiver:
 * the giver never touches it again.
 */

import type { ByteStream, ByteStreamHandler } from "./interface/byte-stream.ts";
import type { Clock } from "./interface/clock.ts";
import type { Datagram, DatagramOptions } from "./interface/datagram.ts";
import type { ConnectOptions } from "./interface/dialling.ts";
import type { AppendFile, AppendOptions, OnWriteError } from "./interface/files.ts";
import type { Listener, ListenOptions } from "./interface/listening.ts";
import type { NativeHandler, NativeListener } from "./interface/native-serving.ts";
import type {
  CommandOptions,
  GroupedCommand,
  ProcessUsage,
  SharedNumbers,
  Signal,
  SupervisorLink,
  WorkerListener,
  WorkerProcess,
} from "./interface/processes.ts";
import type { StreamError } from "./interface/stream-error.ts";
import type { ClientTls, ServerTls } from "./interface/tls.ts";

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
  openAppend(path: string, onError: OnWriteError, options?: AppendOptions): Promise<AppendFile>;
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

  /**
   * First of all in a program that serves for long: where a runtime can be told only as it starts what makes it faster, the
   * process starts again, with the same id, and this does not return. Workers get that from their supervisor.
   */
  restartTuned(): void;
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
