import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type NatsServer, startNatsServer } from "../fixtures/nats-server.ts";
import { Backend, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { get } from "./harness/connection.ts";
import { BusWatch, busOf, httpRoute, processesWith, RegistrarUnderTest } from "./harness/registrar.ts";
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

const servers = (): object => busOf(nats.port);
const route = (name: string, changes: object = {}): object => httpRoute(name, backend.port, changes);

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
          "routes-config-watcher.caught-signal",
          "Unregistering route",
          "Unregistered routes successfully",
          "Exiting without error",
        ],
      );
      assert.deepEqual(registrar.lines("Caught signal")[0]?.data, { signal: 15 });
      assert.deepEqual(registrar.lines("routes-config-watcher.caught-signal")[0]?.data, { session: "1", signal: 15 });
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
      assert.deepEqual(messages.slice(-10), [
        "Caught signal",
        "Received signal; shutting down",
        "routes-config-watcher.caught-signal",
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
      const { code } = await registrar.stop(2000);
      assert.equal(code, 0);
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
    assert.deepEqual(
      registrar.program.logLines.slice(-4).map(({ message }) => message.replace("Route Registrar.", "")),
      [
        "routes-config-watcher.failed-to-glob-config-files",
        "routes-config-watcher.failed-to-discover-config-files",
        "config watcher failed",
        "Exiting with error",
      ],
    );
    await registrar.stop();
  });
});
