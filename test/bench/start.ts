/**
 * `npm run bench:start`: how soon a request goes through the router after it was started, what the router holds in memory
 * when it rests, and how large the binary is.
 *
 *   npm run bench:start -- [--rounds 9] [--only bun,node] [--write FILE]
 *
 * The bus and an app are there before; the app is registered when the router asks for it. Rounds interleave the ways to run
 * it; the table gives medians. Build the binary first: npm run build.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { readStartBlock, writeConfig } from "../conformance/harness/router.ts";
import { keepRegistered, startBus } from "./rig/bus.ts";
import { appHost } from "./rig/contender.ts";
import { cpuTime, freePorts, residentMiB } from "./rig/processes.ts";
import { median, replaceSection, shown, table } from "./rig/report.ts";
import { launchers, runtimeFolder } from "./rig/routers.ts";
import { machineFacts } from "./rig/tools.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "9" }, only: { type: "string" }, write: { type: "string" } },
});
const wanted = launchers.filter(([name]) => values.only?.split(",").includes(name) ?? true);

/** One start. Times in milliseconds. */
interface Start {
  readonly name: string;
  /** From starting the process to the lines that say where it listens. */
  readonly listening: number;
  /** From starting the process to the end of the app's answer. */
  readonly answered: number;
  /** CPU time until then. */
  readonly cpu: number;
  /** Resident memory in MiB, seconds after that one request. */
  readonly rest: number;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Whether a request to the app got its answer just now. */
async function served(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`GET / HTTP/1.0\r\nHost: ${appHost}\r\n\r\n`));
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
    });
    socket.on("error", () => resolve(false));
    socket.on("close", () => resolve(text.endsWith("from the app")));
  });
}

async function start(name: string, command: string, folder: string, natsPort: number): Promise<Start> {
  const [port = 0] = await freePorts(1);
  const config = writeConfig(folder, natsPort, { port, logging: { level: "info" } });
  const [program, ...args] = [...command.split(" "), "router", "-c", config];
  const began = performance.now();
  const child = spawn(program!, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  let listening = Number.NaN;
  let ended = false;
  const end = new Promise<void>((resolve) =>
    child.once("exit", () => {
      ended = true;
      resolve();
    }),
  );
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    if (Number.isNaN(listening) && readStartBlock(said) !== undefined) listening = performance.now() - began;
  });
  try {
    while (!(await served(port))) {
      if (ended || performance.now() > began + 180_000) throw new Error(`${name} does not lead to the app:\n${said}`);
      await pause(1);
    }
    const answered = performance.now() - began;
    const { user, system } = cpuTime(child.pid!);
    await pause(3000);
    return { name, listening, answered, cpu: (user + system) / 1000, rest: residentMiB(child.pid!) };
  } finally {
    child.kill("SIGTERM");
    await end;
  }
}

const app = createServer((_request, response) => response.end("from the app"));
await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
const natsPort = await startBus();
await keepRegistered(natsPort, (app.address() as AddressInfo).port, 1);
const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
const starts: Start[] = [];
try {
  // Round 0 fills the caches of files.
  for (let round = 0; round <= Number(values.rounds); round++) {
    for (const [name, command] of wanted) {
      const one = await start(name, command, folder, natsPort);
      if (round > 0) starts.push(one);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const rows = wanted.map(([name, command]) => {
  const own = starts.filter((one) => one.name === name);
  const size = name === "binary" ? statSync(command).size / 2 ** 20 : Number.NaN;
  const middle = (key: "listening" | "answered" | "cpu" | "rest"): string =>
    shown(median(own.map((one) => one[key])), 0);
  return [name, middle("listening"), middle("answered"), middle("cpu"), middle("rest"), shown(size, 0)];
});
const columns = ["", "listens after ms", "first request ms", "CPU ms until then", "RSS MB at rest", "file MB"];
const report = [...machineFacts(runtimeFolder), `- Run: ${values.rounds} rounds`, "", table(columns, rows)].join("\n");
console.log(report);
if (values.write !== undefined) replaceSection(values.write, "npm run bench:start", report);
process.exit(0);
