import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig } from "../../../../src/cli/load-config.ts";
import { inertByDesign, keysNotYetActing, notYetActing } from "../../../../src/core/config/not-yet-acting.ts";
import { configShape, type Shape } from "../../../../src/core/config/shape.ts";

describe("keys that do not act", () => {
  for (const key of [...Object.keys(notYetActing), ...Object.keys(inertByDesign)]) {
    it(`${key} is a key of the schema`, () => {
      let shape: Shape | undefined = configShape;
      for (const name of key.split(".")) shape = shape?.kind === "section" ? shape.entries.get(name) : undefined;
      assert.ok(shape);
    });
  }

  const listed = { go_max_procs: "some issue" };
  const told = (document: string | undefined) => keysNotYetActing(loadConfig(document).config, listed);

  it("are told about when they are set, but not when they are given a default", () => {
    const document = "enable_http2: true\ngo_max_procs: 3\nprometheus: {port: 9, meters: {}}\nport: 9\npid_file: x";
    assert.deepEqual(told(document), ["go_max_procs"]);
    assert.deepEqual(told("route_latency_metric_muzzle_duration: 30s"), []);
  });

  it("are told about: client certificates that `domains` asks for and nobody demands", () => {
    const { config } = loadConfig("domains: [{domain: a.test, ca_certs: pem}]");
    assert.deepEqual(keysNotYetActing(config), ["domains"]);
  });

  it("are not told about because of derived values, or without a file", () => {
    assert.deepEqual(told("min_tls_version: TLSv1.2"), []);
    assert.deepEqual(told("min_tls_version: TLSv1.2\ngo_max_procs: 3"), ["go_max_procs"]);
    assert.deepEqual(told(undefined), []);
  });
});
