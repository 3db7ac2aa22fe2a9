import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type CertificatePair, issue, makeAuthority } from "../fixtures/certificates.ts";
import { gap } from "../fixtures/gap.ts";
import { type NatsServer, startNatsServer } from "../fixtures/nats-server.ts";
import { Backend, deadPort, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { get } from "./harness/connection.ts";
import { mainScript, Program } from "./harness/program.ts";
import { BusWatch, processesWith, RegistrarUnderTest } from "./harness/registrar.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

let nats: NatsServer;
let router: RouterUnderTest;
let watch: BusWatch;
let backend: Backend;

before(async () => {
  nats = await startNatsServer();
  [router, watch, backend] = await Promise.all([
    startRouter(nats.port),
    BusWatch.on(nats.port),
    Backend.start(() => ok("app")),
  ]);
});
after(async () => {
  await Promise.all([router?.stop(), watch?.stop(), backend?.stop()]);
  await nats?.stop();
});

const servers = (port = nats.port): object => ({
  message_bus_servers: [{ host: `127.0.0.1:${port}`, user: "", password: "" }],
});
const route = (name: string, changes: object = {}): object => ({
  name,
  host: "127.0.0.1",
  port: backend.port,
  uris: [`${name}.test`],
  registration_interval: "10s",
  ...changes,
});

async function status(host: string): Promise<number> {
  return (await get(router.port, host)).status;
}

describe("route-registrar: a route (route-registrar §2, §7, §9, §13)", () => {
  it("registered at once, taken back at SIGTERM; pid file; log lines in order", async () => {
    const registrar = new RegistrarUnderTest({ ...servers(), availability_zone: "z1", routes: [route("plain")] }, [
      "-pidfile",
      join(tmpdir(), `registrar-${process.pid}.pid`),
      "--timeFormat=rfc3339",
    ]);
    const pidFile = join(tmpdir(), `registrar-${process.pid}.pid`);
    try {
      const { text } = await watch.message("plain.test");
      const uuid = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
      const body = `^\\{"uris":\\["plain.test"\\],"host":"127.0.0.1","port":${backend.port},"tags":null,"private_instance_id":"${uuid}","availability_zone":"z1"\\}$`;
      assert.match(text, new RegExp(body));
      await condition("the app", async () => ((await status("plain.test")) === 200 ? true : undefined));
      assert.match(readFileSync(pidFile, "utf8"), /^\d+$/);
      await registrar.logged("Registered routes successfully");
      const { code } = await registrar.stop();
      assert.equal(code, 0);
      await watch.settled();
      assert.deepEqual(watch.actions("plain.test"), ["register", "unregister"]);
      assert.equal((await watch.message("plain.test", 2)).text, text);
      await condition("404", async () => ((await status("plain.test")) === 404 ? true : undefined));
      assert.deepEqual(
        registrar.program.logLines.map(({ message }) => message.replace("Route Registrar.", "")),
        [
          "Initializing",
          "creating nats connection",
          "Writing pid",
          "Running",
          "nats-connection-successful",
          "no healthchecker found for route",
          "Registering route",
          "Registered routes successfully",
          "Caught signal",
          "Received signal; shutting down",
          "Unregistering route",
          "Unregistered routes successfully",
          "Exiting without error",
        ],
      );
      assert.deepEqual(registrar.lines("Caught signal")[0]?.data, { signal: 15 });
      assert.deepEqual(registrar.lines("nats-connection-successful")[0]?.data, {
        "nats-host": `127.0.0.1:${nats.port}`,
      });
      assert.equal(registrar.program.stderr, "");
      for (const line of registrar.program.stdout.trimEnd().split("\n")) {
        assert.match(
          line,
          /^\{"timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z","level":"info","source":"Route Registrar","message":"Route Registrar\.[^"]+","data":\{.*\}\}$/,
        );
      }
    } finally {
      await registrar.program.stop();
      rmSync(pidFile, { force: true });
    }
  });

  it("SIGINT: routes are taken back one after the other, in the order of the file (route-registrar §13)", async () => {
    const routes = ["first", "second", "third"].map((name) => route(name));
    const registrar = new RegistrarUnderTest({ ...servers(), routes });
    try {
      await watch.message("third.test");
      assert.equal(await registrar.program.stop("SIGINT"), 0);
      assert.deepEqual(registrar.lines("Caught signal")[0]?.data, { signal: 2 });
      await watch.settled();
      const taken = watch.messages.filter(({ action, uris }) => action === "unregister" && uris[0] !== "plain.test");
      assert.deepEqual(
        taken.slice(-3).flatMap(({ uris }) => uris),
        ["first.test", "second.test", "third.test"],
      );
      const messages = registrar.program.logLines.map(({ message }) => message.replace("Route Registrar.", ""));
      const each = ["Unregistering route", "Unregistered routes successfully"];
      assert.deepEqual(messages.slice(-9), [
        "Caught signal",
        "Received signal; shutting down",
        ...each,
        ...each,
        ...each,
        "Exiting without error",
      ]);
    } finally {
      await registrar.stop();
    }
  });

  it("health and metrics where status.port is given; a thousandth tick is no nearer than a millisecond", async () => {
    const registrar = new RegistrarUnderTest({
      ...servers(),
      status: { port: 0 },
      routes: [
        route("counted", { registration_interval: "100ns" }),
        route("checked", { registration_interval: "1s", health_check: { name: "h", script_path: "exit 3" } }),
      ],
    });
    try {
      const port = await registrar.program.waitFor(
        "the status port",
        () => /http:\/\/127\.0\.0\.1:(\d+)\n/.exec(registrar.program.stderr)?.[1],
      );
      await watch.message("counted.test", 3);
      await watch.message("checked.test");
      const health = await fetch(`http://127.0.0.1:${port}/health`);
      assert.deepEqual([health.status, await health.text()], [200, "ok\n"]);
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      for (const line of [
        /^route_registrar_routes\{state="registered"\} 1$/m,
        /^route_registrar_routes\{state="unregistered"\} 1$/m,
        /^route_registrar_checks_total\{result="unhealthy"\} [1-9]\d*$/m,
        /^route_registrar_messages_total\{action="register"\} [1-9]\d*$/m,
        /^route_registrar_nats_connected 1$/m,
        /^route_registrar_route_check_failures_total\{name="checked",type="http",uri="checked.test"\} [1-9]\d*$/m,
        /^route_registrar_route_last_check_timestamp_seconds\{name="checked",type="http",uri="checked.test"\} 1\d{9}(\.\d+)?$/m,
      ]) {
        assert.match(metrics, line);
      }
      assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 404);
      assert.equal((await registrar.stop()).code, 0);
    } finally {
      await registrar.program.stop();
    }
  });
});

