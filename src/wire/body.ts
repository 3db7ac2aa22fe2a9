import type { Failure } from "../core/forwarding/failure.ts";
import type { HeaderLines } from "./header-lines.ts";

/** Takes a message body as it comes. */
export interface BodySink {
  /** Body bytes, de-chunked. False: stop until `BodySource.resume`. */
  write(bytes: Uint8Array): boolean;
  /** The same with the bytes from `from` on, for sinks that can do without a view of them: on Bun one costs 0.5 us. */
  writeFrom?(bytes: Uint8Array, from: number): boolean;
  /** The body is complete; trailers if there were any. */
  end(trailers: HeaderLines | undefined): void;
  /** The body will not be completed; nothing follows. */
  fail(failure: Failure): void;
}

/**
 * A message body as bytes, moved with back-pressure and without a stream object. Once started it belongs to one sink.
 */
export interface BodySource {
  /** Announced length in bytes; -1 when unknown (chunked, or until close); 0: there is no body. */
  readonly length: number;
  /** True once `start` or `cancel` was called. */
  readonly taken: boolean;
  /**
   * Begins to deliver. What has arrived already is delivered before `start` returns (so that a writer can send a
   * small body together with its head), and so is `end` when the body is complete.
   */
  start(sink: BodySink): void;
  /** Go on after `write` returned false. */
  resume(): void;
  /** The sink wants no more: the rest is dropped or the connection behind it closed; the sink hears nothing further. */
  cancel(): void;
}

/** What wire requests and responses carry beside Fetch's `body`: the bytes without a stream object. */
export interface HasSource {
  readonly source: BodySource;
}

/** The byte source behind a request or response of our own, or undefined for a foreign one. */
export function sourceOf(message: object): BodySource | undefined {
  return (message as Partial<HasSource>).source;
}
