import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { deadPort } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { RegistrarUnderTest } from "./harness/registrar.ts";
import { FakeRoutingApi, FakeUaa, refusal, type SeenCall } from "./harness/routing-api.ts";

let uaa: FakeUaa;
let api: FakeRoutingApi;

before(async () => {
  [uaa, api] = await Promise.all([FakeUaa.start(), FakeRoutingApi.start()]);
});
after(async () => {
  await Promise.all([uaa?.stop(), api?.stop()]);
});

const settings = (changes: object = {}): object => ({
  routing_api: {
    api_url: `${api.url}/base/`,
    oauth_url: uaa.url,
    client_id: "client",
    client_secret: "s/cret",
    ...changes,
  },
});

const tcp = (port: number, changes: object = {}): object => ({
  type: "tcp",
  host: "127.0.0.1",
  port,
  external_port: 60_000,
  router_group: "default-tcp",
  registration_interval: "10s",
  ...changes,
});

const creates = (): SeenCall[] => api.calls.filter(({ path }) => path.endsWith("/create"));
const reset = (): void => {
  for (const fake of [uaa, api]) {
    fake.calls.length = 0;
    fake.instead.length = 0;
    fake.always = undefined;
  }
  api.accepts = undefined;
};

/** Runs a registrar for as long as `use` takes, then stops it and expects exit code 0. */
async function running(
  config: object,
  use: (registrar: RegistrarUnderTest) => Promise<void>,
  args: string[] = [],
): Promise<void> {
  reset();
  const registrar = new RegistrarUnderTest(config, args);
  try {
    await use(registrar);
    const { code } = await registrar.stop(2000);
    assert.equal(code, 0, registrar.program.stdout);
  } finally {
    await registrar.program.stop();
  }
}

