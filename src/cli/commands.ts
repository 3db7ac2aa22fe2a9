import type { Runtime } from "../runtime/interface.ts";
import type { Command } from "./command.ts";
import { version } from "./version.ts";

/** Each command's modules are loaded when it is asked for: two thirds of all are not the router's. */
const commands: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ["router", async () => (await import("./router.ts")).router],
  ["register", async () => (await import("./register.ts")).register],
  ["routes", async () => (await import("./routes.ts")).routes],
  ["check-config", async () => (await import("./check-config.ts")).checkConfig],
  ["config-schema", async () => (await import("./config-schema.ts")).configSchema],
  ["route-registrar", async () => (await import("./route-registrar.ts")).routeRegistrar],
  ["routing-api", async () => (await import("./routing-api.ts")).routingApi],
]);

/** Names the program may be called by, and the sub-command each stands for. */
const aliases: ReadonlyMap<string, string> = new Map([
  ["gorouter", "router"],
  ["route-registrar", "route-registrar"],
  ["routing-api", "routing-api"],
]);

async function help(): Promise<string> {
  let rows = "";
  for (const [name, load] of commands) rows += `  ${name.padEnd(18)}${(await load()).summary}\n`;
  return `Usage: causeway [COMMAND] [OPTIONS]\n\nCommands (default: router):\n${rows}\n  causeway COMMAND --help   options of a command\n  causeway --version\n`;
}

/** Runs the sub-command that the program's name and arguments ask for. */
export async function runCommand(runtime: Runtime): Promise<void> {
  const calledAs = aliases.get(runtime.programName);
  const run = async (name: string, args: readonly string[]): Promise<void> => {
    if (name === "router") runtime.restartTuned();
    const command = await commands.get(name)!();
    await command.run(runtime, args, calledAs === undefined ? `causeway ${name}` : runtime.programName);
  };
  const [first = "", ...rest] = runtime.args;
  if (calledAs !== undefined) return await run(calledAs, runtime.args);
  if (first === "--version" || first === "version")
    return await say(runtime, `causeway ${version} (${runtime.name} ${runtime.version})\n`, 0);
  if (first === "--help" || first === "-h" || first === "help") return await say(runtime, await help(), 0);
  if (commands.has(first)) return await run(first, rest);
  if (first === "" || first.startsWith("-")) return await run("router", runtime.args);
  runtime.writeError(`causeway: unknown command "${first}"\n\n${await help()}`);
  await runtime.flushOutput();
  runtime.exit(2);
}

async function say(runtime: Runtime, text: string, code: number): Promise<void> {
  runtime.writeOut(text);
  await runtime.flushOutput();
  runtime.exit(code);
}
