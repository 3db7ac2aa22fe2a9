import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import packageFile from "../../package.json" with { type: "json" };
import { gap } from "../fixtures/gap.ts";
import { Backend, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { get } from "./harness/connection.ts";
import { underTest } from "./harness/program.ts";
import { readStartBlock, writeConfig } from "./harness/router.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** What the package is built from: packing changes package.json for a moment, so it is done in a copy of the tree. */
const ingredients = ["package.json", "src", "docs", "README.md", "LICENSE", ".config", "tsconfig.json", "bunfig.toml"];

/** The machine's own Node when that is 20, the oldest the package runs on; it knows no TypeScript. */
const node20 = (process.env["PATH"] ?? "")
  .split(delimiter)
  .map((folder) => join(folder, "node"))
  .find((node) => existsSync(node) && String(spawnSync(node, ["--version"]).stdout).startsWith("v20."));

/** Command line in front of a script, for each way to run the package that belongs to the runtime under test. */
const launchers: Readonly<Record<string, readonly [name: string, command: readonly [string, ...string[]]][]>> = {
  bun: [["Bun", [`${root}node_modules/.bin/bun`]]],
  deno: [["Deno", [`${root}node_modules/.bin/deno`, "run", "-A"]]],
  node: [
    ["Node 24", [`${root}node_modules/.bin/node`]],
    ["Node 20", [node20 ?? "node"]],
  ],
};

function npm(cwd: string, ...args: string[]): void {
  execFileSync("npm", [...args, "--no-audit", "--no-fund"], { cwd, stdio: ["ignore", "pipe", "pipe"] });
}

describe("npm package (issue A2)", gap("binary", "a binary is not what the npm package runs"), () => {
  let folder: string;
  let project: string;
  const started: ChildProcess[] = [];

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "causeway-package-"));
    const checkout = join(folder, "checkout");
    project = join(folder, "project");
    for (const name of ingredients) cpSync(join(root, name), join(checkout, name), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(checkout, "node_modules"));
    npm(checkout, "pack", "--pack-destination", folder);
    mkdirSync(project);
    writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
    npm(project, "install", "--prefer-offline", join(folder, `causeway-${packageFile.version}.tgz`));
  });
  after(() => {
    for (const child of started) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  /** Starts a script of the project; `stdout()` and `stderr()` are what it wrote so far. */
  function start([command, ...first]: readonly [string, ...string[]], ...args: string[]) {
    const child = spawn(command, [...first, ...args], { cwd: project, stdio: ["ignore", "pipe", "pipe"] });
    started.push(child);
    let [printed, said] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    return { stop: () => child.kill("SIGTERM"), ended, stdout: () => printed, stderr: () => said };
  }

  for (const [name, command] of launchers[underTest] ?? []) {
    const gapOfNode20 = gap(node20 === undefined && name === "Node 20" ? "node" : [], "this machine has no Node 20");

    it(`${name}: import gives the library, which routes to an app`, gapOfNode20, async () => {
      const backend = await Backend.start(() => ok("from the library"));
      const script = join(project, "library.js");
      writeFileSync(
        script,
        `import { request } from "node:http";
        import process from "node:process";
        import { createRouter, serve } from "causeway";
        const router = await createRouter({ routes: [{ uri: "app.test", port: ${backend.port} }] });
        const server = await serve(router, { port: 0 });
        const headers = { host: "app.test", connection: "close" };
        request({ port: server.port, host: "127.0.0.1", headers }, (response) => {
          response.on("data", (bytes) => console.log(String(bytes)));
          response.on("end", () => process.exit(0));
        }).end();\n`,
      );
      const library = start(command, script);
      assert.equal(await library.ended, 0, library.stderr());
      assert.equal(library.stdout(), "from the library\n");
      await backend.stop();
    });

    it(`${name}: the causeway command routes to an app that its register command announced`, gapOfNode20, async () => {
      const causeway = join(project, "node_modules/.bin/causeway");
      const backend = await Backend.start(() => ok("from the package"));
      const router = start(command, causeway, "router", "-c", writeConfig(folder, "embedded"));
      const ports = await condition("the start block", () => readStartBlock(router.stderr()));
      const bus = `nats://127.0.0.1:${ports.nats}`;
      const route = ["--uri", "app.test", "--port", String(backend.port), "--nats", bus];
      const registrar = start(command, causeway, "register", ...route);
      const answer = await condition("the route", async () => {
        const response = await get(ports.http, "app.test");
        return response.status === 200 ? response : undefined;
      });
      assert.equal(answer.body, "from the package");
      for (const { stop, ended, stderr } of [registrar, router]) {
        stop();
        assert.equal(await ended, 0, stderr());
      }
      await backend.stop();
    });
  }

  // The declarations do not depend on what runs the package: once is enough.
  if (underTest !== "node") return;

  it("brings declarations that TypeScript accepts", () => {
    const script = join(project, "library.ts");
    writeFileSync(script, `import { createRouter, serve } from "causeway";\nconsole.log(createRouter, serve);\n`);
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(root, "node_modules/typescript/bin/tsc"), "--strict", "--noEmit", "--module", "nodenext", script],
      { cwd: project, encoding: "utf8" },
    );
    assert.equal(status, 0, stdout);
  });
});
