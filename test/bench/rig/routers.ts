import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import type { Contender, Surroundings } from "./contender.ts";
import { freePorts } from "./processes.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Folder of the runtimes that `npm ci` installs. */
export const runtimeFolder: string = `${root}node_modules/.bin`;

/** Command that starts our router in each way, without its arguments; the binary only when it was built. */
export const launchers: readonly (readonly [name: string, command: string])[] = [
  ["bun", `${runtimeFolder}/bun ${root}src/main.ts`],
  ["deno", `${runtimeFolder}/deno run -A ${root}src/main.ts`],
  ["node", `${runtimeFolder}/node ${root}src/main.ts`],
  ...(existsSync(`${root}dist/causeway`) ? [["binary", `${root}dist/causeway`] as const] : []),
];

/** The streams of each runtime with no router above them, for `--only relay-bun,relay-deno,relay-node`. */
export async function relays({ folder, backendPort }: Surroundings): Promise<Contender[]> {
  return await Promise.all(
    ["bun", "deno run -A", "node"].map(async (command) => {
      const [http, tls] = (await freePorts(2)) as [number, number];
      const [runtime = "", ...flags] = command.split(" ");
      const files = { certificate: join(folder, "cert.pem"), key: join(folder, "key.pem") };
      const options = JSON.stringify({ http, tls, backend: backendPort, ...files });
      const program = `${root}test/bench/relay.ts`;
      const line = [`${runtimeFolder}/${runtime}`, ...flags, program, options];
      return { name: `relay-${runtime}`, httpPort: http, tlsPort: tls, command: line };
    }),
  );
}

/**
 * Our router on each runtime, and further Gorouter-shaped programs: `extra` is `name=command`, in whose command
 * `{config}` stands for the path of the configuration.
 */
export async function routers(
  surroundings: Surroundings,
  natsPort: number,
  extra: readonly string[],
  settings: object = {},
): Promise<Contender[]> {
  const own = launchers.map(([name, command]) => `${name}=${command} router -c {config}`);
  return await Promise.all([...own, ...extra].map((spec) => router(surroundings, natsPort, spec, settings)));
}

async function router(
  surroundings: Surroundings,
  natsPort: number,
  spec: string,
  settings: object,
): Promise<Contender> {
  const equals = spec.indexOf("=");
  if (equals < 1) throw new Error(`cannot use --router ${JSON.stringify(spec)}: write NAME=COMMAND`);
  const name = spec.slice(0, equals);
  const ports = (await freePorts(5)) as [number, number, number, number, number];
  const config = join(surroundings.folder, `${name}.yml`);
  writeFileSync(config, stringify({ ...configuration(name, surroundings, natsPort, ports), ...settings }));
  const command = ["sh", "-c", `exec ${spec.slice(equals + 1).replaceAll("{config}", config)}`];
  return { name, httpPort: ports[0], tlsPort: ports[1], command };
}

/** A `gorouter.yml` that both Causeway and Gorouter accept: HTTP and TLS listener, access log on, one core. */
function configuration(
  name: string,
  { folder, certificate }: Surroundings,
  natsPort: number,
  [http, tls, status, routes, routeService]: [number, number, number, number, number],
): object {
  return {
    port: http,
    enable_http2: true,
    enable_ssl: true,
    ssl_port: tls,
    client_cert_validation: "none",
    min_tls_version: "TLSv1.2",
    cipher_suites: "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256",
    tls_pem: [{ cert_chain: certificate.certificate, private_key: certificate.key }],
    status: { port: status, user: "admin", pass: "secret", routes: { port: routes } },
    nats: { hosts: [{ hostname: "127.0.0.1", port: natsPort }], user: "", pass: "" },
    access_log: { file: join(folder, `${name}-access.log`), enable_streaming: false },
    logging: { level: "info" },
    go_max_procs: 1,
    route_services_internal_server_port: routeService,
    start_response_delay_interval: "0s",
    load_balancer_healthy_threshold: "0s",
    endpoint_timeout: "60s",
    disable_keep_alives: false,
    max_idle_conns: 1000,
    max_idle_conns_per_host: 256,
    backends: { max_attempts: 3 },
    enable_envelope_v1_metrics: false,
    send_http_start_stop_server_event: false,
    send_http_start_stop_client_event: false,
  };
}
