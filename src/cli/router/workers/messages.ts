import type { Config } from "../../../core/config/schema.ts";
import type { FailureKind } from "../../../core/forwarding/failure.ts";
import type { Level, LogData } from "../../../core/observe/log.ts";
import type { RequestReport } from "../../../core/observe/request-report.ts";
import type { Health } from "../../../core/pipeline/parts.ts";
import type { ProcessUsage } from "../../../runtime/interface/processes.ts";
import type { KeyPair } from "../../../runtime/interface/tls.ts";
import { StartFailure } from "../start-failure.ts";

/** Everything a worker process needs to know before it can serve. */
export interface WorkerOrders {
  readonly config: Config;
  readonly level: Level;
  /** The router's own IP. */
  readonly address: string;
  readonly health: Health["state"];
  /** Text of `html_error_template_file`, as the supervisor read it. */
  readonly errorTemplate: string;
  /** Certificates of the main TLS listener; empty without one. */
  readonly keyPairs: readonly KeyPair[];
  /** The supervisor's, which is the router's for whoever reads its logs. */
  readonly processId: number;
  /** The numbers that the processes share, the worker's place there, and how many workers have one. */
  readonly shared: { readonly path: string; readonly length: number; readonly place: number; readonly workers: number };
  /** So long, in milliseconds, it may rehearse; 0: not at all. */
  readonly rehearsalMs: number;
}

/** Main ports that all workers share; undefined: not open. */
export interface SharedPorts {
  readonly http: number | undefined;
  readonly https: number | undefined;
}

/** What connections a worker has (control-plane §8.4). */
export interface ConnectionCounts {
  readonly active: number;
  readonly idle: number;
}

/** What a worker counted since it was asked last, and what it has used of the machine. */
export interface WorkerReport {
  readonly requests: RequestReport;
  /** Apps that were sent requests, and how many milliseconds before the report. */
  readonly activeApps: readonly (readonly [applicationId: string, age: number])[];
  readonly usage: ProcessUsage;
  readonly descriptors: number;
}

/** What the supervisor asks of a worker, with the answers. */
export interface Questions {
  start(orders: WorkerOrders): void;
  /** A port of 0 is a free one; the answer names it. */
  listen(ports: SharedPorts): SharedPorts;
  reopen(): void;
  farewell(overMs: number): void;
  stopAccepting(): void;
  connections(): ConnectionCounts;
  drain(): void;
  report(): WorkerReport;
  /** Everything that was logged has left the process, which ends now. */
  end(): void;
  health(state: Health["state"]): void;
  level(level: Level): void;
  keyPairs(keyPairs: readonly KeyPair[]): void;
}

/** What a worker says unasked. */
export interface Tidings {
  failed(what: readonly [key: string, address: string, kind: FailureKind]): void;
  marksErased(key: string): void;
  /** Numbers of endpoints where it counts nothing any more. */
  released(ids: readonly number[]): void;
}

/** A text between the two. Operations on the table travel as `T` and their JSON, and are acknowledged by an `A`. */
export type Message =
  | { readonly ask: keyof Questions; readonly id: number; readonly value: unknown }
  | { readonly answer: number; readonly value: unknown }
  | { readonly refusal: number; readonly failure: FailureText }
  | { readonly tidings: keyof Tidings; readonly value: unknown };

/** An error as a message can carry it. */
interface FailureText {
  readonly message: string;
  /** Of a `StartFailure`. */
  readonly start?: { readonly data: LogData; readonly sourceSuffix: string; readonly panics: boolean };
}

export function failureText(error: unknown): FailureText {
  const { message } = error instanceof Error ? error : { message: String(error) };
  if (!(error instanceof StartFailure)) return { message };
  const { data, sourceSuffix, panics } = error;
  return { message, start: { data, sourceSuffix, panics } };
}

export function failureOf({ message, start }: FailureText): Error {
  return start === undefined
    ? new Error(message)
    : new StartFailure(message, start.data, start.sourceSuffix, start.panics);
}
