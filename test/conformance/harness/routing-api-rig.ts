import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CertificatePair, issue, makeAuthority } from "../../fixtures/certificates.ts";
import { Backend, ok } from "./backend.ts";
import { condition } from "./condition.ts";
import type { RouterUnderTest, Yaml } from "./router.ts";
import { type FakeRoute, FakeRoutes, FakeUaa } from "./routing-api.ts";

const portOf = (url: string): number => Number(new URL(url).port);

/** What a router with a Routing API needs: UAA, the API (both fakes), a backend, and certificates. */
export class ClientRig {
  readonly authority: ReturnType<typeof makeAuthority>;
  readonly folder = mkdtempSync(join(tmpdir(), "causeway-test-"));
  readonly uaa: FakeUaa;
  readonly api: FakeRoutes;
  readonly backend: Backend;
  /** The router's certificate, which the API demands (control-plane §7.1). */
  readonly #client: CertificatePair;

  private constructor(authority: ReturnType<typeof makeAuthority>, uaa: FakeUaa, api: FakeRoutes, backend: Backend) {
    this.authority = authority;
    this.uaa = uaa;
    this.api = api;
    this.backend = backend;
    this.#client = issue(authority, { names: ["gorouter"], client: true });
    writeFileSync(join(this.folder, "uaa-ca.pem"), authority.certificate);
  }

  static async start(): Promise<ClientRig> {
    const authority = makeAuthority("Routing API Authority");
    const server = issue(authority, { names: ["localhost"], ips: ["127.0.0.1"] });
    const uaa = await FakeUaa.start(server);
    const api = await FakeRoutes.start({ ...server, authority: authority.certificate });
    return new ClientRig(authority, uaa, api, await Backend.start(() => ok("by lease")));
  }

  /** What a router needs for the fakes; `changes` go over the section `routing_api`. */
  config(changes: Yaml = {}, others: Yaml = {}): Yaml {
    return {
      routing_api: {
        uri: "https://127.0.0.1",
        port: portOf(this.api.url),
        ca_certs: this.authority.certificate,
        cert_chain: this.#client.certificate,
        private_key: this.#client.key,
        ...changes,
      },
      oauth: {
        token_endpoint: "127.0.0.1",
        port: portOf(this.uaa.url),
        client_name: "client",
        client_secret: "s/cret",
        ca_certs: join(this.folder, "uaa-ca.pem"),
      },
      token_fetcher_retry_interval: "20ms",
      // A list every second.
      prune_stale_droplets_interval: "2s",
      ...others,
    };
  }

  /** A lease of the backend. */
  route(name: string, changes: object = {}): FakeRoute {
    return {
      route: name,
      port: this.backend.port,
      ip: "127.0.0.1",
      ttl: 60,
      log_guid: "app-guid",
      modification_tag: { guid: "tag", index: 1 },
      ...changes,
    };
  }

  /** Both fakes as they were in the beginning. */
  reset(): void {
    for (const fake of [this.uaa, this.api]) {
      fake.calls.length = 0;
      fake.instead.length = 0;
      fake.always = undefined;
    }
    this.api.accepts = undefined;
    this.api.listed = [];
  }

  /** A word of the API's stream. Its list says the same: it comes every second and takes out what it does not name. */
  tell(action: "Upsert" | "Delete", told: FakeRoute): void {
    const others = this.api.listed.filter((one) => one.route !== told.route);
    this.api.listed = action === "Upsert" ? [...others, told] : others;
    this.api.say(action, told);
  }

  async stop(): Promise<void> {
    await Promise.all([this.uaa.stop(), this.api.stop(), this.backend.stop()]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Waits until the route has exactly these addresses; none: until it is gone. */
export async function table(router: RouterUnderTest, name: string, ...ports: number[]): Promise<void> {
  const wanted = ports.map((port) => `127.0.0.1:${port}`).join();
  await condition(`${name} at ${wanted || "nothing"}`, async () => {
    const found = ((await router.routes())[name] ?? []).map(({ address }) => address);
    return found.join() === wanted ? true : undefined;
  });
}
