import { configJsonSchema } from "../core/config/json-schema.ts";
import type { Runtime } from "../runtime/interface.ts";
import type { Command } from "./command.ts";

/** `causeway config-schema`: JSON Schema of gorouter.yml, for editors. */
export const configSchema: Command = {
  summary: "print the JSON Schema of the configuration, for editors",
  run,
};

async function run(runtime: Runtime, args: readonly string[]): Promise<void> {
  if (args[0] === "--help" || args[0] === "-h") {
    runtime.writeOut(
      "Usage: causeway config-schema\n\nPrints the JSON Schema of gorouter.yml; editors complete and check the file by it.\n",
    );
    await runtime.flushOutput();
    return runtime.exit(0);
  }
  if (args.length > 0) {
    runtime.writeError(`causeway config-schema: cannot use ${JSON.stringify(args[0])}: it takes no arguments\n`);
    await runtime.flushOutput();
    return runtime.exit(2);
  }
  runtime.writeOut(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
  await runtime.flushOutput();
  runtime.exit(0);
}
