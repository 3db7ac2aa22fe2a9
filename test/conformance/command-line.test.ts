import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import packageFile from "../../package.json" with { type: "json" };
import { gap } from "../fixtures/gap.ts";
import { mainScript, Program, underTest } from "./harness/program.ts";

const flagUsage = "  -c string\n    \tConfiguration File\n";

/** Runs the program to its end. */
async function run(...args: string[]): Promise<{ code: number | string; stdout: string; stderr: string }> {
  const program = new Program(args);
  const code = await program.end();
  return { code, stdout: program.stdout, stderr: program.stderr };
}

describe("command line (control-plane §1.1)", () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "causeway-line-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Writes a configuration and runs the router on it. */
  async function configured(text: string): Promise<{ code: number | string; stdout: string; stderr: string }> {
    const file = join(folder, "gorouter.yml");
    writeFileSync(file, text);
    return await run("router", "-c", file);
  }

  it("--help lists the commands on standard output, exit 0", async () => {
    const { code, stdout, stderr } = await run("--help");
    assert.equal(code, 0);
    assert.equal(stderr, "");
    assert.match(stdout, /^Usage: causeway \[COMMAND\] \[OPTIONS\]\n/);
    assert.match(stdout, /^ {2}router {12}\S/m);
    assert.match(stdout, /^ {2}register {10}\S/m);
  });

  it("--version names version and runtime, exit 0", async () => {
    const { code, stdout } = await run("--version");
    assert.equal(code, 0);
    assert.match(stdout, /^causeway \S+ \((bun|deno|node) \d+\.\d+\.\d+\)\n$/);
    assert.ok(stdout.startsWith(`causeway ${packageFile.version} (${underTest === "binary" ? "bun" : underTest} `));
  });

  it('-c "" is as no -c (control-plane §1.1)', async () => {
    // One of the ports that are fixed then is taken, by this server or by another one.
    const taken = createServer().on("error", () => {});
    await new Promise<void>((resolve) => {
      taken.once("error", () => resolve()).listen(4222, "127.0.0.1", () => resolve());
    });
    try {
      const { code, stdout, stderr } = await run("router", "-c", "");
      assert.equal(code, 1);
      assert.match(stderr, /this was the start without a configuration file/);
      assert.doesNotMatch(stdout, /Error loading config/);
    } finally {
      taken.close();
    }
  });

  it("an unknown command is named, exit 2", async () => {
    const { code, stdout, stderr } = await run("rooter");
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^causeway: unknown command "rooter"\n\nUsage: /);
  });

  for (const args of [["-x"], ["router", "--x=1"]]) {
    it(`unknown flag (${args.join(" ")}): Go's text, then usage, exit 2`, async () => {
      const { code, stdout, stderr } = await run(...args);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, /^flag provided but not defined: -x\nUsage of [^\n]+:\n/);
      assert.ok(stderr.endsWith(flagUsage), stderr);
    });
  }

  it("a dash too many: Go's text, then usage, exit 2", async () => {
    const { code, stdout, stderr } = await run("router", "---c", "x.yml");
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^bad flag syntax: ---c\nUsage of [^\n]+:\n/);
  });

  it("-c without a value: Go's text, then usage, exit 2", async () => {
    const { code, stdout, stderr } = await run("router", "-c");
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^flag needs an argument: -c\nUsage of [^\n]+:\n/);
    assert.ok(stderr.endsWith(flagUsage), stderr);
  });

  it("router --help: usage on standard error, exit 0", async () => {
    const { code, stdout, stderr } = await run("router", "--help");
    assert.deepEqual([code, stdout, stderr], [0, "", `Usage of causeway router:\n${flagUsage}`]);
  });

  it("every command has help, exit 0", async () => {
    const listed = (await run("--help")).stdout.matchAll(/^ {2}([a-z-]+) {2,}/gm);
    for (const [, command] of listed) {
      const { code, stdout, stderr } = await run(command!, "--help");
      assert.equal(code, 0, command);
      assert.match(stdout + stderr, new RegExp(`^Usage(?:: | of )causeway ${command}\\b`));
    }
  });

  for (const form of ["-c PATH", "--c=PATH"]) {
    it(`a missing file given as ${form}: one line on standard output, exit 1`, async () => {
      const path = join(folder, "absent.yml");
      const { code, stdout, stderr } = await run("router", ...form.replace("PATH", path).split(" "));
      assert.deepEqual([code, stderr], [1, ""]);
      const error = `open ${path}: no such file or directory`;
      const line = stdout.replace(/"timestamp":\d+(\.\d{1,7})?,/, '"timestamp":0,');
      assert.equal(
        line,
        `{"log_level":3,"timestamp":0,"message":"Error loading config:","data":${JSON.stringify({ error })}}\n`,
      );
    });
  }

  it(
    "called as gorouter it is the router and knows no commands",
    gap(["bun", "deno"], "a link to the script loses its own name"),
    async () => {
      const script = join(folder, "gorouter");
      symlinkSync(mainScript, script);
      const program = new Program(["--version"], { script });
      assert.equal(await program.end(), 2);
      assert.equal(program.stderr, `flag provided but not defined: -version\nUsage of gorouter:\n${flagUsage}`);
    },
  );

  const faults: readonly [name: string, yaml: string, error: string][] = [
    ["a wrong type", "port: 70000\n", "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!int `70000` into uint16"],
    [
      "a bare 0 as duration",
      "zone: z\ndrain_wait: 0\n",
      "yaml: unmarshal errors:\n  line 2: cannot unmarshal !!int `0` into time.Duration",
    ],
    ["a tab as indentation", "nats:\n\tuser: x\n", "yaml: line 2: found a tab character that violates indentation"],
  ];
  for (const [name, yaml, error] of faults) {
    it(`a configuration with ${name}: one line that says so, exit 1`, async () => {
      const { code, stdout, stderr } = await configured(yaml);
      assert.deepEqual([code, stderr], [1, ""]);
      const lines = stdout.trimEnd().split("\n");
      assert.equal(lines.length, 1, stdout);
      const line = JSON.parse(lines[0]!) as { message: string; source?: string; data: { error: string } };
      assert.equal(line.message, "Error loading config:");
      assert.equal(line.source, undefined);
      assert.equal(line.data.error, error);
    });
  }

  it("the line is not hidden by logging.level (control-plane §1.1)", async () => {
    const { code, stdout } = await configured("logging: {level: error}\nport: [1]\n");
    assert.equal(code, 1);
    assert.match(stdout, /cannot unmarshal !!seq into uint16/);
  });

  it("an unknown log level is a panic: standard error, exit 2 (control-plane §8.1)", async () => {
    const { code, stdout, stderr } = await configured("logging: {level: loud}\n");
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^panic: .*"loud"/);
  });
});

