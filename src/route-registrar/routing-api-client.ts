import type { Lager } from "../core/observe/lager.ts";
import { accepted } from "../routing-api/client/accepted.ts";
import type { UaaClient } from "../routing-api/client/uaa-client.ts";
import type { HttpAnswer, HttpClient } from "../wire/http-client.ts";
import { loggedRoute, milliseconds, type Route } from "./route.ts";
import { mappingBody, tcpMapping } from "./tcp-mapping.ts";

/** Calls at a time: a thousand routes are not to open a thousand connections. */
const concurrency = 16;
const longestCallMs = 10_000;
const shortestCallMs = 1000;

/** The token of what is being told; another one after a refusal. */
interface TokenInUse {
  token: string;
}

/** The TCP part of the Routing API (route-registrar §11). */
export class RoutingApiClient {
  readonly #http: HttpClient;
  readonly #uaa: UaaClient;
  readonly #logger: Lager;
  readonly #pathPrefix: string;
  readonly #maxTtlSeconds: number;
  /** Router group guids by name; asked for again after a failure. */
  readonly #groups = new Map<string, Promise<string>>();
  readonly #queue: (() => void)[] = [];
  #running = 0;

  /** `pathPrefix`: path of the base URL without its last slash. */
  constructor(http: HttpClient, uaa: UaaClient, logger: Lager, pathPrefix: string, maxTtlSeconds: number) {
    this.#http = http;
    this.#uaa = uaa;
    this.#logger = logger;
    this.#pathPrefix = pathPrefix;
    this.#maxTtlSeconds = maxTtlSeconds;
  }

  /** Creates (or refreshes) or deletes the mapping of a TCP route. Rejects with an `Error` that was logged. */
  async tell(action: "create" | "delete", route: Route): Promise<void> {
    if (this.#running >= concurrency) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#running++;
    try {
      await this.#tell(action, route);
    } finally {
      this.#running--;
      this.#queue.shift()?.();
    }
  }

  /** A token, then the group, then the mapping (route-registrar §11.1). */
  async #tell(action: "create" | "delete", route: Route): Promise<void> {
    const timeoutMs = Math.max(shortestCallMs, Math.min(longestCallMs, milliseconds(route.intervalNs)));
    const use = { token: await this.#token() };
    this.#logger.info("Creating mapping");
    let mapping: Readonly<Record<string, unknown>>;
    try {
      mapping = tcpMapping(route, await this.#group(route.routerGroup, use, timeoutMs), this.#maxTtlSeconds);
    } catch (error) {
      this.#logger.error("Failed to make route mapping", (error as Error).message, { route: loggedRoute(route) });
      throw error;
    }
    const logged = { "route-mapping": mapping };
    try {
      const target = `${this.#pathPrefix}/routing/v1/tcp_routes/${action}`;
      accepted(await this.#call({ method: "POST", target, timeoutMs, body: mappingBody(mapping) }, use));
    } catch (error) {
      // The group may have been made anew under another guid.
      this.#groups.delete(route.routerGroup);
      const what = action === "create" ? "upsert" : "delete";
      this.#logger.error(`Failed to ${what} route mapping`, (error as Error).message, logged);
      throw error;
    }
    this.#logger.info(action === "create" ? "Upserted route" : "Deleted route", logged);
  }

  #group(name: string, use: TokenInUse, timeoutMs: number): Promise<string> {
    let guid = this.#groups.get(name);
    if (guid === undefined) {
      guid = this.#findGroup(name, use, timeoutMs);
      this.#groups.set(name, guid);
      guid.catch(() => this.#groups.delete(name));
    }
    return guid;
  }

  async #findGroup(name: string, use: TokenInUse, timeoutMs: number): Promise<string> {
    const query = new URLSearchParams({ name });
    const target = `${this.#pathPrefix}/routing/v1/router_groups?${query}`;
    const { body } = accepted(await this.#call({ method: "GET", target, timeoutMs }, use));
    let groups: unknown;
    try {
      groups = JSON.parse(body);
    } catch {
      throw new Error("the Routing API's answer about router groups is no JSON");
    }
    const list: { name?: unknown; guid?: unknown }[] = Array.isArray(groups) ? groups : [];
    const guid = list.find((group) => group?.name === name)?.guid ?? list[0]?.guid;
    if (typeof guid !== "string" || guid === "") throw new Error(`Router group '${name}' not found`);
    this.#logger.info("Mapped new router group", { router_group: name, guid });
    return guid;
  }

  /** A call; when the API refuses the token, once more with a fresh one. */
  async #call(call: Omit<Parameters<HttpClient["send"]>[0], "headers">, use: TokenInUse): Promise<HttpAnswer> {
    const answer = await this.#send(call, use.token);
    if (answer.status !== 401) return answer;
    use.token = await this.#token(use.token);
    return await this.#send(call, use.token);
  }

  /** `refused`: a token that the API did not take. Rejects with an `Error` that was logged. */
  async #token(refused?: string): Promise<string> {
    this.#logger.info("refresh-token");
    try {
      return await this.#uaa.token(refused);
    } catch (error) {
      this.#logger.error("token-error", (error as Error).message);
      throw error;
    }
  }

  #send(call: Omit<Parameters<HttpClient["send"]>[0], "headers">, token: string): Promise<HttpAnswer> {
    return this.#http.send({
      ...call,
      headers: [
        ["Authorization", `bearer ${token}`],
        ["Content-Type", "application/json"],
      ],
    });
  }
}
