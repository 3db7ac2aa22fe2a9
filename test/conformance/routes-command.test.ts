import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { deadPort } from "./harness/backend.ts";
import { Program } from "./harness/program.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

describe("causeway routes", () => {
  let router: RouterUnderTest;
  let folder: string;
  let config: string;
  before(async () => {
    router = await startRouter("embedded");
    folder = mkdtempSync(join(tmpdir(), "causeway-routes-"));
    config = join(folder, "gorouter.yml");
    writeFileSync(config, `status: {user: user, pass: pass, routes: {port: ${router.routesPort}}}\n`);
    await router.register({ uris: ["api.test", "api.test/v2"], port: 81, tags: { app_id: "a-1", component: "api" } });
    const secure = { uris: ["db.test"], tls_port: 443, server_cert_domain_san: "x", private_instance_id: "i-9" };
    await router.register(secure);
  });
  after(async () => {
    await router?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const ran = async (...args: string[]): Promise<[number | string, string, string]> => {
    const program = new Program(["routes", ...args]);
    return [await program.end(), program.stdout, program.stderr];
  };

  it("prints a table", async () => {
    const [code, text] = await ran("-c", config);
    assert.equal(code, 0);
    assert.equal(
      text,
      "ROUTE        ENDPOINT       PROTOCOL   TTL   ZONE  INSTANCE  TAGS\n" +
        "api.test     127.0.0.1:81   http1      120s                  app_id=a-1 component=api\n" +
        "api.test/v2  127.0.0.1:81   http1      120s                  app_id=a-1 component=api\n" +
        "db.test      127.0.0.1:443  http1+tls  120s        i-9\n",
    );
  });

  it("prints JSON, and filters by host, app and endpoint", async () => {
    const keys = async (...args: string[]): Promise<string[]> => {
      const [code, text] = await ran("-c", config, "--json", ...args);
      assert.equal(code, 0);
      return Object.keys(JSON.parse(text) as object);
    };
    assert.deepEqual(await keys(), ["api.test", "api.test/v2", "db.test"]);
    assert.deepEqual(await keys("--host", "API.test/v"), ["api.test/v2"]);
    assert.deepEqual(await keys("--app", "i-9"), ["db.test"]);
    assert.deepEqual(await keys("--app", "a-1", "--host", "v2"), ["api.test/v2"]);
    assert.deepEqual(await keys("--endpoint", ":443"), ["db.test"]);
    assert.deepEqual(await keys("--endpoint", ":9"), []);
  });

  it("says what to do when the router cannot be asked", async () => {
    const port = await deadPort();
    const [code, , unreachable] = await ran("-c", config, "--port", String(port));
    assert.equal(code, 1);
    assert.match(unreachable, new RegExp(`cannot reach http://127\\.0\\.0\\.1:${port}/routes: is the router running`));
    const wrong = join(folder, "wrong.yml");
    writeFileSync(wrong, `status: {user: user, pass: guess, routes: {port: ${router.routesPort}}}\n`);
    const [refused, , text] = await ran("-c", wrong);
    assert.equal(refused, 1);
    assert.match(text, /refuses status\.user and status\.pass/);
    assert.doesNotMatch(text, /guess/);
  });
});
