/**
 * `npm run bench:route-service`: what a leg to a route service costs, as a multiple of a direct request: signing, TLS to the
 * service, and its answer back. The service answers by itself.
 *
 *   npm run bench:route-service -- [--rounds 5] [--seconds 3] [--connections 64] [--only bun,node] [--write FILE]
 *
 * The router runs on CPU 0; load, app and service share CPU 1. CPU time per request as in `npm run bench`. Aim on Bun: 2.6.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { connect } from "@nats-io/transport-node";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { startBackend } from "./rig/backend.ts";
import { keepRegistered, startBus } from "./rig/bus.ts";
import { appHost, type Contender } from "./rig/contender.ts";
import { load } from "./rig/load.ts";
import { answersSoon } from "./rig/probe.ts";
import { cpuTime, freePorts, Processes } from "./rig/processes.ts";
import { median, replaceSection, shown, table } from "./rig/report.ts";
import { routers, runtimeFolder } from "./rig/routers.ts";
import { type Scenario, scenarios } from "./rig/scenarios.ts";
import { machineFacts } from "./rig/tools.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    connections: { type: "string", default: "64" },
    only: { type: "string" },
    write: { type: "string" },
  },
});
const [rounds, seconds, connections] = [Number(values.rounds), Number(values.seconds), Number(values.connections)];

const processes = new Processes();
const { folder } = processes;
const [backendPort = 0, servicePort = 0] = await freePorts(2);
const natsPort = await startBus();
const certificate = issue(makeAuthority(), { names: [appHost], ips: ["127.0.0.1"] });
writeFileSync(join(folder, "cert.pem"), certificate.certificate);
writeFileSync(join(folder, "key.pem"), certificate.key);
startBackend(processes, backendPort);
const script = fileURLToPath(new URL("plain-service.ts", import.meta.url));
processes.start("service", 1, [`${runtimeFolder}/bun`, script, String(servicePort), folder]);
const service = { name: "service", httpPort: servicePort, tlsPort: servicePort, command: [] };
if (!(await answersSoon(service, "https"))) throw new Error("the route service does not answer");
await keepRegistered(natsPort, backendPort, 1);
const nats = await connect({ servers: `127.0.0.1:${natsPort}` });
const bound = {
  host: "127.0.0.1",
  port: backendPort,
  uris: [`${appHost}/through`],
  app: "app-guid",
  route_service_url: `https://127.0.0.1:${servicePort}/`,
};
const bind = (): void => nats.publish("router.register", JSON.stringify(bound));
nats.subscribe("router.start", { callback: bind });
setInterval(bind, 20_000).unref();

const settings = { route_services_secret: "secret", skip_ssl_validation: true, route_services: { max_attempts: 1 } };
const contenders = (await routers({ folder, backendPort, certificate }, natsPort, [], settings)).filter(
  ({ name }) => values.only?.split(",").includes(name) ?? true,
);
const running: (Contender & { readonly pid: number })[] = [];
for (const contender of contenders) {
  const pid = processes.start(contender.name, 0, contender.command, contender.env);
  if (!(await answersSoon(contender, "http"))) throw new Error(`${contender.name} does not lead to the app`);
  bind();
  running.push({ ...contender, pid });
}

const direct = scenarios.get("small")!;
const through: Scenario = { ...direct, path: "/through" };
const costs = new Map<string, { direct: number[]; through: number[]; failed: number }>();
// Round 0 warms up.
for (let round = 0; round <= rounds; round++) {
  for (const { pid, ...contender } of running) {
    const cost = costs.get(contender.name) ?? { direct: [], through: [], failed: 0 };
    costs.set(contender.name, cost);
    for (const [name, scenario] of [
      ["direct", direct],
      ["through", through],
    ] as const) {
      const before = cpuTime(pid);
      const { requests, failed } = await load(contender, scenario, round === 0 ? 1 : seconds, connections, folder);
      const after = cpuTime(pid);
      if (round === 0) continue;
      cost.failed += failed;
      cost[name].push((after.user + after.system - before.user - before.system) / requests);
    }
  }
}

const rows = [...costs].map(([name, cost]) => {
  const [one, leg] = [median(cost.direct), median(cost.through)];
  return [name, shown(one), shown(leg), shown(leg / one), String(cost.failed)];
});
const report = [
  ...machineFacts(runtimeFolder),
  `- Run: ${rounds} rounds of ${seconds} s, ${connections} connections\n`,
  table(["router", "direct, us", "to a route service, us", "ratio", "failed"], rows),
].join("\n");
console.log(report);
if (values.write !== undefined) replaceSection(values.write, "npm run bench:route-service", report);
process.exit(0);
