import { realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";

/**
 * Settings of the allocator, which holds JavaScriptCore's heap too and reads them as the process starts. Out of the box
 * it gives memory back to the system as soon as it is free, down to holes in pages that are in use, and a router that
 * collects its garbage several times a second takes the same memory anew: that was 4 to 8 % of what a request costs. Now
 * what was free for three seconds is given back, as a whole. (Large pages, `MIMALLOC_ALLOW_THP=1`, save as much again; but
 * they take some 50 MB more, and a kernel that has to make room for them holds a process for up to 200 ms.)
 */
const settings: Readonly<Record<string, string>> = {
  MIMALLOC_PURGE_DELAY: "3000",
  MIMALLOC_PURGE_HOLES: "0",
};

/**
 * `Runtime.restartTuned`. What the environment says of a setting stays as it is. `compiled`: the executable is the
 * program, and its first two arguments are Bun's invention.
 */
export function restartTuned(compiled: boolean): void {
  const { execve, env, execArgv, argv0, argv } = process;
  const missing = Object.entries(settings).filter(([name]) => env[name] === undefined);
  if (missing.length === 0 || execve === undefined) return;
  const args = [argv0, ...execArgv, ...argv.slice(compiled ? 2 : 1)];
  try {
    execve(executable(), args, { ...env, ...Object.fromEntries(missing) });
  } catch {
    // Where a process may not start another program, or the file is gone, it serves as it is.
  }
}

/** The path the program was started by, so that lists of processes show the same name; it may be a link. */
function executable(): string {
  const { execPath, argv0, env } = process;
  const folders = argv0.includes("/") ? [""] : (env["PATH"] ?? "").split(delimiter);
  return folders.map((folder) => join(folder, argv0)).find((path) => isSameFile(path, execPath)) ?? execPath;
}

function isSameFile(path: string, other: string): boolean {
  try {
    return realpathSync(path) === realpathSync(other);
  } catch {
    return false;
  }
}
