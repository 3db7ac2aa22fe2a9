/**
 * `npm run bench`: one hop beside the rivals (`hop.ts`), or
 *
 *   npm run bench -- --all [--quick] [--write FILE]   every section of docs/performance.md, one bench after the other
 *   npm run bench -- --guard   a few minutes; exit status 1 when a hop costs a fifth more than docs/performance.md says
 */
import process from "node:process";
import { runAll } from "./rig/all.ts";
import { runGuard } from "./rig/guard.ts";

const words = process.argv.slice(2);
if (words.includes("--all")) process.exit(runAll(words.filter((word) => word !== "--all")));
else if (words.includes("--guard")) process.exit(runGuard());
else await import("./hop.ts");
