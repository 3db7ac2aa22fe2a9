/**
 * `npm run bench:registrar`: what keeping a thousand routes costs route-registrar (issue F, acceptance 4).
 *
 *   npm run bench:registrar -- [--routes 1000] [--interval 20s] [--seconds 60] [--checks] [--only bun,node] [--write FILE]
 *
 * CPU time is that of the registrar itself: of the health checks that `--checks` adds, only what runs at that moment counts.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { startNatsServer } from "../fixtures/nats-server.ts";
import { cpuTime, residentMiB } from "./rig/processes.ts";
import { replaceSection, shown, table } from "./rig/report.ts";
import { launchers, runtimeFolder } from "./rig/routers.ts";
import { machineFacts } from "./rig/tools.ts";

const { values } = parseArgs({
  options: {
    routes: { type: "string", default: "1000" },
    interval: { type: "string", default: "20s" },
    seconds: { type: "string", default: "60" },
    checks: { type: "boolean", default: false },
    only: { type: "string" },
    write: { type: "string" },
  },
});
const seconds = Number(values.seconds);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const nats = await startNatsServer();
const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
const config = join(folder, "registrar.json");
writeFileSync(
  config,
  JSON.stringify({
    message_bus_servers: [{ host: `127.0.0.1:${nats.port}` }],
    host: "10.0.0.1",
    routes: Array.from({ length: Number(values.routes) }, (_, index) => ({
      name: `app-${index}`,
      port: 8080,
      uris: [`app-${index}.example.com`],
      tags: { component: "bench" },
      registration_interval: values.interval,
      ...(values.checks && { health_check: { name: "h", script_path: "exit 0" } }),
    })),
  }),
);

const rows: string[][] = [];
try {
  for (const [name, command] of launchers.filter(([name]) => !values.only || values.only.split(",").includes(name))) {
    const log = join(folder, `${name}.log`);
    const [program, ...args] = [...command.split(" "), "route-registrar", "-configPath", config];
    const child = spawn(program!, args, { stdio: ["ignore", openSync(log, "w"), "inherit"] });
    // The start and the first round are not what is measured.
    await pause(10_000);
    const before = cpuTime(child.pid!);
    await pause(seconds * 1000);
    const after = cpuTime(child.pid!);
    const busy = after.user + after.system - before.user - before.system;
    const registered = readFileSync(log, "latin1").split("Registered routes successfully").length - 1;
    rows.push([name, shown((busy / (seconds * 1e6)) * 100, 2), shown(residentMiB(child.pid!), 0), String(registered)]);
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  }
} finally {
  await nats.stop();
  rmSync(folder, { recursive: true, force: true });
}
const report = [
  ...machineFacts(runtimeFolder),
  `- Run: ${values.routes} routes every ${values.interval}${values.checks ? " with a health check each" : ""}, ${seconds} s`,
  "",
  table(["", "CPU, % of a core", "RSS MB", "registrations logged"], rows),
].join("\n");
console.log(report);
if (values.write !== undefined) replaceSection(values.write, "npm run bench:registrar", report);
process.exit(0);
