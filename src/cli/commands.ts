import type { Runtime } from "../runtime/interface.ts";
import { checkConfig } from "./check-config.ts";
import type { Command } from "./command.ts";
import { configSchema } from "./config-schema.ts";
import { register } from "./register.ts";
import { routeRegistrar } from "./route-registrar.ts";
import { router } from "./router.ts";
import { routes } from "./routes.ts";
import { routingApi } from "./routing-api.ts";
import { version } from "./version.ts";

const commands: ReadonlyMap<string, Command> = new Map([
  ["router", router],
  ["register", register],
  ["routes", routes],
  ["check-config", checkConfig],
  ["config-schema", configSchema],
  ["route-registrar", routeRegistrar],
  ["routing-api", routingApi],
]);

/** Names the program may be called by, and the sub-command each stands for. */
const aliases: ReadonlyMap<string, string> = new Map([
  ["gorouter", "router"],
  ["route-registrar", "route-registrar"],
  ["routing-api", "routing-api"],
]);

function help(): string {
  const rows = [...commands].map(([name, command]) => `  ${name.padEnd(18)}${command.summary}\n`).join("");
  return `Usage: causeway [COMMAND] [OPTIONS]\n\nCommands (default: router):\n${rows}\n  causeway COMMAND --help   options of a command\n  causeway --version\n`;
}

/** Runs the sub-command that the program's name and arguments ask for. */
export async function runCommand(runtime: Runtime): Promise<void> {
  const calledAs = aliases.get(runtime.programName);
  const [first = "", ...rest] = runtime.args;
  if (calledAs !== undefined) return await commands.get(calledAs)!.run(runtime, runtime.args);
  if (first === "--version" || first === "version")
    return await say(runtime, `causeway ${version} (${runtime.name} ${runtime.version})\n`, 0);
  if (first === "--help" || first === "-h" || first === "help") return await say(runtime, help(), 0);
  const command = commands.get(first);
  if (command !== undefined) return await command.run(runtime, rest);
  if (first === "" || first.startsWith("-")) return await router.run(runtime, runtime.args);
  runtime.writeError(`causeway: unknown command "${first}"\n\n${help()}`);
  await runtime.flushOutput();
  runtime.exit(2);
}

async function say(runtime: Runtime, text: string, code: number): Promise<void> {
  runtime.writeOut(text);
  await runtime.flushOutput();
  runtime.exit(code);
}
