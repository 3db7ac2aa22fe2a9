import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gap } from "../fixtures/gap.ts";
import { type NatsServer, startNatsServer } from "../fixtures/nats-server.ts";
import { mainScript, Program } from "./harness/program.ts";
import { busOf, httpRoute, RegistrarUnderTest } from "./harness/registrar.ts";

let nats: NatsServer;
before(async () => {
  nats = await startNatsServer();
});
after(() => nats?.stop());

describe("route-registrar: command line and exit codes (route-registrar §2)", () => {
  async function run(...args: string[]): Promise<{ code: number | string; stdout: string; stderr: string }> {
    const program = new Program(["route-registrar", ...args]);
    const code = await program.end();
    return { code, stdout: program.stdout, stderr: program.stderr };
  }

  it("-h: usage on standard error, exit 0", async () => {
    const { code, stdout, stderr } = await run("-h");
    assert.deepEqual([code, stdout], [0, ""]);
    assert.match(stderr, /^Usage of [^\n]+:\n {2}-configPath string\n/);
    assert.match(stderr, /\n {2}-logLevel string\n {4}\t[^\n]+ \(default "info"\)\n/);
    assert.match(stderr, /\n {2}-redactSecrets\n/);
    assert.match(stderr, /\n {2}-timeFormat value\n {4}\t[^\n]+ \(default unix-epoch\)\n$/);
  });

  it(
    "called as route-registrar it needs no command",
    gap(["bun", "deno"], "a link to the script loses its own name"),
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "causeway-name-"));
      const script = join(folder, "route-registrar");
      symlinkSync(mainScript, script);
      const program = new Program(["-h"], { script });
      assert.equal(await program.end(), 0);
      assert.match(program.stderr, /^Usage of route-registrar:\n/);
      rmSync(folder, { recursive: true, force: true });
    },
  );

  for (const [args, text] of [
    [["-x"], /^flag provided but not defined: -x\nUsage of /],
    [["-timeFormat", "iso"], /^invalid value "iso" for flag -timeFormat: \S.*\nUsage of /],
    [["-redactSecrets=maybe"], /^invalid boolean value "maybe" for -redactSecrets: parse error\nUsage of /],
    [["-logLevel", "loud"], /^panic: unknown log level: loud\n/],
  ] as const) {
    it(`${args.join(" ")}: exit 2, no log line`, async () => {
      const { code, stdout, stderr } = await run(...args);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, text);
    });
  }

  it("a missing file: a fatal line, exit 2 (vector 12)", async () => {
    const { code, stdout } = await run("-configPath=/absent.yml");
    assert.equal(code, 2);
    const [, fatal] = stdout.trimEnd().split("\n");
    assert.match(
      fatal!,
      /^\{"timestamp":"\d{10}\.\d{9}","source":"Route Registrar","message":"Route Registrar\.error parsing file: %s\\n","log_level":3,"data":\{"error":"open \/absent\.yml: no such file or directory","trace":"[^"]+"\}\}$/,
    );
  });

  it("a configuration that fails validation: dated report and an empty line on standard error, exit 1 (vector 7)", async () => {
    const registrar = new RegistrarUnderTest({
      ...busOf(nats.port),
      routes: [httpRoute("My route", 8080, { registration_interval: "asdf" })],
    });
    assert.equal(await registrar.program.end(), 1);
    assert.match(
      registrar.program.stderr,
      /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d there was 1 error with 'config':\n {4}there was 1 error with 'route "My route"':\n {8}\* invalid registration_interval: time: invalid duration "asdf"\n\n$/,
    );
    assert.deepEqual(registrar.program.loggedMessages, ["1 Route Registrar Route Registrar.Initializing"]);
    await registrar.stop();
  });

  it("a pid file that cannot be written: exit 2", async () => {
    const registrar = new RegistrarUnderTest({}, ["-pidfile", "/absent/pid"]);
    assert.equal(await registrar.program.end(), 2);
    const { data } = registrar.lines("error writing pid to pidfile")[0]!;
    assert.equal(data?.["pidfile"], "/absent/pid");
    assert.equal(data?.["error"], "open /absent/pid: no such file or directory");
    assert.equal(registrar.lines("Writing pid").length, 1);
    await registrar.stop();
  });

  it("the example of docs/ runs as README says, from YAML as well; no routes: waits for a signal", async () => {
    const example = JSON.parse(readFileSync("docs/examples/route-registrar.json", "utf8")) as { routes: object[] };
    const registrar = new RegistrarUnderTest({ ...example, ...busOf(nats.port) });
    await registrar.logged("Registered routes successfully");
    assert.equal((await registrar.stop()).code, 0);
    const idle = new RegistrarUnderTest({});
    const file = idle.write("config.yml", "unregistration_message_limit: 3\nroutes: []\n");
    const yaml = new Program(["route-registrar", "-configPath", file]);
    await yaml.logged("Route Registrar.Running");
    await idle.logged("Running");
    assert.deepEqual([await yaml.stop("SIGINT"), await idle.program.stop("SIGQUIT")], [0, 0]);
    await idle.stop();
  });
});
