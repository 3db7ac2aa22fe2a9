import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { certificatesOf } from "../../../../src/core/x509/certificate.ts";
import type { DistinguishedName } from "../../../../src/core/x509/distinguished-name.ts";
import { SubjectRules } from "../../../../src/core/x509/subject-rules.ts";
import { issue, makeAuthority } from "../../../fixtures/certificates.ts";

const noName: DistinguishedName = {
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
const named = (common_name: string, ...organizational_unit: string[]): DistinguishedName => ({
  ...noName,
  common_name,
  organizational_unit,
});

const root = makeAuthority("Root");
const other = makeAuthority("Other");
const middle = makeAuthority("Middle", root);
const trusted = [root, other].flatMap(({ certificate }) => certificatesOf(certificate));
const good = issue(middle, { names: ["good"], units: ["a", "b"], client: true });
const stranger = issue(other, { names: ["good"], client: true });

describe("subject rules (control-plane §1.2)", () => {
  const rule = (issuer: DistinguishedName, ...valid_cert_subjects: DistinguishedName[]): SubjectRules =>
    new SubjectRules([{ issuer_in_chain: issuer, valid_cert_subjects }], trusted);

  for (const issuer of ["Middle", "Root"]) {
    it(`apply to an authority anywhere in the chain (${issuer})`, () => {
      const chain = certificatesOf(good.certificate);
      assert.equal(rule(named(issuer), named("x"), named("good", "a", "b")).fault(chain), undefined);
      const fault = rule(named(issuer), named("x")).fault(chain);
      assert.deepEqual([fault?.issuer, fault?.subject], [`CN=${issuer}`, "CN=good,OU=a+OU=b"]);
    });
  }

  it("do not apply to other chains", () => {
    assert.equal(rule(named("Root"), named("x")).fault(certificatesOf(stranger.certificate)), undefined);
  });

  it("compare whole subjects: order and number of values count", () => {
    const chain = certificatesOf(good.certificate);
    for (const subject of [named("good"), named("good", "b", "a"), named("good", "a"), named("")]) {
      assert.notEqual(rule(named("Root"), subject).fault(chain), undefined);
    }
  });

  it("let in who shows no certificate", () => {
    assert.equal(rule(named("Root"), named("x")).fault([]), undefined);
  });

  it("refuse when the chain cannot be followed to a trusted authority, as where a runtime hides what was sent", () => {
    const [leaf] = certificatesOf(good.certificate);
    assert.notEqual(rule(named("Root"), named("x")).fault([leaf!]), undefined);
    assert.equal(rule(named("Root"), named("good", "a", "b")).fault([leaf!]), undefined);
  });

  it("say what Gorouter says", () => {
    const issuer = { ...named("myca"), country: ["US"], organization: ["acme"] };
    const self = { ...certificatesOf(stranger.certificate)[0]!, issuer };
    const [anchor] = certificatesOf(root.certificate);
    const rules = new SubjectRules(
      [{ issuer_in_chain: issuer, valid_cert_subjects: [] }],
      [{ ...anchor!, subject: issuer, issuer }],
    );
    assert.equal(
      rules.fault([{ ...self, subject: named("localhost") }])?.message,
      'subject not in the list of allowed subjects for CA Subject {["US"] ["acme"] [] "myca" "" [] [] [] []}: "CN=localhost"',
    );
  });
});
