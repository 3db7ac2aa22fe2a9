import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { defaultConfig } from "../../../src/core/config/assemble.ts";
import { cipherSuiteNames, openSslCipherNames } from "../../../src/core/config/cipher-suites.ts";
import type { Config } from "../../../src/core/config/schema.ts";
import { Endpoint } from "../../../src/core/routing/endpoint.ts";
import { backendTls } from "../../../src/wire/backend-tls.ts";
import { serviceTls } from "../../../src/wire/service-tls.ts";

const { config } = defaultConfig();
const tlsConfig: Config = {
  ...config,
  enable_ssl: true,
  cipher_suites: "RC4-SHA:TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256",
  min_tls_version: "TLSv1.3",
  max_tls_version: "TLSv1.3",
  skip_ssl_validation: true,
  ca_certs: ["AUTHORITY"],
  backends: { ...config.backends, cert_chain: "BACKEND CHAIN", private_key: "BACKEND KEY" },
  route_services: { ...config.route_services, cert_chain: "SERVICE CHAIN", private_key: "SERVICE KEY" },
};
const endpoint = (host: string, serverCertDomainSan = ""): Endpoint =>
  new Endpoint({ host, port: 443, tls: true, serverCertDomainSan });

describe("TLS to backends and route services as configured (data-plane §7.3, §7.4)", () => {
  it("backends: own trust and certificate, suites of the list, neither versions nor skip_ssl_validation", () => {
    const { handshakeTimeoutMs, ...tls } = backendTls(tlsConfig)(endpoint("10.0.0.1", "app-1"));
    assert.equal(handshakeTimeoutMs, tlsConfig.tls_handshake_timeout);
    assert.deepEqual(tls, {
      serverName: "app-1",
      authorities: ["AUTHORITY"],
      trustSystem: true,
      ciphers: ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "RC4-SHA"],
      keyPair: { certificate: "BACKEND CHAIN", key: "BACKEND KEY" },
    });
  });

  for (const [configured, limit] of [
    [10_000, 10_000],
    [0, 2 ** 31 - 1],
    [3_600_000_000, 2 ** 31 - 1],
    [-1000, 0],
  ] as const) {
    it(`backends: a tls_handshake_timeout of ${configured} ms, where 0 is none`, () => {
      const { handshakeTimeoutMs } = backendTls({ ...tlsConfig, tls_handshake_timeout: configured })(endpoint("h"));
      assert.equal(handshakeTimeoutMs, limit);
    });
  }

  for (const [host, san, name] of [
    ["10.0.0.1", "", "10.0.0.1"],
    ["[2001:db8::1]", "", "2001:db8::1"],
    ["app.internal", "", "app.internal"],
    ["app.internal", "app-1", "app-1"],
  ] as const) {
    it(`backends: the name of ${host} with the SAN "${san}" is ${name}`, () => {
      assert.equal(backendTls(tlsConfig)(endpoint(host, san)).serverName, name);
    });
  }

  it("services: the listener's versions, skip_ssl_validation, a certificate of their own, no ALPN, the URL's host", () => {
    const { handshakeTimeoutMs, ...tls } = serviceTls(tlsConfig)(endpoint("service.test", "app-1"));
    assert.ok(handshakeTimeoutMs);
    assert.deepEqual(tls, {
      serverName: "service.test",
      authorities: ["AUTHORITY"],
      trustSystem: true,
      verify: false,
      minVersion: "TLSv1.3",
      maxVersion: "TLSv1.3",
      keyPair: { certificate: "SERVICE CHAIN", key: "SERVICE KEY" },
    });
  });
});

describe("names of cipher suites (data-plane §7.2)", () => {
  for (const [openSsl, ...rfc] of [
    ["RC4-SHA", "TLS_RSA_WITH_RC4_128_SHA"],
    ["DES-CBC3-SHA", "TLS_RSA_WITH_3DES_EDE_CBC_SHA"],
    ["AES128-SHA", "TLS_RSA_WITH_AES_128_CBC_SHA"],
    ["AES256-SHA", "TLS_RSA_WITH_AES_256_CBC_SHA"],
    ["AES128-SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA256"],
    ["AES128-GCM-SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256"],
    ["AES256-GCM-SHA384", "TLS_RSA_WITH_AES_256_GCM_SHA384"],
    ["ECDHE-ECDSA-RC4-SHA", "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA"],
    ["ECDHE-ECDSA-AES128-SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"],
    ["ECDHE-ECDSA-AES256-SHA", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"],
    ["ECDHE-RSA-RC4-SHA", "TLS_ECDHE_RSA_WITH_RC4_128_SHA"],
    ["ECDHE-RSA-DES-CBC3-SHA", "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"],
    ["ECDHE-RSA-AES128-SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"],
    ["ECDHE-RSA-AES256-SHA", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"],
    ["ECDHE-ECDSA-AES128-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"],
    ["ECDHE-RSA-AES128-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"],
    ["ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
    ["ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"],
    ["ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"],
    ["ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"],
    [
      "ECDHE-RSA-CHACHA20-POLY1305",
      "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
      "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    ],
    [
      "ECDHE-ECDSA-CHACHA20-POLY1305",
      "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
      "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    ],
  ] as const) {
    it(`${openSsl} is ${rfc.join(" or ")}`, () => {
      for (const name of [openSsl, ...rfc]) {
        assert.ok(cipherSuiteNames.has(name), name);
        assert.deepEqual(openSslCipherNames(name), [openSsl]);
      }
      assert.deepEqual(openSslCipherNames([...rfc, openSsl].join(":")), [openSsl]);
    });
  }

  for (const name of ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]) {
    it(`${name} may be named, and is on in any case`, () => {
      assert.ok(cipherSuiteNames.has(name));
      assert.deepEqual(openSslCipherNames(name), []);
    });
  }
});
