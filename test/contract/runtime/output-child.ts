import { runtime } from "#runtime";

// Run by system.test.ts.
runtime.writeOut("\u00e4 then ");
runtime.writeOut("\u00e4 \n\n", true);
runtime.writeOut(`${runtime.programName} ${runtime.args.join(" ")}\n`);
runtime.writeOut("x".repeat(300_000));
runtime.writeError("to standard error\n");
await runtime.flushOutput();
runtime.exit(7);