describe("route-registrar: TCP and SNI routes (route-registrar §11)", () => {
  it("token, group, create; delete at the end; bodies to the byte", async () => {
    const sni = { type: "sni", port: undefined, sni_port: 1235, sni_routable_san: "san.test" };
    const routes = [
      tcp(1234, { external_port: 5678, registration_interval: "100ns", health_check: undefined }),
      tcp(9, sni),
    ];
    // The first is told over and over: it must not keep the second waiting.
    await running(
      { ...settings(), routes },
      async (registrar) => {
        await condition("both mappings", () => (api.mappings.size === 2 ? true : undefined));
        const [plain, named] = [":1234,", ":1235,"].map((port) => creates().find(({ body }) => body.includes(port))!);
        assert.equal(
          plain!.body,
          '[{"router_group_guid":"group-guid","backend_port":1234,"backend_tls_port":-1,"backend_ip":"127.0.0.1","instance_id":"","port":5678,"modification_tag":{"guid":"","index":0},"ttl":1,"isolation_segment":""}]',
        );
        assert.equal(
          named!.body,
          '[{"router_group_guid":"group-guid","backend_port":1235,"backend_tls_port":-1,"backend_ip":"127.0.0.1","backend_sni_hostname":"san.test","instance_id":"","port":60000,"modification_tag":{"guid":"","index":0},"ttl":21,"isolation_segment":""}]',
        );
        assert.equal(uaa.calls.length, 1, "the token is kept");
        assert.equal(api.calls.filter(({ method }) => method === "GET").length, 1, "the group is kept");
        const { data } = await registrar.logged("Mapped new router group");
        assert.deepEqual(data, { guid: "group-guid", router_group: "default-tcp" });
        await registrar.logged("Upserted route");
        assert.equal(registrar.lines("creating routing API connection").length, 1);
        assert.doesNotMatch(registrar.program.stdout, /token-1|s\/cret/);
      },
      ["-logLevel", "debug"],
    );
    assert.equal(api.mappings.size, 0);
  });

  it("401: a new token, at once", async () => {
    await running({ ...settings(), routes: [tcp(2000)] }, async () => {
      api.accepts = `token-${Number(uaa.token.slice(6)) + 2}`;
      await condition("the mapping", () => (api.mappings.size === 1 ? true : undefined));
      assert.equal(uaa.calls.length, 2);
    });
    assert.equal(api.mappings.size, 0);
  });

  it("401 for ever, 503, garbage, a cut connection, no answer: logged, tried again, nobody dies", async () => {
    // 401 twice is one failure: the second answer is the one to a fresh token.
    const routes = [tcp(2001, { registration_interval: "1s" })];
    await running({ ...settings(), routes }, async (registrar) => {
      // The group is asked for first.
      api.instead.push(
        refusal(401, "UnauthorizedError", "x"),
        refusal(401, "UnauthorizedError", "x"),
        refusal(503, "DBCommunicationError", "m"),
        (_, response) => {
          response.writeHead(502).end("bad gateway");
        },
        (_, response) => {
          response.socket?.destroy();
        },
        () => {},
      );
      await condition("the mapping", () => (api.mappings.size === 1 ? true : undefined), 30_000);
      const errors = registrar.lines("Failed to make route mapping").map(({ data }) => data?.["error"]);
      assert.deepEqual(errors.slice(0, 3), ["unauthorized", "m", "bad gateway"]);
      // The cut connection had been used before: that call was sent once more without a word.
      assert.equal(errors.length, 4, String(errors));

      // And the same for a mapping (vector 13).
      api.instead.push(refusal(503, "DBCommunicationError", "m"));
      const { data, log_level } = await registrar.logged("Failed to upsert route mapping");
      assert.deepEqual([log_level, data?.["error"]], [2, "m"]);
      assert.equal((data?.["route-mapping"] as { backend_port: number }).backend_port, 2001);
      const count = creates().length;
      await condition("another try", () => (creates().length > count ? true : undefined));
    });
    assert.equal(api.mappings.size, 0);
  });

  it("UAA fails once, then four times: the route comes all the same (vector 9)", async () => {
    await running({ ...settings(), routes: [tcp(2002)] }, async (registrar) => {
      uaa.instead.push(
        (_, response) => {
          response.writeHead(500).end();
        },
        (_, response) => {
          response.end("[]");
        },
      );
      await condition("the mapping", () => (api.mappings.size === 1 ? true : undefined));
      const errors = registrar.lines("uaa-client.error-fetching-token").map(({ data }) => data?.["error"]);
      assert.deepEqual(errors, [
        "UAA answered 500 to the request for a token",
        "UAA's answer to the request for a token holds no access_token",
      ]);
      assert.equal(registrar.lines("token-error").length, 0);
    });
  });

  it("the lines of a registration, in order; UAA fails four times: `token-error`, and nothing else (vector 9)", async () => {
    const refused = refusal(500, "x", "x");
    await running({ ...settings(), routes: [tcp(2007)] }, async (registrar) => {
      uaa.instead.push(refused, refused, refused, refused);
      await registrar.logged("Registered routes successfully");
      const messages = registrar.program.logLines.map(({ message }) => message.replace("Route Registrar.", ""));
      assert.deepEqual(messages.slice(messages.indexOf("Registering route") + 1), [
        "refresh-token",
        ...Array<string>(4).fill("uaa-client.error-fetching-token"),
        "token-error",
        "refresh-token",
        "Creating mapping",
        "Mapped new router group",
        "Upserted route",
        "Registered routes successfully",
      ]);
    });
  });

  it("an unknown router group is named; a second route is not kept waiting; health decides here too", async () => {
    const health_check = { name: "h", script_path: "test -e {folder}/up" };
    const routes = [
      tcp(2003, { router_group: "nobody" }),
      tcp(2004),
      tcp(2005, { registration_interval: "300ms", health_check }),
    ];
    reset();
    const registrar = new RegistrarUnderTest({ ...settings(), routes });
    try {
      const live = (port: number): true | undefined =>
        [...api.mappings.values()].some((mapping) => mapping["backend_port"] === port) || undefined;
      await condition("the second route", () => live(2004));
      const { data } = await registrar.logged("Failed to make route mapping");
      assert.equal(data?.["error"], "router group 'nobody' not found");
      assert.equal(live(2005), undefined);
      registrar.write("up", "");
      await condition("the healthy route", () => live(2005));
      // The route of the unknown group cannot be taken back, which the exit code says; all others can.
      assert.equal((await registrar.stop()).code, 2);
      assert.equal(registrar.lines("Exiting with error")[0]?.data?.["error"], "router group 'nobody' not found");
      assert.equal(api.mappings.size, 0);
    } finally {
      await registrar.program.stop();
    }
  });

  it("a Routing API that never answers: SIGTERM ends within 2 s all the same, exit 2", async () => {
    reset();
    api.always = () => {};
    const registrar = new RegistrarUnderTest({ ...settings(), routes: [tcp(2006)] });
    await condition("a call", () => (api.calls.length > 0 ? true : undefined));
    const { code } = await registrar.stop(2000);
    assert.equal(code, 2);
    assert.match(
      String(registrar.lines("Exiting with error")[0]?.data?.["error"]),
      /^1 TCP routes could not be unregistered/,
    );
  });
});

