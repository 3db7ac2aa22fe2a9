import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { certificatesOf, readCertificate } from "../../../../src/core/x509/certificate.ts";
import { type DistinguishedName, nameText } from "../../../../src/core/x509/distinguished-name.ts";
import { pemBlocks, withoutPrivateKeys } from "../../../../src/core/x509/pem.ts";
import { issue, makeAuthority } from "../../../fixtures/certificates.ts";

const authority = makeAuthority("Test Authority");
const notAfter = new Date(Date.UTC(2049, 4, 6, 7, 8, 9));
const leaf = issue(authority, { names: ["a.test"], units: ["app:1", "space:2"], notAfter });

describe("certificates (RFC 5280)", () => {
  it("are read: names, validity, whether they are authorities", () => {
    const [facts] = certificatesOf(leaf.certificate);
    assert.ok(facts);
    assert.equal(nameText(facts.subject), "CN=a.test,OU=app:1+OU=space:2");
    assert.equal(nameText(facts.issuer), "CN=Test Authority");
    assert.equal(facts.isAuthority, false);
    assert.equal(facts.notAfter, notAfter.getTime());
    assert.ok(facts.notBefore < Date.now());
    assert.equal(certificatesOf(authority.certificate)[0]?.isAuthority, true);
  });

  it("are found among broken neighbours and other text", () => {
    const broken = "-----BEGIN CERTIFICATE-----\nMIICtTCC\n-----END CERTIFICATE-----\n";
    const text = `# comment\r\n${broken}${leaf.certificate}\n${leaf.key}${authority.certificate}`;
    const found = certificatesOf(text).map(({ subject }) => nameText(subject));
    assert.deepEqual(found, ["CN=a.test,OU=app:1+OU=space:2", "CN=Test Authority"]);
    assert.deepEqual(certificatesOf("no PEM at all"), []);
  });

  it("cut at any byte are refused, and never read past their end", () => {
    const [block] = pemBlocks(leaf.certificate);
    assert.ok(block);
    for (let length = 0; length < block.der.length; length++) {
      assert.throws(() => readCertificate(block.der.subarray(0, length)), { message: "x509: malformed certificate" });
    }
  });
});

describe("PEM texts (RFC 7468)", () => {
  it("have blocks, with header lines or without", () => {
    const encrypted =
      "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n\nAAAA\n-----END RSA PRIVATE KEY-----";
    const blocks = pemBlocks(`${leaf.certificate}${encrypted}\n-----BEGIN X-----\n*\n-----END X-----\n`);
    assert.deepEqual(
      blocks.map(({ type, headers }) => [type, headers]),
      [
        ["CERTIFICATE", false],
        ["RSA PRIVATE KEY", true],
      ],
    );
    assert.deepEqual([...blocks[1]!.der], [0, 0, 0]);
  });

  it("lose their private keys before they are shown, complete or not", () => {
    const cut = leaf.key.slice(0, 60);
    assert.equal(
      withoutPrivateKeys(`a\n${leaf.key}b\n${cut}`),
      "a\n[private key not shown]\nb\n[private key not shown]",
    );
    assert.equal(withoutPrivateKeys(leaf.certificate), leaf.certificate);
  });
});

describe("names as texts", () => {
  const empty: DistinguishedName = {
    common_name: "",
    serial_number: "",
    country: [],
    organization: [],
    organizational_unit: [],
    locality: [],
    province: [],
    street_address: [],
    postal_code: [],
  };
  it("stand last attribute first, several values joined, special characters escaped (RFC 2253)", () => {
    assert.equal(nameText(empty), "");
    const name = { ...empty, common_name: "myca", organization: ["acme"], country: ["US"] };
    assert.equal(nameText(name), "CN=myca,O=acme,C=US");
    const full: DistinguishedName = {
      common_name: " a,b+c",
      serial_number: "7",
      country: ["DE", "FR"],
      organization: ['"x"'],
      organizational_unit: ["#u"],
      locality: ["l "],
      province: ["p"],
      street_address: ["s;t"],
      postal_code: ["1"],
    };
    assert.equal(
      nameText(full),
      'SERIALNUMBER=7,CN=\\ a\\,b\\+c,POSTALCODE=1,STREET=s\\;t,ST=p,L=l\\ ,OU=\\#u,O=\\"x\\",C=DE+C=FR',
    );
  });
});
