import { goUrlFault } from "../../core/go-url-fault.ts";
import type { Lager } from "../../core/observe/lager.ts";
import type { NatsTlsFiles } from "../../route-registrar/config/document.ts";
import type { RoutingApiSettings } from "../../route-registrar/config/validate.ts";
import type { NatsTls } from "../../route-registrar/nats-link.ts";
import { RoutingApiClient } from "../../route-registrar/routing-api-client.ts";
import { UaaClient } from "../../routing-api/client/uaa-client.ts";
import type { ClientTls } from "../../runtime/interface/tls.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { HttpClient } from "../../wire/http-client.ts";
import { TimerWheel } from "../../wire/timer-wheel.ts";
import { readErrorText } from "../file-error.ts";
import { readAuthorities, readKeyPair } from "./tls-files.ts";

const dialTimeoutMs = 5000;
const maxAnswerBytes = 1024 * 1024;
/** Towards UAA (route-registrar §11.1-2). */
const tokens = { retries: 3, retryPauseMs: 500, expiryBufferMs: 30_000 };

/** The program ends with code 1 and this text on standard error, without a log line (route-registrar §2.2). */
export class PlainFailure extends Error {
  override readonly name = "PlainFailure";
}

/** Reads the TLS material towards NATS. Rejects with an `Error` whose text is that of the reference (§10). */
export async function natsTls(runtime: Runtime, files: NatsTlsFiles): Promise<NatsTls | undefined> {
  if (!files.enabled) return undefined;
  try {
    const pair = await readKeyPair(runtime, files.certPath, files.keyPath, runtime.clock.now());
    return { ...pair, authorities: await readAuthorities(runtime, files.caPath) };
  } catch (error) {
    throw new Error(`failed building NATS mTLS config: ${(error as Error).message}`);
  }
}

/** Where UAA is; port and its checks as in the original (route-registrar §2.2). */
function uaaOrigin(oauthUrl: string): URL {
  const fault = goUrlFault(oauthUrl);
  if (fault !== undefined) throw new PlainFailure(`Could not parse RoutingAPI OAuth URL: ${fault}`);
  const authority = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)/.exec(oauthUrl)?.[1] ?? "";
  const port = /:(\d*)$/.exec(authority)?.[1] ?? "";
  if (!/^\d+$/.test(port) || Number(port) > 65535) {
    const number = `strconv.ParseUint: parsing ${JSON.stringify(port)}`;
    const reason = /^\d+$/.test(port) ? "value out of range" : "invalid syntax";
    throw new PlainFailure(`RoutingAPI OAuth port (${port}) not an integer: ${number}: ${reason}`);
  }
  try {
    return new URL(oauthUrl);
  } catch (error) {
    throw new PlainFailure(`Could not parse RoutingAPI OAuth URL: ${(error as Error).message}`);
  }
}

async function uaaTls(runtime: Runtime, api: RoutingApiSettings): Promise<Omit<ClientTls, "serverName">> {
  const verify = { verify: !api.skipSslValidation };
  if (api.caCerts === "") return verify;
  let pem: string;
  try {
    pem = await runtime.readTextFile(api.caCerts);
  } catch (error) {
    throw new PlainFailure(`Failed to read ca cert file: ${readErrorText(api.caCerts, error)}`);
  }
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) throw new PlainFailure("Unable to load caCert");
  return { ...verify, authorities: [pem] };
}

/**
 * Makes the client of the Routing API with its UAA client; nothing is sent yet (route-registrar §2.4). Rejects with a
 * `PlainFailure`, or with an `Error` when the TLS material for the API itself cannot be used.
 */
export async function routingApi(runtime: Runtime, logger: Lager, api: RoutingApiSettings): Promise<RoutingApiClient> {
  const wheel = new TimerWheel(runtime.clock);
  const common = { dialTimeoutMs, maxAnswerBytes };
  const tls = await uaaTls(runtime, api);
  const uaaHttp = new HttpClient(runtime, wheel, { ...common, origin: uaaOrigin(api.oauthUrl), tls });
  const uaa = new UaaClient(uaaHttp, runtime.clock, logger.part("uaa-client"), logger, { ...api, ...tokens });
  const origin = new URL(api.apiUrl);
  const { clientCertPath, clientPrivateKeyPath, serverCaCertPath } = api;
  const apiTls =
    origin.protocol === "https:"
      ? {
          keyPair: await readKeyPair(runtime, clientCertPath, clientPrivateKeyPath, runtime.clock.now()),
          authorities: [await readAuthorities(runtime, serverCaCertPath)],
        }
      : {};
  const http = new HttpClient(runtime, wheel, { ...common, origin, tls: apiTls });
  return new RoutingApiClient(http, uaa, logger, origin.pathname.replace(/\/$/, ""), api.maxTtlSeconds);
}