describe("causeway register: its command line", () => {
  const wrong: readonly [args: string[], text: RegExp][] = [
    [["--uri", "a.b"], /^causeway register: --port is missing: /],
    [
      ["--uri", "a.b", "--port", "seven"],
      /^causeway register: cannot use --port "seven": give a number from 1 to 65535/,
    ],
    [["--uri", "a.b", "--port", "1", "--interval", "0"], /^causeway register: cannot use --interval "0": /],
    [
      ["--uri", "a.b", "--port", "1", "--tag", "novalue"],
      /^causeway register: cannot use --tag "novalue": write NAME=VALUE/,
    ],
  ];
  for (const [args, text] of wrong) {
    it(`${args.join(" ")}: says what is wrong, then usage, exit 2`, async () => {
      const { code, stdout, stderr } = await run("register", ...args);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, text);
      assert.match(stderr, /\n\nUsage: causeway register --uri HOST/);
    });
  }

  it("--help, exit 0", async () => {
    const { code, stderr } = await run("register", "--help");
    assert.equal(code, 0);
    assert.match(stderr, /^Usage: causeway register --uri HOST/);
  });

  it("a bus that nobody runs is named, exit 1", async () => {
    const { code, stderr } = await run("register", "--uri", "a.b", "--port", "1", "--nats", "nats://127.0.0.1:1");
    assert.equal(code, 1);
    assert.match(stderr, /^causeway register: cannot use the bus at nats:\/\/127\.0\.0\.1:1: \S/);
  });
});
