import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse } from "yaml";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { Backend } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { Program } from "./harness/program.ts";
import { plainService, ServiceHost } from "./harness/route-service.ts";
import { readStartBlock, type StartPorts } from "./harness/router.ts";

const run = promisify(execFile);
const page = readFileSync(fileURLToPath(new URL("../../docs/routing-api.md", import.meta.url)), "utf8");
const section = page.split("### A stopped app, step by step")[1]!.split("\n## ")[0]!;
const block = (language: string): string => section.split(`\`\`\`${language}\n`)[1]!.split("```")[0]!;

/** A command of the page, and the status that the comment before it names. */
const steps = block("sh")
  .split(/^# /m)
  .slice(1)
  .map((text) => {
    const [comment = "", ...lines] = text.split("\n");
    return { comment, command: lines.join("\n"), status: Number(/\b\d{3}\b/.exec(comment)?.[0]) };
  });

describe("the stopped app of docs/routing-api.md (issue E, issue H acceptance 3)", () => {
  const folder = mkdtempSync(join(tmpdir(), "causeway-stopped-app-"));
  let app: Backend;
  let service: ServiceHost;
  let program: Program;
  let ports: StartPorts;
  let here: ReadonlyMap<string, number>;

  before(async () => {
    app = await Backend.start(() => "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nshop");
    const pair = issue(makeAuthority(), { names: ["localhost"] });
    service = await ServiceHost.start(
      plainService(() => ({ http: ports.http })),
      pair,
    );
    const written = parse(block("yaml")) as { routing_api: object };
    const config = {
      ...written,
      port: 0,
      listen_host: "127.0.0.1",
      status: { port: 0, routes: { port: 0 } },
      route_services_internal_server_port: 0,
      start_response_delay_interval: "0s",
      routing_api: { ...written.routing_api, embedded_port: 0, embedded_file: join(folder, "routes.sqlite") },
    };
    const path = join(folder, "gorouter.yml");
    writeFileSync(path, JSON.stringify(config));
    program = new Program(["router", "-c", path]);
    ports = await program.waitFor("the start block", () => readStartBlock(program.stderr));
    const api = Number(/^ {2}api .*http:\/\/127\.0\.0\.1:(\d+)/m.exec(program.stderr)?.[1]);
    here = new Map([
      ["localhost:3000", api],
      ["localhost:8081", ports.http],
      ["localhost:8443", service.port],
    ]);
  });
  after(async () => {
    await program?.stop("SIGKILL");
    await service?.stop();
    await app?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a command of the page as it stands there, but for the ports; gives the status and the body. */
  async function curl(command: string): Promise<{ readonly status: number; readonly body: string }> {
    let text = command.replace('"port":8000', `"port":${app.port}`);
    for (const [written, port] of here) text = text.replaceAll(written, `localhost:${port}`);
    const quiet = "curl() { command curl --silent --noproxy '*' --write-out '\\n%{http_code}' \"$@\"; }";
    const { stdout } = await run("sh", ["-c", `${quiet}\n${text}`]);
    const lines = stdout.split("\n");
    return { status: Number(lines.pop()), body: lines.join("\n") };
  }

  it("has eight steps", () => {
    assert.deepEqual(
      steps.map(({ status }) => status),
      [201, 503, 201, 200, 204, 503, 204, 404],
    );
  });

  for (const { comment, command, status } of steps) {
    it(comment, async () => {
      const before = service.seen.length;
      // What the API has acknowledged reaches the router a moment later.
      const { body } = await condition(`${status} of: ${command}`, async () => {
        const answer = await curl(command);
        return answer.status === status ? answer : undefined;
      });
      if (command.includes("Host: shop")) assert.equal(service.seen.length > before, status !== 404);
      if (status === 200) assert.equal(body, "shop");
      if (status === 503) assert.match(body, /has no available endpoints/);
    });
  }
});
