import type { Clock } from "../clock.ts";
import type { Transport } from "../forwarding/transport.ts";
import { utcLogTime } from "../observe/access-log-time.ts";
import type { Logger } from "../observe/log.ts";
import { hostWithoutPort } from "../pipeline/request-target.ts";
import type { RouterSettings } from "../pipeline/settings.ts";
import type { RandomSource } from "../random.ts";
import type { Endpoint } from "../routing/endpoint.ts";
import type { Pool } from "../routing/pool.ts";
import { hostText } from "../routing/uri.ts";
import { HairpinHosts } from "./hairpin-hosts.ts";
import { NoInstance, parseService, type Service, type ServiceWay, Undiallable } from "./service.ts";
import type { SignatureContents } from "./signature.ts";
import { SignatureCipher, type SignatureHeaders, unreadable } from "./signature-cipher.ts";

/** Services remembered at a time; one more makes the oldest be forgotten, with its idle connections. */
const remembered = 1000;

/** How route services are reached. */
export interface ServiceTransports {
  /** To services elsewhere (data-plane §7.4). */
  readonly external: Transport;
  /** To the router's own listener for services in its own table (§8.7); absent: those are external, too. */
  readonly loop?: { readonly transport: Transport; readonly endpoint: Endpoint } | undefined;
}

/** What route services are made of. */
interface Parts {
  readonly settings: RouterSettings;
  readonly routeServices?: ServiceTransports | undefined;
  readonly registry: { lookup(host: string, path: string): Pool | undefined };
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
}

/** Why a signature does not hold. */
export interface SignatureFault {
  readonly expired: boolean;
  readonly message: string;
}

/** Signatures, and the ways to services (data-plane §8). One per router. */
export class RouteServices {
  /** There is a secret, and a way to services. */
  readonly enabled: boolean;
  /** The endpoint of requests that go to a service, as the log and metrics have it. */
  readonly noInstance: Endpoint = new NoInstance();
  readonly #parts: Parts;
  readonly #current: SignatureCipher | undefined;
  readonly #previous: SignatureCipher | undefined;
  readonly #hairpinHosts: HairpinHosts;
  readonly #services = new Map<string, Service>();

  constructor(parts: Parts) {
    const { settings, routeServices } = parts;
    this.#parts = parts;
    this.enabled = settings.route_services_secret !== "" && routeServices !== undefined;
    this.#hairpinHosts = new HairpinHosts(settings.route_services_hairpinning_allowlist);
    if (!this.enabled) return;
    this.#current = new SignatureCipher(settings.route_services_secret);
    const previous = settings.route_services_secret_decrypt_only;
    if (previous !== "") this.#previous = new SignatureCipher(previous);
  }

  /** Signs a URL, which is one character per byte, as asked for now. */
  async sign(forwardedUrl: string): Promise<SignatureHeaders> {
    const { clock, random } = this.#parts;
    if (this.#current === undefined) throw new Error("cannot sign: route services are off");
    const nonce = Uint8Array.from(random.bytes(12));
    return await this.#current.sign(hostText(forwardedUrl), utcLogTime(clock.now()), nonce);
  }

  /** What valid headers say; else the fault, which was logged. */
  async verify(headers: SignatureHeaders): Promise<SignatureContents | SignatureFault> {
    const { logger, clock, settings } = this.#parts;
    let contents: SignatureContents;
    try {
      contents = await this.#read(headers);
    } catch (error) {
      const { message } = error as Error;
      const key = this.#previous === undefined ? "current" : "previous";
      logger.error(`proxy-route-service-${key}-key`, { error: message });
      return { expired: false, message };
    }
    if (clock.now() - contents.requestedAt <= settings.route_services_timeout) return contents;
    const message = "route service request expired";
    const data = { error: message, "forwarded-url": contents.forwardedUrl, "request-time": contents.requestTime };
    logger.error("proxy-route-service-timeout", data);
    return { expired: true, message };
  }

  async #read(headers: SignatureHeaders): Promise<SignatureContents> {
    if (this.#current === undefined) throw unreadable(headers);
    try {
      return await this.#current.read(headers);
    } catch (error) {
      if (this.#previous === undefined) throw error;
      return await this.#previous.read(headers);
    }
  }

  /**
   * The way to the service of that URL.
   *
   * @throws Error when it is no URL.
   */
  wayTo(url: string): ServiceWay {
    const { routeServices, settings, registry } = this.#parts;
    const service = this.#serviceOf(url);
    const { loop, external } = routeServices!;
    if (settings.route_services_hairpinning && loop !== undefined) {
      const pool = registry.lookup(hostWithoutPort(service.host), service.path);
      if (pool !== undefined && this.#hairpinHosts.allow(pool.host)) return { service, ...loop };
    }
    const { endpoint, fault } = service;
    return endpoint === undefined
      ? { service, transport: new Undiallable(fault), endpoint: this.noInstance }
      : { service, transport: external, endpoint };
  }

  #serviceOf(url: string): Service {
    let service = this.#services.get(url);
    if (service !== undefined) return service;
    service = parseService(url);
    this.#services.set(url, service);
    if (this.#services.size > remembered) this.#forgetOldest();
    return service;
  }

  #forgetOldest(): void {
    for (const [url, { endpoint }] of this.#services) {
      this.#services.delete(url);
      if (endpoint !== undefined) this.#parts.routeServices?.external.forget(endpoint);
      return;
    }
  }
}

/** Tells a fault from what a signature says. */
export function isFault(verdict: SignatureContents | SignatureFault): verdict is SignatureFault {
  return (verdict as SignatureFault).message !== undefined;
}
