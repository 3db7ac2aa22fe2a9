import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { makeAuthority } from "../fixtures/certificates.ts";
import { decodeEnvelope } from "../fixtures/dropsonde.ts";
import { deadPort } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { get } from "./harness/connection.ts";
import { Program } from "./harness/program.ts";
import { startRouter, writeConfig, type Yaml } from "./harness/router.ts";
import { refusal } from "./harness/routing-api.ts";
import { ClientRig, table } from "./harness/routing-api-rig.ts";

let rig: ClientRig;
before(async () => {
  rig = await ClientRig.start();
});
after(async () => {
  await rig?.stop();
});

/** Runs a router that is not to start: its last line and exit code. */
async function failedStart(settings: Yaml): Promise<{ message: string; error: unknown; code: unknown }> {
  const program = new Program(["router", "-c", writeConfig(rig.folder, "embedded", settings)]);
  try {
    const code = await program.end();
    const line = JSON.parse(program.stdout.trimEnd().split("\n").at(-1)!) as {
      message: string;
      data?: { error?: unknown };
    };
    return { message: line.message, error: line.data?.error, code };
  } finally {
    await program.stop();
  }
}

describe("Routing API client: start-up (control-plane §7.2, §7.3)", () => {
  it("UAA down, tokens refused, API down, API refuses, wrong authority: exit 1 with the reason", async () => {
    rig.reset();
    const down = await deadPort();
    const noUaa = rig.config();
    const failed = await failedStart({ ...noUaa, oauth: { ...(noUaa["oauth"] as Yaml), port: down } });
    assert.deepEqual([failed.message, failed.code], ["routing-api-connection-failed", 1]);
    assert.match(String(failed.error), /^unable-to-fetch-token: .*connection refused/);

    rig.uaa.always = refusal(401, "unauthorized", "Bad credentials");
    assert.deepEqual(await failedStart(rig.config()), {
      message: "routing-api-connection-failed",
      error: "unable-to-fetch-token: UAA answered 401 to the request for a token",
      code: 1,
    });
    assert.equal(rig.uaa.calls.length, 4, "three more tries");
    rig.reset();
    const noApi = await failedStart(rig.config({ port: down }));
    assert.deepEqual([noApi.message, noApi.code], ["routing-api-connection-failed", 1]);
    assert.match(String(noApi.error), /connection refused/);
    rig.api.accepts = "another";
    assert.deepEqual(await failedStart(rig.config()), {
      message: "routing-api-connection-failed",
      error: "unauthorized",
      code: 1,
    });
    rig.reset();
    const wrong = await failedStart(rig.config({ ca_certs: makeAuthority("Stranger").certificate }));
    assert.deepEqual([wrong.message, wrong.code], ["routing-api-connection-failed", 1]);
    assert.match(String(wrong.error), /x509|certificate/);
    // The second token, after everything was put together.
    rig.uaa.instead.push(rig.uaa.serve);
    rig.uaa.always = refusal(500, "x", "x");
    assert.deepEqual(await failedStart(rig.config({}, { token_fetcher_max_retries: 0 })), {
      message: "unable-to-fetch-token",
      error: "UAA answered 500 to the request for a token",
      code: 1,
    });
  });

  it("oauth.port 0, a CA file that is not there or holds none: initialize-uaa-client, exit 1", async () => {
    rig.reset();
    const settings = rig.config();
    const oauth = settings["oauth"] as Yaml;
    const start = (changes: Yaml) => failedStart({ ...settings, oauth: { ...oauth, ...changes } });
    assert.deepEqual(await start({ port: 0 }), {
      message: "initialize-uaa-client",
      error: "tls-not-enabled: UAA client requires TLS enabled",
      code: 1,
    });
    assert.deepEqual(await start({ ca_certs: "/nowhere/ca.pem" }), {
      message: "initialize-uaa-client",
      error: "failed to read ca cert file: open /nowhere/ca.pem: no such file or directory",
      code: 1,
    });
    writeFileSync(join(rig.folder, "empty.pem"), "nothing\n");
    const { error } = await start({ ca_certs: join(rig.folder, "empty.pem") });
    assert.equal(error, "unable to load caCert");
  });

  it("auth_disabled: no UAA, `bearer` alone, one line per client with the source as configured", async () => {
    rig.reset();
    rig.api.listed = [rig.route("open.test")];
    const router = await startRouter("embedded", rig.config({ auth_disabled: true }));
    try {
      await table(router, "open.test", rig.backend.port);
      const lines = (await router.settledLogLines()).filter(({ message }) => message === "using-noop-token-fetcher");
      assert.deepEqual(
        lines.map(({ source, log_level }) => [source, log_level]),
        [
          ["", 1],
          ["", 1],
        ],
      );
      assert.equal(rig.uaa.calls.length, 0);
      assert.deepEqual([...new Set(rig.api.calls.map(({ headers }) => headers.authorization))], ["bearer"]);
    } finally {
      await router.stop();
    }
  });

  it("UAA of an authority that nobody knows: refused, unless skip_ssl_validation; tokens end early by the buffer", async () => {
    rig.reset();
    const settings = rig.config({}, { token_fetcher_expiration_buffer_time: 3600, token_fetcher_max_retries: 0 });
    const oauth = (changes: Yaml): Yaml => ({
      ...settings,
      oauth: { ...(settings["oauth"] as Yaml), ca_certs: "", ...changes },
    });
    const { error, code } = await failedStart(oauth({}));
    assert.match(String(error), /^unable-to-fetch-token: .*(x509|certificate)/);
    assert.equal(code, 1);
    const router = await startRouter("embedded", oauth({ skip_ssl_validation: true }));
    try {
      // A token of 3600 s is never young enough: one for each list and stream.
      const lists = rig.api.count("routes");
      await condition("two more lists", () => (rig.api.count("routes") >= lists + 2 ? true : undefined));
      const used = rig.api.calls.map(({ headers }) => headers.authorization);
      assert.equal(new Set(used).size, used.length);
    } finally {
      await router.stop();
    }
  });

  it("routing_api.optional: starts without UAA and API, counts what fails, and takes the routes when they come", async () => {
    rig.reset();
    const counted: string[] = [];
    const agent = createSocket("udp4").on("message", (bytes) => {
      const { counterEvent } = decodeEnvelope(bytes);
      if (counterEvent != null) counted.push(`${counterEvent.name} ${counterEvent.delta}`);
    });
    await new Promise<void>((resolve) => agent.bind(0, "127.0.0.1", resolve));
    rig.api.listed = [rig.route("late.test")];
    rig.uaa.always = refusal(503, "x", "away");
    rig.api.always = refusal(503, "x", "away");
    const logging = { level: "debug", metron_address: `127.0.0.1:${agent.address().port}` };
    const router = await startRouter("embedded", rig.config({ optional: true }, { logging }));
    try {
      await router.program.logged("failed-to-fetch-token");
      await condition("the counter", () => (counted.includes("token_fetch_errors 1") ? true : undefined));
      assert.equal((await get(router.port, "late.test")).status, 404);
      rig.uaa.always = undefined;
      rig.api.always = undefined;
      await table(router, "late.test", rig.backend.port);
      assert.equal((await get(router.port, "late.test")).status, 200);
      await condition("a stream", () => (rig.api.streams === 1 ? true : undefined));
      rig.api.endStreams("end");
      await condition("the counter", () => (counted.includes("subscribe_events_errors 1") ? true : undefined));
    } finally {
      agent.close();
      await router.stop();
    }
  });
});
