const reasons: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  ENOTDIR: "not a directory",
  EISDIR: "is a directory",
  EROFS: "read-only file system",
  ENOSPC: "no space left on device",
  EDQUOT: "disk quota exceeded",
  EFBIG: "file too large",
  EIO: "input/output error",
};

/** The text Go has for a file that cannot be read whole; a directory can be opened there, but not read. */
export function readErrorText(path: string, error: unknown): string {
  const isDirectory = error instanceof Error && "code" in error && error.code === "EISDIR";
  return isDirectory ? `read ${path}: is a directory` : fileErrorText(path, error);
}

/** The text Go has for a write that failed; what is no error of the system has words of its own. */
export function writeErrorText(path: string, error: Error): string {
  const reason = "code" in error ? reasons[String(error.code)] : undefined;
  return reason === undefined ? error.message : `write ${path}: ${reason}`;
}

/** The text operators know for a file that cannot be opened: `open PATH: no such file or directory` (control-plane §1.1). */
export function fileErrorText(path: string, error: unknown): string {
  // Deno has words of its own for an empty path.
  const code = path === "" ? "ENOENT" : error instanceof Error && "code" in error ? String(error.code) : "";
  return `open ${path}: ${reasons[code] ?? (error instanceof Error ? error.message : String(error))}`;
}
