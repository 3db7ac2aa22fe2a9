import { runtime } from "#runtime";

// Run by system.test.ts: says every signal, and leaves after SIGTERM.
for (const signal of ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT", "SIGINT"] as const) {
  runtime.onSignal(signal, () => runtime.writeOut(`${signal}\n`));
}
runtime.onSignal("SIGTERM", async () => {
  runtime.writeOut("SIGTERM\n");
  await runtime.flushOutput();
  runtime.exit(0);
});
runtime.clock.after(60_000, () => runtime.exit(1));
runtime.writeOut("ready\n");
