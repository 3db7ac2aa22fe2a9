import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type StartFacts, startBlock } from "../../../../src/cli/router/start-block.ts";

const on = (port: number, host = "") => ({ host, port });

const lines = (facts: Partial<StartFacts>): string[] =>
  startBlock({
    runtime: "bun 1.4.5",
    http: on(8081),
    https: undefined,
    health: on(8080),
    tlsHealth: undefined,
    routes: on(8082, "127.0.0.1"),
    bus: ["nats://127.0.0.1:4222"],
    busLogin: { certificate: false, user: "" },
    embedded: false,
    routingApi: undefined,
    ...facts,
  }).split("\n");

const registration = (facts: Partial<StartFacts>): string => lines(facts).at(-3)!.trim();

describe("start block", () => {
  it("names every listener that is there, with addresses to type", () => {
    assert.deepEqual(lines({ https: on(443, "::1"), health: undefined, tlsHealth: on(8443, "0.0.0.0") }).slice(1, 6), [
      "  http    http://127.0.0.1:8081",
      "  https   https://[::1]:443",
      "  health  https://127.0.0.1:8443/health",
      "  routes  http://127.0.0.1:8082/routes",
      "  bus     nats://127.0.0.1:4222",
    ]);
  });

  it("says how to bring an app, as the bus wants it, and never the password", () => {
    const bus = ["nats://10.0.0.9:4222"];
    const command = "npx causeway register --uri app.localhost --port 3000";
    assert.equal(registration({}), command);
    assert.equal(registration({ bus }), `${command} --nats nats://10.0.0.9:4222`);
    assert.equal(
      registration({ bus, busLogin: { certificate: false, user: "n@ts" } }),
      `${command} --nats nats://n%40ts:PASSWORD@10.0.0.9:4222`,
    );
    assert.match(
      registration({ bus, busLogin: { certificate: true, user: "n" } }),
      /^publish router.register on nats:/,
    );
    const api = registration({ bus: [], routingApi: on(3000, "127.0.0.1") });
    assert.match(api, /^curl -d .* http:\/\/127\.0\.0\.1:3000\/routing\/v1\/routes$/);
  });
});