describe("route-registrar: health checks (route-registrar §7, §8)", () => {
  it("the route follows the script: 0, 1, hang, crash, 0", async () => {
    const script =
      'case "$(cat {folder}/mode)" in ok) echo fine;; bad) exit 1;; hang) sleep 1000;; *) kill -SEGV $$;; esac';
    const health_check = { name: "h", script_path: script, timeout: "300ms" };
    const registrar = new RegistrarUnderTest({
      ...servers(),
      routes: [route("flip", { registration_interval: "600ms", health_check })],
    });
    try {
      registrar.write("mode", "ok");
      const follows = async (mode: string, expected: number): Promise<void> => {
        registrar.write("mode", mode);
        await condition(`${mode}: ${expected}`, async () =>
          (await status("flip.test")) === expected ? true : undefined,
        );
      };
      await follows("ok", 200);
      await follows("bad", 404);
      await follows("ok", 200);
      await follows("hang", 404);
      await follows("ok", 200);
      await follows("crash", 404);
      await follows("ok", 200);
      const ended = registrar.lines("Script exited with error").map(({ data }) => data?.["error"]);
      assert.ok(ended.includes("exit status 1"), String(ended));
      assert.ok(ended.includes("signal: segmentation fault"), String(ended));
      const late = registrar.lines("Script failed to exit within timeout")[0]?.data;
      assert.deepEqual([late?.["timeout"], late?.["stdout"]], [300_000_000, ""]);
      assert.equal(registrar.lines("Script exited without error")[0]?.data?.["stdout"], "fine\n");
      assert.equal((await registrar.stop()).code, 0);
    } finally {
      await registrar.program.stop();
    }
  });

  it("exactly five unregisters in a row; a healthy neighbour goes on; health re-arms the limit", async () => {
    const failing = { name: "h", script_path: "test -e {folder}/up" };
    const registrar = new RegistrarUnderTest({
      ...servers(),
      routes: [
        route("failing", { registration_interval: "100ms", health_check: failing }),
        route("steady", { registration_interval: "100ms", health_check: { name: "h", script_path: "exit 0" } }),
      ],
    });
    try {
      const runs = (count: number): Promise<true> =>
        registrar.program.waitFor(
          `${count} runs`,
          () => registrar.lines("Script exited with error").length >= count || undefined,
        );
      await runs(8);
      await watch.settled();
      assert.deepEqual(watch.actions("failing.test"), Array(5).fill("unregister"));
      assert.ok(watch.actions("steady.test").length >= 5);
      assert.ok(watch.actions("steady.test").every((action) => action === "register"));
      const up = registrar.write("up", "");
      await watch.message("failing.test", 6);
      rmSync(up);
      await runs(registrar.lines("Script exited with error").length + 8);
      await watch.settled();
      const later = watch.actions("failing.test").slice(5);
      const registers = later.filter((action) => action === "register").length;
      assert.deepEqual(later, [...Array(registers).fill("register"), ...Array(5).fill("unregister")]);
      assert.equal((await registrar.stop()).code, 0);
    } finally {
      await registrar.program.stop();
    }
  });

  it("200 hangs leave no process behind; nor does SIGTERM in the middle of a check", async () => {
    const mark = `99${process.pid}`;
    // The shell waits, a child in the background holds its output, a grandchild sleeps.
    const script_path = `sleep ${mark} & (sleep ${mark}; :) & sleep ${mark}; :`;
    const health_check = { name: "h", script_path, timeout: "200ms" };
    const routes = Array.from({ length: 20 }, (_, index) =>
      route(`hang${index}`, { registration_interval: "400ms", health_check }),
    );
    const registrar = new RegistrarUnderTest({ ...servers(), routes });
    try {
      await registrar.program.waitFor(
        "200 hangs",
        () => registrar.lines("Script failed to exit within timeout").length >= 200 || undefined,
        60_000,
      );
      await registrar.program.waitFor("a running check", () => processesWith(mark).length > 0 || undefined);
      const { code, took } = await registrar.stop();
      assert.equal(code, 0);
      assert.ok(took < 2000, `${took} ms`);
      await condition("no process is left", () => processesWith(mark).length === 0 || undefined);
    } finally {
      await registrar.program.stop();
    }
  });
});

