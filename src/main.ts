#!/usr/bin/env node
/**
 * The program. One entry, sub-commands (`causeway --help`), and the names of the programs it stands in for: called
 * `gorouter` it is the router, called `route-registrar` the registrar.
 */
import { runtime } from "#runtime";
import { runCommand } from "./cli/commands.ts";

await runCommand(runtime);
