import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { keyPairFault } from "../../../../src/core/x509/key-pair.ts";
import { issue, makeAuthority } from "../../../fixtures/certificates.ts";

const authority = makeAuthority();
const { certificate, key } = issue(authority, { names: ["a.test"] });
const parameters = "-----BEGIN EC PARAMETERS-----\nAAAA\n-----END EC PARAMETERS-----\n";
const broken = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
const fits = () => undefined;

describe("key pairs (notes of control-plane §1.3)", () => {
  const rows: readonly (readonly [string, string, string, string])[] = [
    ["no certificate", "", key, "tls: failed to find any PEM data in certificate input"],
    ["no PEM", "text", key, "tls: failed to find any PEM data in certificate input"],
    [
      "a key for a certificate",
      key,
      key,
      "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched",
    ],
    [
      "other blocks for a certificate",
      parameters + key,
      key,
      'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [EC PARAMETERS PRIVATE KEY]',
    ],
    ["no key", certificate, "", "tls: failed to find any PEM data in key input"],
    [
      "a certificate for a key",
      certificate,
      certificate,
      "tls: found a certificate rather than a key in the PEM for the private key",
    ],
    [
      "other blocks for a key",
      certificate,
      parameters,
      'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: [EC PARAMETERS]',
    ],
    ["a broken certificate", broken, key, "x509: malformed certificate"],
  ];
  for (const [name, chain, privateKey, message] of rows) {
    it(name, () => assert.equal(keyPairFault(chain, privateKey, fits), message));
  }

  it("the leaf and the key are matched, without what stands around them", () => {
    const seen: string[] = [];
    const match = (...texts: string[]): undefined => {
      seen.push(...texts.map((text) => text.trim()));
    };
    assert.equal(keyPairFault(certificate + authority.certificate, parameters + key, match), undefined);
    assert.deepEqual(seen, [certificate.trim(), key.trim()]);
  });

  for (const [fault, message] of [
    ["unreadable", "tls: failed to parse private key"],
    ["kind", "tls: private key type does not match public key type"],
    ["key", "tls: private key does not match public key"],
  ] as const) {
    it(fault, () =>
      assert.equal(
        keyPairFault(certificate, key, () => fault),
        message,
      ),
    );
  }
});