describe("route-registrar: dynamic files (route-registrar §12)", () => {
  it("found at start, replaced in one step, kept when broken, taken back at the end", async () => {
    const folder = mkdtempSync(join(tmpdir(), "causeway-dynamic-"));
    const yaml = (...routes: object[]): string => JSON.stringify({ routes, other: 1 });
    const put = (name: string, text: string): void => {
      writeFileSync(join(folder, `${name}.new`), text);
      renameSync(join(folder, `${name}.new`), join(folder, `${name}.yml`));
    };
    const inherited = { host: undefined };
    put("one", yaml(route("dyn-a", inherited), route("dyn-b", inherited)));
    const registrar = new RegistrarUnderTest({
      ...servers(),
      host: "127.0.0.1",
      dynamic_config_globs: [`${folder}/*.yml`, `${folder}/one.*`],
    });
    try {
      await watch.message("dyn-a.test");
      await watch.message("dyn-b.test");
      await registrar.program.waitFor(
        "both files' routes",
        () => registrar.lines("discovered route").length >= 2 || undefined,
      );
      assert.equal(registrar.lines("discovered route").length, 2);

      // b loses nothing although its interval and one of its URIs change.
      put("one", yaml(route("dyn-b", { uris: ["dyn-b.test", "dyn-c.test"], registration_interval: "9s" })));
      await watch.message("dyn-c.test");
      await registrar.logged("Unregistered routes successfully");
      await watch.settled();
      assert.deepEqual(watch.actions("dyn-a.test"), ["register", "unregister"]);
      assert.deepEqual(watch.actions("dyn-b.test"), ["register", "register"]);

      put("one", "routes: [");
      await registrar.logged("routes-config-watcher.failed-to-parse-file");
      put(
        "two",
        yaml(route("dyn-d"), route("", { name: undefined }), {
          ...route("dyn-t"),
          type: "tcp",
          router_group: "g",
          external_port: 1,
        }),
      );
      await watch.message("dyn-d.test");
      const faults = (
        await condition("both faults", () => {
          const found = registrar.lines("routes-config-watcher.failed-to-parse-route");
          return found.length === 2 ? found : undefined;
        })
      ).map(({ data }) => data?.["error"]);
      assert.deepEqual(faults, [
        "there was 1 error with 'route 1':\n    * no name\n",
        "routing_api must have an api_url",
      ]);
      put("three", "routes: [{port: 65536}]");
      const { data } = await registrar.logged("routes-config-watcher.failed-to-parse-file", (line) =>
        String(line.data?.["file"]).endsWith("three.yml"),
      );
      assert.equal(data?.["error"], "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!int `65536` into uint16");

      rmSync(join(folder, "two.yml"));
      await registrar.logged("routes-config-watcher.removing-routes-from-config-file");
      await watch.message("dyn-d.test", 2);
      assert.equal((await registrar.stop()).code, 0);
      await watch.settled();
      assert.deepEqual(watch.actions("dyn-d.test"), ["register", "unregister"]);
      assert.deepEqual(watch.actions("dyn-b.test"), ["register", "register", "unregister"]);
      assert.equal(await condition("404", async () => ((await status("dyn-b.test")) === 404 ? true : undefined)), true);
    } finally {
      await registrar.program.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("a malformed pattern is named, exit 2", async () => {
    const registrar = new RegistrarUnderTest({ dynamic_config_globs: ["/x/[a"] });
    assert.equal(await registrar.program.end(), 2);
    assert.deepEqual(registrar.lines("routes-config-watcher.failed-to-glob-config-files")[0]?.data, {
      error: "syntax error in pattern",
      glob: "/x/[a",
      session: "1",
    });
    await registrar.stop();
  });
});

describe("route-registrar: NATS (route-registrar §10)", () => {
  it("NATS away at start, there, away, there again: the route follows; SIGTERM meanwhile ends within 2 s, exit 0", async () => {
    const port = await deadPort();
    const registrar = new RegistrarUnderTest({
      ...servers(port),
      routes: [route("patient", { registration_interval: "3s" })],
    });
    let own: NatsServer | undefined;
    try {
      const { data } = await registrar.logged("nats-connection-failed");
      assert.deepEqual(data, {
        error: "nats: no servers available for connection",
        "nats-hosts": [`127.0.0.1:${port}`],
      });
      for (const event of ["nats-connection-successful", "nats-connection-reconnected"]) {
        own = await startNatsServer({ port });
        const listener = await BusWatch.on(port);
        await listener.message("patient.test");
        await registrar.logged(event);
        await listener.stop();
        await own.kill();
        await registrar.logged("nats-connection-disconnected");
      }
      const { code, took } = await registrar.stop();
      assert.equal(code, 0);
      assert.ok(took < 2000, `${took} ms`);
      assert.equal(registrar.lines("routes left registered")[0]?.data?.["routes"], 1);
    } finally {
      await registrar.program.stop();
      await own?.kill();
    }
  });

  it("a server that says nothing: SIGTERM ends within 2 s all the same", async () => {
    const mute = await Backend.start(() => undefined);
    const registrar = new RegistrarUnderTest({ ...servers(mute.port), routes: [route("unheard")] });
    try {
      await condition("the connection", () => (mute.accepted > 0 ? true : undefined));
      const { code, took } = await registrar.stop();
      assert.equal(code, 0);
      assert.ok(took < 2000, `${took} ms`);
    } finally {
      await registrar.program.stop();
      await mute.stop();
    }
  });

  it("several servers, credentials that need escaping, over WebSocket too", async () => {
    const user = "us:er@/%";
    const secured = await startNatsServer({ user, pass: "p?ss #w", webSocketPort: 0 });
    const dead = await deadPort();
    const server = (host: string): object => ({ host, user, password: "p?ss #w" });
    try {
      for (const host of [`127.0.0.1:${secured.port}`, `ws://127.0.0.1:${secured.webSocketPort}`]) {
        const registrar = new RegistrarUnderTest({
          message_bus_servers: [server(`127.0.0.1:${dead}`), server(host)],
          routes: [route("escaped")],
        });
        await registrar.logged("nats-connection-successful");
        await registrar.logged("Registered routes successfully");
        const { code } = await registrar.stop();
        assert.equal(code, 0);
        assert.doesNotMatch(registrar.program.stdout, /p\?ss|p%3Fss/);
      }
    } finally {
      await secured.stop();
    }
  });

  describe("mutual TLS", () => {
    const authority = makeAuthority();
    const folder = mkdtempSync(join(tmpdir(), "causeway-nats-tls-"));
    const put = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const identity: CertificatePair = issue(authority, { commonName: "registrar", client: true });
    const expired = issue(authority, { commonName: "old", client: true, notAfter: new Date(Date.now() - 1000) });
    const ca_path = put("ca.pem", authority.certificate);
    const key_path = put("client.key", identity.key);
    const cert_path = put("client.pem", identity.certificate);
    after(() => rmSync(folder, { recursive: true, force: true }));

    it("registers, and insists on TLS where the server has none (D7)", async () => {
      const tls = { ...issue(authority, { names: ["localhost"] }), authority: authority.certificate };
      const secured = await startNatsServer({ tls });
      try {
        const registrar = new RegistrarUnderTest({
          message_bus_servers: [{ host: `localhost:${secured.port}` }],
          nats_mtls_config: { enabled: true, cert_path, key_path, ca_path },
          routes: [route("secure")],
        });
        await registrar.logged("Registered routes successfully");
        assert.equal((await registrar.stop()).code, 0);
      } finally {
        await secured.stop();
      }
      const insisting = new RegistrarUnderTest({
        ...servers(),
        nats_mtls_config: { enabled: true, cert_path, key_path, ca_path },
        routes: [route("secure")],
      });
      const { data } = await insisting.logged("nats-connection-failed");
      assert.equal(data?.["error"], "nats: secure connection not available");
      assert.equal((await insisting.stop()).code, 0);
    });

    for (const [what, files, reason] of [
      ["absent", { cert_path: "/absent.pem", key_path, ca_path }, /: open \/absent\.pem: no such file or directory$/],
      [
        "of another key",
        { cert_path, key_path: put("other.key", issue(authority, {}).key), ca_path },
        /: the key in .*other\.key does not belong to /,
      ],
      [
        "expired",
        { cert_path: put("old.pem", expired.certificate), key_path: put("old.key", expired.key), ca_path },
        /old\.pem expired on /,
      ],
      [
        "no PEM",
        { cert_path, key_path, ca_path: put("junk.pem", "junk") },
        /: cannot read the certificate in .*junk\.pem: /,
      ],
    ] as const) {
      it(`TLS files that are ${what}: named, exit 2`, async () => {
        const registrar = new RegistrarUnderTest({
          ...servers(),
          nats_mtls_config: { enabled: true, ...files },
          routes: [route("never")],
        });
        assert.equal(await registrar.program.end(), 2);
        const { log_level, data } = registrar.lines("Exiting with error")[0]!;
        assert.equal(log_level, 3);
        assert.match(String(data?.["error"]), /^failed building NATS mTLS config: /);
        assert.match(String(data?.["error"]), reason);
        await registrar.stop();
      });
    }
  });
});

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
      ...servers(),
      routes: [route("My route", { registration_interval: "asdf" })],
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
    const registrar = new RegistrarUnderTest({ ...example, ...servers() });
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
