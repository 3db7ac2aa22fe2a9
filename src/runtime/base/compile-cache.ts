import { lstatSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/**
 * The folder where worker processes of this user keep what Node compiled of their modules, which is most of their start;
 * undefined: somebody else could write there.
 */
function folder(): string | undefined {
  const user = process.getuid?.();
  if (user === undefined) return undefined;
  const path = join(tmpdir(), `causeway-compiled-${user}`);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch {
    // It is there, or cannot be: the next look tells.
  }
  const facts = lstatSync(path, { throwIfNoEntry: false });
  return facts?.isDirectory() && facts.uid === user && (facts.mode & 0o077) === 0 ? path : undefined;
}

/**
 * What the environment of a worker process has beside that of its supervisor, so that Node compiles each module once for
 * all workers. Whoever set something about that cache is left his way.
 */
export function compileCache(): Readonly<Record<string, string>> {
  const { NODE_COMPILE_CACHE: own, NODE_DISABLE_COMPILE_CACHE: none } = process.env;
  const path = own === undefined && none === undefined ? folder() : undefined;
  return path === undefined ? {} : { NODE_COMPILE_CACHE: path };
}
