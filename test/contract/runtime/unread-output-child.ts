import { runtime } from "#runtime";

// Run by system.test.ts, with a standard output that nobody reads: more than any pipe holds.
runtime.writeOut("x".repeat(8_000_000));
// Waited for in the kernel, the write would keep this from being called.
runtime.clock.after(50, () => runtime.writeError("still turning\n"));
runtime.clock.after(100, async () => {
  await runtime.flushOutput();
  runtime.exit(5);
});