describe("route-registrar: TLS towards UAA and Routing API (route-registrar §2.2, §4.4)", () => {
  const authority = makeAuthority();
  const server = issue(authority, { ips: ["127.0.0.1"] });
  const identity = issue(authority, { commonName: "registrar", client: true });
  const files = { ca_certs: "{folder}/ca.pem" };
  const apiFiles = {
    client_cert_path: "{folder}/client.pem",
    client_private_key_path: "{folder}/client.key",
    server_ca_cert_path: "{folder}/ca.pem",
  };
  let secureUaa: FakeUaa;
  let secureApi: FakeRoutingApi;

  before(async () => {
    [secureUaa, secureApi] = await Promise.all([
      FakeUaa.start(server),
      FakeRoutingApi.start({ ...server, authority: authority.certificate }),
    ]);
  });
  after(async () => {
    await Promise.all([secureUaa?.stop(), secureApi?.stop()]);
  });

  /** Starts a registrar whose folder holds the files. */
  function start(changes: object): RegistrarUnderTest {
    const routes = [tcp(3000)];
    const urls = { api_url: `${secureApi.url}/base`, oauth_url: secureUaa.url };
    return new RegistrarUnderTest({ ...settings({ ...urls, ...apiFiles, ...changes }), routes }, [], (folder) => {
      const put = (name: string, text: string): void => writeFileSync(join(folder, name), text);
      put("ca.pem", authority.certificate);
      put("client.pem", identity.certificate);
      put("client.key", identity.key);
      put("junk.pem", "junk");
    });
  }

  it("mutual TLS with the API, own authority for UAA", async () => {
    const registrar = start(files);
    try {
      await condition("the mapping", () => (secureApi.mappings.size === 1 ? true : undefined));
      assert.equal((await registrar.stop()).code, 0);
      assert.equal(secureApi.mappings.size, 0);
    } finally {
      await registrar.program.stop();
    }
  });

  it("an unknown authority is told; skip_ssl_validation takes it for UAA", async () => {
    const strict = start({});
    const { data } = await strict.logged("uaa-client.error-fetching-token");
    assert.match(String(data?.["error"]), /x509: certificate signed by unknown authority$/);
    assert.equal((await strict.stop()).code, 2);
    const lax = start({ skip_ssl_validation: true });
    try {
      await condition("the mapping", () => (secureApi.mappings.size === 1 ? true : undefined));
      assert.equal((await lax.stop()).code, 0);
    } finally {
      await lax.program.stop();
    }
  });

  for (const [changes, text] of [
    [{ ca_certs: "/absent.pem" }, "Failed to read ca cert file: open /absent.pem: no such file or directory"],
    [{ ca_certs: "{folder}/junk.pem" }, "Unable to load caCert"],
    [
      { oauth_url: "http://%zz:1" },
      'Could not parse RoutingAPI OAuth URL: parse "http://%zz:1": invalid URL escape "%zz"',
    ],
    [
      { oauth_url: "https://uaa.example" },
      'RoutingAPI OAuth port () not an integer: strconv.ParseUint: parsing "": invalid syntax',
    ],
  ] as const) {
    it(`${JSON.stringify(changes)}: one line on standard error, exit 1`, async () => {
      const registrar = start(changes);
      assert.equal(await registrar.program.end(), 1);
      assert.equal(registrar.program.stderr.replace(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /, ""), `${text}\n`);
      await registrar.stop();
    });
  }

  it("a key file of the API that is none: a fatal line, exit 2", async () => {
    const registrar = start({ ...files, client_private_key_path: "{folder}/junk.pem" });
    assert.equal(await registrar.program.end(), 2);
    const { data } = registrar.lines("failed-to-create-tls-config")[0]!;
    assert.match(String(data?.["error"]), /^cannot read the key in .*junk\.pem: /);
    await registrar.stop();
  });

  it("nobody listens: told, exit code 2 within 2 s at SIGTERM", async () => {
    const port = await deadPort();
    const registrar = start({ ...files, oauth_url: `https://127.0.0.1:${port}` });
    const { data } = await registrar.logged("uaa-client.error-fetching-token");
    assert.equal(data?.["error"], `dial tcp 127.0.0.1:${port}: connect: connection refused`);
    const { code } = await registrar.stop(2000);
    assert.equal(code, 2);
  });
});
