#!/usr/bin/env node
/**
 * The program. One entry, sub-commands (`causeway --help`), and the names of the programs it stands in for: called
 * `gorouter` it is the router, called `route-registrar` the registrar. A worker process loads what workers need, which
 * halves its start.
 */
import { runtime } from "#runtime";

const supervisor = runtime.supervisor();
if (supervisor === undefined) {
  const { runCommand } = await import("./cli/commands.ts");
  await runCommand(runtime);
} else {
  const { runWorker } = await import("./cli/router/workers/worker-process.ts");
  runWorker(runtime, supervisor);
}
