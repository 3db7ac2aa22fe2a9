import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig } from "../../../src/cli/load-config.ts";
import { serverOptions, transportOptions } from "../../../src/native/wire-options.ts";

const server = (document: string) => serverOptions(loadConfig(document).config);
const transport = (document: string) => transportOptions(loadConfig(document).config);

describe("what the wire is told of the configuration (data-plane §4.7)", () => {
  it("client connections", () => {
    const { idleTimeoutMs, readHeaderTimeoutMs } = server("");
    assert.deepEqual([idleTimeoutMs, readHeaderTimeoutMs], [900_000, 0]);
    const set = server("{frontend_idle_timeout: 7s, read_header_timeout: 3s}");
    assert.deepEqual([set.idleTimeoutMs, set.readHeaderTimeoutMs], [7_000, 3_000]);
    const negative = server("{frontend_idle_timeout: -1s, read_header_timeout: -1s}");
    assert.deepEqual([negative.idleTimeoutMs, negative.readHeaderTimeoutMs], [0, 0]);
  });

  it("connections to backends", () => {
    const { dialTimeoutMs, keepAliveProbeMs, keepAlive, maxIdle, maxIdlePerEndpoint } = transport("");
    assert.deepEqual(
      [dialTimeoutMs, keepAliveProbeMs, keepAlive, maxIdle, maxIdlePerEndpoint],
      [5000, 1000, false, 100, 2],
    );
    const set = transport(`
      endpoint_dial_timeout: 2s
      endpoint_keep_alive_probe_interval: 4s
      disable_keep_alives: false
      max_idle_conns: 7
      max_idle_conns_per_host: 3
      max_response_header_bytes: 9000
      max_response_headers: 50
    `);
    assert.deepEqual(
      [set.dialTimeoutMs, set.keepAliveProbeMs, set.keepAlive, set.maxIdle, set.maxIdlePerEndpoint],
      [2000, 4000, true, 7, 3],
    );
    assert.deepEqual([set.maxResponseHeadBytes, set.maxResponseHeaderLines], [9000, 50]);
  });
});
