/** How text goes to a file. */
export interface AppendOptions {
  /** One byte per character instead of UTF-8. */
  readonly latin1?: boolean;
  /** How long text may wait for more of it, in milliseconds; 64 KiB go out at once. Default 0: this turn's text together. */
  readonly holdMs?: number;
}

/** Told of each write that fails, or is not tried because too much waits; `lost`: so many bytes are not in the file. */
export type OnWriteError = (error: Error, lost: number) => void;

/** An append-only file. */
export interface AppendFile {
  /** Hands text (UTF-8, or one byte per character when `latin1`) to the file; errors go to `onError` of `openAppend`. */
  write(text: string): void;
  /** Opens the path again (log rotation); on failure the old file stays in use and the promise rejects. */
  reopen(): Promise<void>;
  /** Resolves when everything written has reached the file. */
  close(): Promise<void>;
}
