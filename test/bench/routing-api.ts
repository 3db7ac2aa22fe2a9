/**
 * `npm run bench:routing-api`: what the Routing API costs on SQLite: writing and listing many routes, heartbeats at a fixed
 * rate, and memory per reader of the event stream.
 *
 *   npm run bench:routing-api -- [--routes 100000] [--rate 2000] [--seconds 20] [--streams 1000] [--only bun,node] [--write FILE]
 *
 * The API runs on CPU 0, everything else on the others. A heartbeat is a POST of one route that is there already, with a
 * token of UAA; a stream asks for no snapshot.
 */
import { writeFileSync } from "node:fs";
import { Agent, type ClientRequest, request } from "node:http";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { TokenIssuer } from "../conformance/harness/token-issuer.ts";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { cpuTime, freePorts, Processes, residentMiB } from "./rig/processes.ts";
import { median, replaceSection, shown, table } from "./rig/report.ts";
import { launchers, runtimeFolder } from "./rig/routers.ts";
import { machineFacts } from "./rig/tools.ts";

const { values } = parseArgs({
  options: {
    routes: { type: "string", default: "100000" },
    rate: { type: "string", default: "2000" },
    seconds: { type: "string", default: "20" },
    streams: { type: "string", default: "1000" },
    only: { type: "string" },
    write: { type: "string" },
  },
});
const [routes, rate, seconds] = [Number(values.routes), Number(values.rate), Number(values.seconds)];
const streams = Number(values.streams);
const path = "/routing/v1/routes";
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const uaa = await TokenIssuer.start(issue(makeAuthority(), { names: ["uaa"], ips: ["127.0.0.1"] }));
const authorization = `bearer ${uaa.token(["routing.routes.read", "routing.routes.write"])}`;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function lease(number: number): object {
  const ip = `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
  return { route: `app-${number}.apps.example.com`, ip, port: 61_000, ttl: 7200, log_guid: `guid-${number}` };
}

/** Sends and reads to the end; gives the status (0: no answer) and the bytes of the body. */
function send(port: number, method: string, body = ""): Promise<{ status: number; bytes: number }> {
  return new Promise((resolve) => {
    const headers = { Authorization: authorization, "Content-Length": Buffer.byteLength(body) };
    const sent = request({ host: "127.0.0.1", port, method, path, agent, headers }, (answer) => {
      let bytes = 0;
      answer.on("data", (piece: Buffer) => {
        bytes += piece.length;
      });
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, bytes }));
      answer.on("error", () => resolve({ status: 0, bytes }));
    });
    sent.on("error", () => resolve({ status: 0, bytes: 0 }));
    sent.end(body);
  });
}

function openStream(port: number): Promise<ClientRequest> {
  return new Promise((resolve, reject) => {
    const headers = { Authorization: authorization };
    const options = { host: "127.0.0.1", port, path: "/routing/v1/events", agent: false, headers };
    const sent = request(options, (answer) => {
      answer.resume();
      answer.on("error", () => {});
      resolve(sent);
    });
    sent.on("error", reject);
    sent.end();
  });
}

/** CPU time so far, in microseconds. */
function cpuOf(pid: number): number {
  const { user, system } = cpuTime(pid);
  return user + system;
}

/** Heartbeats at the rate; gives how many per second were answered with 201, how many were not, and the CPU time. */
async function heartbeats(pid: number, port: number): Promise<{ rate: number; failed: number; cpu: number }> {
  const began = performance.now();
  const before = cpuOf(pid);
  const [total, pending] = [rate * seconds, new Set<Promise<void>>()];
  let [sent, good] = [0, 0];
  while (sent < total) {
    const due = Math.min(total, Math.floor(((performance.now() - began) * rate) / 1000));
    for (; sent < due; sent++) {
      const one = send(port, "POST", JSON.stringify([lease((sent * 7919) % routes)])).then(({ status }) => {
        if (status === 201) good++;
        pending.delete(one);
      });
      pending.add(one);
    }
    await pause(5);
  }
  await Promise.all(pending);
  const elapsed = (performance.now() - began) / 1000;
  return { rate: good / elapsed, failed: total - good, cpu: cpuOf(pid) - before };
}

const processes = new Processes();
const rows: string[][] = [];
for (const [name, command] of launchers.filter(([one]) => values.only?.split(",").includes(one) ?? one !== "binary")) {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const config = join(processes.folder, `${name}.yml`);
  const settings = {
    api: { http_enabled: true, listen_port: port },
    listen_host: "127.0.0.1",
    admin_port: adminPort,
    system_domain: "example.com",
    log_guid: "bench",
    uuid: "bench",
    max_ttl: "2h",
    oauth: { token_endpoint: "127.0.0.1", port: uaa.port },
    skip_ssl_validation: true,
    sqldb: { file: join(processes.folder, `${name}.sqlite`) },
  };
  writeFileSync(config, JSON.stringify(settings));
  const options = ["-config", config, "-ip", "127.0.0.1", "-logLevel", "error"];
  const pid = processes.start(name, 0, [...command.split(" "), "routing-api", ...options]);
  while ((await send(port, "GET")).status !== 200) await pause(50);
  const beforeWrites = performance.now();
  for (let from = 0; from < routes; from += 1000) {
    const batch = Array.from({ length: Math.min(1000, routes - from) }, (_, index) => lease(from + index));
    const { status } = await send(port, "POST", JSON.stringify(batch));
    if (status !== 201) throw new Error(`${name} answered ${status} to a batch of routes`);
  }
  const written = performance.now() - beforeWrites;
  const lists: number[] = [];
  let bytes = 0;
  for (let round = 0; round < 5; round++) {
    const began = performance.now();
    ({ bytes } = await send(port, "GET"));
    lists.push(performance.now() - began);
  }
  const beats = await heartbeats(pid, port);
  await pause(2000);
  const before = residentMiB(pid);
  const open = await Promise.all(Array.from({ length: streams }, () => openStream(port)));
  await pause(2000);
  const perStream = ((residentMiB(pid) - before) * 1024) / streams;
  const figures = [written / 1000, median(lists) / 1000, Math.max(...lists) / 1000];
  rows.push([
    name,
    ...figures.map((figure) => shown(figure, 2)),
    shown(bytes / 1e6),
    shown(beats.rate, 0),
    String(beats.failed),
    shown(beats.cpu / (rate * seconds), 0),
    shown(beats.cpu / seconds / 1e4, 0),
    shown(perStream),
    shown(before, 0),
  ]);
  console.log(rows.at(-1)?.join("  "));
  for (const one of open) one.destroy();
  processes.end(pid);
}
const report = [
  ...machineFacts(runtimeFolder),
  `- Run: ${routes} routes on SQLite; ${rate} heartbeats/s for ${seconds} s; ${streams} streams`,
  "",
  table(
    [
      "",
      "s to write all",
      "s to list all",
      "slowest of 5",
      "MB of the list",
      "heartbeats/s answered",
      "failed",
      "CPU µs per heartbeat",
      "CPU % of a core",
      "KB per stream",
      "RSS MB before",
    ],
    rows,
  ),
].join("\n");
console.log(report);
if (values.write !== undefined) replaceSection(values.write, "npm run bench:routing-api", report);
process.exit(0);
