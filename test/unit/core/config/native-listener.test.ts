import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig } from "../../../../src/cli/load-config.ts";
import { ConfigError } from "../../../../src/core/config/config-error.ts";

function refusal(document: string): string | undefined {
  try {
    loadConfig(document);
    return undefined;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

const names = (keys: string): string =>
  `listener: native cannot honour ${keys}; use listener: wire, or take these keys out`;

describe("configuration with listener native", () => {
  for (const line of [
    "enable_ssl: true",
    "client_cert_validation: require",
    "enable_verify_client_certificate_metadata: true",
    "forwarded_client_cert: forward",
    "forwarded_client_cert: sanitize_set",
    "enable_proxy: true",
    "frontend_idle_timeout: 5s",
    "read_header_timeout: 1s",
    "max_request_header_bytes: 20000",
    "max_request_headers: 10",
    "enable_http1_concurrent_read_write: true",
    "connect: {enabled: true, routes: [a.b]}",
  ]) {
    it(`refuses ${line}, which listener wire takes`, () => {
      assert.equal(refusal(`listener: native\n${line}`), names(line.split(":")[0]!));
      if (line !== "enable_ssl: true") assert.equal(refusal(`listener: wire\n${line}`), undefined);
    });
  }

  it("names every key at once", () => {
    const document =
      "enable_proxy: true\nlistener: native\nenable_ssl: true\nclient_cert_validation: request\n" +
      "forwarded_client_cert: forward";
    assert.equal(refusal(document), names("enable_ssl, client_cert_validation, forwarded_client_cert, enable_proxy"));
  });

  it("takes the defaults of the BOSH job, and what asks for nothing", () => {
    const document =
      "listener: native\nfrontend_idle_timeout: 900s\nread_header_timeout: 0s\nclient_cert_validation: request\n" +
      "forwarded_client_cert: always_forward\nmax_request_header_bytes: 8192\nconnect: {enabled: false}\nenable_proxy: false\nenable_ssl: false";
    assert.equal(refusal(document), undefined);
  });
});
