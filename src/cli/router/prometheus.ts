import type { Config } from "../../core/config/schema.ts";
import { bucketsFault } from "../../core/config/start-faults.ts";
import type { RequestMetrics } from "../../core/observe/metrics.ts";
import type { TableMetrics } from "../../core/observe/table-metrics.ts";
import { certificatesOf } from "../../core/x509/certificate.ts";
import { keyPairFault } from "../../core/x509/key-pair.ts";
import type { ServerTls } from "../../runtime/interface/tls.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { families } from "../../status/metrics/families.ts";
import { metricsApp } from "../../status/metrics/metrics-app.ts";
import { type Server, serve } from "../../wire/server.ts";
import { fetchHandler } from "../../wire/server-fetch.ts";
import type { TimerWheel } from "../../wire/timer-wheel.ts";
import { fileErrorText } from "../file-error.ts";
import { PlainFailure } from "./plain-failure.ts";
import { plainTime } from "./plain-time.ts";
import { listenErrorText } from "./start-failure.ts";

const host = "127.0.0.1";
/** Read, write and idle timeout in milliseconds (control-plane §4.5). */
const timeoutMs = 300_000;
const limits = { maxBytes: 1_048_576, maxLines: 0 };
/** Suites of TLS 1.2 (control-plane §4.5, §2.1), and their like for keys of elliptic curves. */
const ciphers = [
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
];

/** Reads and checks certificate, key and authorities; rejects with an `Error` whose message says what is at fault. */
async function tlsOf(runtime: Runtime, settings: Config["prometheus"]): Promise<ServerTls> {
  const read = async (path: string, purpose: string): Promise<string> => {
    try {
      return await runtime.readTextFile(path);
    } catch (error) {
      throw new Error(`failed to ${purpose}: ${fileErrorText(path, error)}`);
    }
  };
  const certificate = await read(settings.cert_path, "load keypair");
  const key = await read(settings.key_path, "load keypair");
  const fault = keyPairFault(certificate, key, runtime.matchKey);
  if (fault !== undefined) throw new Error(`failed to load keypair: ${fault}`);
  const authorities = await read(settings.ca_path, "read ca cert file");
  // Runtimes take what holds no certificate for "the system's authorities", or for none.
  if (certificatesOf(authorities).length === 0) throw new Error(`unable to load CA certificate at ${settings.ca_path}`);
  return {
    keyPairs: [{ certificate, key }],
    clientCertificates: "require",
    clientAuthorities: [authorities],
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.3",
    ciphers,
  };
}

/**
 * Opens the Prometheus endpoint when it is enabled, and says so on standard error (control-plane §4.5).
 *
 * @throws PlainFailure when the port is taken, a TLS file is of no use, or buckets do not grow (control-plane §1.3).
 */
export async function openPrometheus(
  runtime: Runtime,
  wheel: TimerWheel,
  config: Pick<Config, "prometheus">,
  requests: RequestMetrics,
  table: TableMetrics,
  refresh?: () => Promise<void>,
): Promise<Server | undefined> {
  const { prometheus } = config;
  if (!prometheus.enabled) return undefined;
  const { port } = prometheus;
  const secure = port !== 0 && prometheus.cert_path !== "";
  const stamp = (): string => plainTime(runtime.clock.now());
  const fail = (reason: string): PlainFailure =>
    new PlainFailure(`${stamp()} Unable to setup metrics endpoint (${host}:${port}): ${reason}\n\n`, 1);
  let tls: ServerTls | undefined;
  try {
    tls = secure ? await tlsOf(runtime, prometheus) : undefined;
  } catch (error) {
    throw fail(`unable to generate server TLS Config: ${(error as Error).message}`);
  }
  const app = metricsApp(async () => {
    await refresh?.();
    return families(requests, table);
  });
  const options = {
    listen: { host, port },
    ...(tls !== undefined && { tls: { current: () => tls } }),
    limits,
    idleTimeoutMs: timeoutMs,
    readHeaderTimeoutMs: timeoutMs,
    answerTimeoutMs: timeoutMs,
  };
  let server: Server;
  try {
    server = await serve(runtime, wheel, options, fetchHandler(app.fetch));
  } catch (error) {
    throw fail(listenErrorText(`${host}:${port}`, error));
  }
  const suffix = secure ? "" : "/metrics";
  runtime.writeError(`${stamp()} Metrics endpoint is listening on ${host}:${server.port}${suffix}\n`);
  const buckets = bucketsFault(config.prometheus);
  if (buckets !== undefined) throw new PlainFailure(`panic: ${buckets.message}\n`, 2);
  return server;
}
