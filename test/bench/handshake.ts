/**
 * `npm run bench:handshake`: what a full TLS 1.3 handshake costs, our router on each runtime beside nginx, HAProxy, Caddy.
 *
 *   npm run bench:handshake -- [--rounds 3] [--seconds 3] [--clients 4] [--only bun,nginx] [--write FILE]
 *
 * Every contender runs on CPU 0; the clients, `openssl s_time -new`, share CPU 1: connect, shake hands, close, with no session
 * to resume and no request. The figure to quote is CPU time per handshake as a ratio within one run. What one core can do
 * in a second is that figure turned around: the clients are often the slower side.
 */
import { execFile, execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { startBus } from "./rig/bus.ts";
import { appHost, type Contender, type Surroundings } from "./rig/contender.ts";
import { answersSoon } from "./rig/probe.ts";
import { cpuTime, freePorts, Processes } from "./rig/processes.ts";
import { median, replaceSection, shown, table } from "./rig/report.ts";
import { rivals } from "./rig/rivals.ts";
import { routers, runtimeFolder } from "./rig/routers.ts";
import { machineFacts, missingTools, present } from "./rig/tools.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "3" },
    clients: { type: "string", default: "4" },
    only: { type: "string" },
    write: { type: "string" },
  },
});
const [rounds, seconds, clients] = [Number(values.rounds), Number(values.seconds), Number(values.clients)];
const only = values.only?.split(",");

if (process.platform !== "linux" || availableParallelism() < 2 || !present("openssl")) {
  throw new Error("cannot measure here: this needs Linux (/proc), two processors and openssl");
}
const missing = missingTools();
if (missing !== undefined) console.error(`${missing}; measuring the rest`);

/** Kinds of keys: the title of the table, and what `openssl req` calls them. */
const keys = [
  ["ECDSA P-256", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]],
  ["RSA-2048", ["-newkey", "rsa:2048"]],
] as const;

const processes = new Processes();
const natsPort = await startBus();
const [backendPort = 0] = await freePorts(1);

/** A folder with a certificate for the app, of that kind of key. */
function surroundingsOf(name: string, key: readonly string[]): Surroundings {
  const folder = join(processes.folder, name.replace(" ", "-"));
  mkdirSync(folder);
  chmodSync(folder, 0o755);
  const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const naming = ["-subj", `/CN=${appHost}`, "-addext", `subjectAltName=DNS:${appHost},IP:127.0.0.1`];
  const files = ["-nodes", "-keyout", keyFile, "-out", certFile, "-days", "10"];
  execFileSync("openssl", ["req", "-x509", ...key, ...naming, ...files], { stdio: "ignore" });
  const certificate = { certificate: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") };
  writeFileSync(join(folder, "both.pem"), certificate.certificate + certificate.key);
  return { folder, backendPort, certificate, nginxProtocols: "TLSv1.2 TLSv1.3" };
}

interface Running extends Contender {
  readonly kind: string;
  readonly pid: number;
}

const running: Running[] = [];
for (const [kind, key] of keys) {
  const surroundings = surroundingsOf(kind, key);
  const settings = { max_tls_version: "TLSv1.3" };
  const contenders = [...(await rivals(surroundings)), ...(await routers(surroundings, natsPort, [], settings))];
  for (const contender of contenders) {
    const { name, needs, command, env } = contender;
    if (!(only?.includes(name) ?? true) || (needs !== undefined && !present(needs))) continue;
    running.push({ ...contender, kind, pid: processes.start(`${kind} ${name}`, 0, command, env) });
  }
}
for (const contender of running) {
  if (await answersSoon(contender, "h2")) continue;
  throw new Error(`${contender.name} does not shake hands on port ${contender.tlsPort}`);
}

/** How many handshakes one client completes. */
async function shakeHands(port: number, forSeconds: number): Promise<number> {
  const args = ["-c", "1", "openssl", "s_time", "-connect", `127.0.0.1:${port}`, "-new", "-tls1_3"];
  return await new Promise((resolve, reject) => {
    execFile("taskset", [...args, "-time", String(forSeconds)], (error, stdout, stderr) => {
      const found = /^(\d+) connections in \d+ real seconds/m.exec(stdout);
      if (error === null && found !== null) resolve(Number(found[1]));
      else reject(new Error(`openssl s_time failed: ${stdout}${stderr}`));
    });
  });
}

/** CPU time per handshake in microseconds, and handshakes per second. */
interface Sample {
  readonly of: Running;
  readonly user: number;
  readonly system: number;
  readonly perSecond: number;
}

const samples: Sample[] = [];
// Round 0 warms up.
for (let round = 0; round <= rounds; round++) {
  for (const of of running) {
    const before = cpuTime(of.pid);
    const began = performance.now();
    const counts = await Promise.all(
      Array.from({ length: clients }, () => shakeHands(of.tlsPort, round === 0 ? 1 : seconds)),
    );
    const took = (performance.now() - began) / 1000;
    const after = cpuTime(of.pid);
    const count = counts.reduce((total, one) => total + one, 0);
    if (round === 0) continue;
    const user = (after.user - before.user) / count;
    const system = (after.system - before.system) / count;
    samples.push({ of, user, system, perSecond: count / took });
  }
}

/** The table of one kind of key: medians over the rounds, compared with the first contender. */
function tableOf(wanted: string): string {
  const own = running.filter(({ kind }) => kind === wanted);
  const middle = (of: Running, value: (sample: Sample) => number): number =>
    median(samples.filter((sample) => sample.of === of).map(value));
  const cpu = (of: Running): number => middle(of, ({ user, system }) => user + system);
  const rows = own.map((of) => [
    of.name,
    shown(cpu(of), 0),
    shown(
      middle(of, ({ user }) => user),
      0,
    ),
    shown(
      middle(of, ({ system }) => system),
      0,
    ),
    shown(cpu(of) / cpu(own[0]!), 2),
    shown(1e6 / cpu(of), 0),
    shown(
      middle(of, ({ perSecond }) => perSecond),
      0,
    ),
  ]);
  const columns = ["", "CPU µs/handshake", "user", "system", `/ ${own[0]!.name}`, "per second of CPU", "measured/s"];
  return `### ${wanted}\n\n${table(columns, rows)}`;
}

const report = [
  ...machineFacts(runtimeFolder),
  `- Run: ${rounds} rounds of ${seconds} s, ${clients} clients (openssl s_time -new -tls1_3)`,
  ...keys.map(([kind]) => `\n${tableOf(kind)}`),
].join("\n");
console.log(report);
if (values.write !== undefined) replaceSection(values.write, "npm run bench:handshake", report);
process.exit(0);
