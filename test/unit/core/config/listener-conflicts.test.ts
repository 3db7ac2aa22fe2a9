import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as v from "valibot";
import { listenerConflicts } from "../../../../src/core/config/listener-conflicts.ts";
import { ConfigSchema } from "../../../../src/core/config/schema.ts";

const conflicts = (config: object): string[] =>
  listenerConflicts(v.parse(ConfigSchema, config)).map(({ key, message }) => `${key}: ${message}`);

describe("ports that two listeners have", () => {
  it("are none in the defaults, nor where the configuration asks for free ones", () => {
    assert.deepEqual(conflicts({}), []);
    assert.deepEqual(conflicts({ port: 0, status: { port: 0, routes: { port: 0 } } }), []);
  });

  it("are told at the key of the second one, once for each listener", () => {
    assert.deepEqual(conflicts({ port: 8080, enable_ssl: true, ssl_port: 8080, status: { port: 8080 } }), [
      "ssl_port: port 8080 is that of port already; give it another one",
      "status.port: port 8080 is that of port already; give it another one",
    ]);
    assert.deepEqual(conflicts({ prometheus: { enabled: true, port: 7070 } }), [
      "prometheus.port: port 7070 is that of route_services_internal_server_port already; give it another one",
    ]);
  });

  it("matter only to listeners that there are", () => {
    assert.deepEqual(conflicts({ port: 443, status: { tls: { port: 8081 } }, prometheus: { port: 7070 } }), []);
    assert.deepEqual(conflicts({ port: 8080, status: { enable_nontls_health_checks: false } }), []);
    assert.deepEqual(conflicts({ disable_http: true, port: 8080, enable_ssl: true }), []);
  });

  it("may be shared by addresses that do not overlap", () => {
    const shared = { port: 8082, status: { routes: { port: 8082 } } };
    assert.deepEqual(conflicts({ ...shared, listen_host: "10.0.0.1" }), []);
    for (const listen_host of ["", "0.0.0.0", "::", "127.0.0.1"]) {
      assert.equal(conflicts({ ...shared, listen_host }).length, 1, listen_host);
    }
  });
});
