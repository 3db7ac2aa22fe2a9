import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CertificatePair, issue, makeAuthority } from "../../fixtures/certificates.ts";
import { type ApiAnswer, RoutingApiProcess } from "./routing-api-server.ts";
import { TokenIssuer } from "./token-issuer.ts";

export const routes = "/routing/v1/routes";
export const tcpRoutes = "/routing/v1/tcp_routes";
export const groups = "/routing/v1/router_groups";

/** A valid route of a request. */
export const route = (changes: object = {}): object => ({
  route: "a.example.com/p",
  port: 8080,
  ip: "10.0.0.5",
  ...changes,
});

/** Asserts that an answer is that error, to the byte (routing-api §4). */
export function isError(answer: ApiAnswer, status: number, name: string, message: string): void {
  const escapes: Record<string, string> = { "<": "\\u003c", ">": "\\u003e", "&": "\\u0026" };
  const text = JSON.stringify({ name, message }).replace(/[<>&]/g, (one) => escapes[one]!);
  assert.deepEqual([answer.status, answer.body], [status, text]);
  assert.equal(answer.headers["content-type"], "text/plain; charset=utf-8");
}

/** A Routing API with UAA beside it, for the tests of one file. */
export class ApiSuite {
  readonly api: RoutingApiProcess;
  readonly uaa: TokenIssuer;
  readonly uaaPair: CertificatePair;
  /** Of UAA and of whoever else the tests need. */
  readonly authority: ReturnType<typeof makeAuthority>;
  /** `ca.pem` in it is the authority. */
  readonly folder: string;
  /** A token with every scope. */
  readonly all: string;

  private constructor(
    api: RoutingApiProcess,
    uaa: TokenIssuer,
    uaaPair: CertificatePair,
    authority: ReturnType<typeof makeAuthority>,
    folder: string,
  ) {
    this.api = api;
    this.uaa = uaa;
    this.uaaPair = uaaPair;
    this.authority = authority;
    this.folder = folder;
    const kinds = ["routing.routes", "routing.router_groups"];
    this.all = uaa.token(kinds.flatMap((kind) => [`${kind}.read`, `${kind}.write`]));
  }

  /** On SQLite, or on the database of `CAUSEWAY_SQLDB` (`databaseTests`). */
  static async start(): Promise<ApiSuite> {
    const authority = makeAuthority();
    const folder = mkdtempSync(join(tmpdir(), "causeway-routing-api-suite-"));
    writeFileSync(join(folder, "ca.pem"), authority.certificate);
    const uaaPair = issue(authority, { names: ["uaa"], ips: ["127.0.0.1"] });
    const uaa = await TokenIssuer.start(uaaPair);
    const sqldb = process.env["CAUSEWAY_SQLDB"];
    const api = await RoutingApiProcess.start({
      oauth: { token_endpoint: "127.0.0.1", port: uaa.port, ca_certs: join(folder, "ca.pem") },
      max_body_bytes: 100_000,
      body_timeout: "1s",
      reserved_system_component_ports: [5555, 6666],
      fail_on_router_port_conflicts: true,
      router_groups: [{ name: "default-tcp", type: "tcp", reservable_ports: [1024, 1025] }],
      ...(sqldb !== undefined && { sqldb: JSON.parse(sqldb) as object }),
    });
    return new ApiSuite(api, uaa, uaaPair, authority, folder);
  }

  async post(path: string, body: unknown): Promise<ApiAnswer> {
    return await this.api.send({ method: "POST", path, token: this.all, body });
  }

  /** Deletes routes. */
  async remove(body: unknown): Promise<ApiAnswer> {
    return await this.api.send({ method: "DELETE", path: routes, token: this.all, body });
  }

  /** The elements of a route in the list. */
  async listed(name: string): Promise<Record<string, unknown>[]> {
    return (await this.api.list(routes, this.all)).filter((one) => one["route"] === name);
  }

  async stop(): Promise<void> {
    await this.api.stop();
    await this.uaa.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
