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

/** What a process has used of its machine. */
export interface ProcessUsage {
  /** CPU time since the start, user and system. */
  readonly cpuSeconds: number;
  /** Largest resident set size so far. */
  readonly maxResidentBytes: number;
  /** Memory that objects of the language take at this moment. */
  readonly heapBytes: number;
}
