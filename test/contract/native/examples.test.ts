import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { runtime } from "#runtime";
import { Backend, ok } from "../../conformance/harness/backend.ts";
import { condition } from "../../conformance/harness/condition.ts";
import { get } from "../../conformance/harness/connection.ts";
import { startNatsServer } from "../../fixtures/nats-server.ts";

const examples = new URL("../../../docs/examples/", import.meta.url);

/** What a file of docs/examples that has only a Fetch entry point exports. */
interface FetchEntry {
  fetch(request: Request, environment?: unknown): Response | Promise<Response>;
}

/** Runs an example under this runtime until `use` is done with the port it listens on. */
async function running(name: string, env: Record<string, string>, use: (port: number) => Promise<void>): Promise<void> {
  const args = runtime.name === "deno" ? ["run", "-A"] : [];
  const child = spawn(process.execPath, [...args, fileURLToPath(new URL(name, examples))], {
    env: { ...process.env, PORT: "0", NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  try {
    const port = await condition(`${name} listening`, () => {
      assert.equal(child.exitCode, null, said);
      return /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(said)?.[1];
    });
    await use(Number(port));
  } finally {
    child.kill("SIGKILL");
    await closed;
  }
}

/** Makes a program that would end say where it listens, and stay. */
const stayOpen = [
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of a program
  "console.log(`listening on http://${server.host}:${server.port}`);",
  "await new Promise(() => setInterval(() => {}, 1000));",
].join("\n");

describe("docs/examples", () => {
  let backend: Backend;
  let env: Record<string, string>;
  before(async () => {
    backend = await Backend.start(({ requestLine }) => ok(requestLine));
    env = { APP_PORT: String(backend.port) };
  });
  after(async () => {
    await backend.stop();
  });

  for (const name of ["routes-in-code.ts", "native.ts"]) {
    it(`${name} serves its route`, async () => {
      await running(name, env, async (port) => {
        assert.equal((await get(port, "app.localhost", "/x")).body, "GET /x HTTP/1.1");
        assert.equal((await get(port, "nobody.localhost.test")).status, 404);
      });
    });
  }

  it("README's library example serves the routes it ends with", async () => {
    const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");
    const block = /## As a library\n\n```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
    assert.match(block, /await server\.close\(\)/);
    const code = block
      .replace("port: 8081", "port: 0")
      .replaceAll(/port: 300[01]/g, `port: ${backend.port}`)
      .replace("await server.close();", stayOpen);
    const name = `.readme-${runtime.name}-${process.pid}.ts`;
    writeFileSync(new URL(name, examples), code);
    try {
      await running(name, env, async (port) => {
        assert.equal((await get(port, "api.localhost", "/v1/x")).body, "GET /v1/x HTTP/1.1");
        assert.equal((await get(port, "app.localhost")).status, 404);
      });
    } finally {
      rmSync(new URL(name, examples));
    }
  });

  it("bus.ts serves what is registered on NATS", async () => {
    const nats = await startNatsServer();
    try {
      await running("bus.ts", { NATS_URL: `nats://127.0.0.1:${nats.port}` }, async (port) => {
        const { connect } = await import("@nats-io/transport-node");
        const client = await connect({ servers: `127.0.0.1:${nats.port}` });
        client.publish(
          "router.register",
          JSON.stringify({ host: "127.0.0.1", port: backend.port, uris: ["bus.test"] }),
        );
        await client.flush();
        const answer = await condition("the registered route", async () => {
          const found = await get(port, "bus.test", "/y");
          return found.status === 200 ? found : undefined;
        });
        assert.equal(answer.body, "GET /y HTTP/1.1");
        await client.close();
      });
    } finally {
      await nats.stop();
    }
  });

  async function entry(name: string): Promise<FetchEntry> {
    process.env["APP_PORT"] = env["APP_PORT"];
    return ((await import(new URL(name, examples).href)) as { default: FetchEntry }).default;
  }

  it("fetch-entry.ts answers by fetch", async () => {
    const { fetch } = await entry("fetch-entry.ts");
    const answer = await fetch(new Request("http://app.localhost/z"));
    assert.equal(await answer.text(), "GET /z HTTP/1.1");
    assert.equal((await fetch(new Request("http://nobody.test/"))).status, 404);
  });

  it("hono.ts answers its own page and routes the rest", async () => {
    const app = await entry("hono.ts");
    assert.equal(await (await app.fetch(new Request("http://app.localhost/hello"))).text(), "hello from hono\n");
    assert.equal(await (await app.fetch(new Request("http://app.localhost/w"))).text(), "GET /w HTTP/1.1");
  });
});
