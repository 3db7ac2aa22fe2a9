import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Backend, ok } from "./harness/backend.ts";
import { get } from "./harness/connection.ts";
import { Program } from "./harness/program.ts";
import { type RouterUnderTest, startRouter, writeConfig, type Yaml } from "./harness/router.ts";

describe("the program with listener: native", () => {
  let backend: Backend;
  let router: RouterUnderTest;
  before(async () => {
    backend = await Backend.start(() => ok("hello"));
    router = await startRouter("embedded", { listener: "native" });
    await router.register({ port: backend.port, uris: ["native.test"] });
  });
  after(async () => {
    await router.stop();
    await backend.stop();
  });

  it("routes and logs", async () => {
    const answer = await get(router.port, "native.test", "/x");
    assert.equal(answer.body, "hello");
    assert.match(await router.accessLogged((line) => line.startsWith("native.test")), /"GET \/x HTTP\/1\.1" 200 0 5 /);
  });

  it("answers an unknown route as ever", async () => {
    const answer = await get(router.port, "nobody.test");
    assert.deepEqual([answer.status, answer.header("x-cf-routererror")], [404, "unknown_route"]);
  });

  it("does not count the listener among the keys that do nothing", () => {
    const told = router.program.logLines.find(({ message }) => message === "config-keys-not-yet-acting");
    assert.ok(!JSON.stringify(told ?? "").includes('"listener"'));
  });

  it("drains on SIGUSR1 and ends with 0", async () => {
    const other = await startRouter("embedded", { listener: "native", drain_wait: "0s", drain_timeout: "5s" });
    await other.nats.close();
    assert.equal(await other.program.stop("SIGUSR1"), 0);
    await other.stop();
  });
});

describe("a configuration that a native listener cannot honour", () => {
  /** Runs the program with `config` to its end; gives exit code and the error of its log line. */
  async function refused(config: Yaml): Promise<{ code: number | string; error: unknown }> {
    const folder = mkdtempSync(join(tmpdir(), "causeway-native-"));
    const program = new Program(["router", "-c", writeConfig(folder, "embedded", { listener: "native", ...config })]);
    const code = await program.end();
    rmSync(folder, { recursive: true, force: true });
    const line = program.logLines.find(({ message }) => message === "Error loading config:");
    return { code, error: line?.data?.["error"] };
  }

  it("does not start, and names the keys", async () => {
    const { code, error } = await refused({ client_cert_validation: "require", enable_proxy: true });
    assert.equal(code, 1);
    assert.equal(
      error,
      "listener: native cannot honour client_cert_validation, enable_proxy; use listener: wire, or take these keys out",
    );
  });
});
