import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ClientTlsFacts } from "../../../../src/core/client.ts";
import { type Ask, RouterRig } from "../../../fixtures/fake-transport.ts";

type Lines = [string, string][];

const certificate = Uint8Array.of(0x30, 0xff, 0x00, 0x7f);
const ownValue = "MP8Afw==";
const tlsWith = (certificates: readonly Uint8Array[]): ClientTlsFacts => ({
  version: "TLSv1.2",
  cipher: "c",
  serverName: "",
  alpn: "",
  peerCertificates: certificates,
  verified: certificates.length > 0,
});

const clients = {
  "http client": undefined,
  "https client": tlsWith([]),
  "https client with certificate": tlsWith([certificate]),
} as const;
type ClientKind = keyof typeof clients;
const certificateHeader = "X-Forwarded-Client-Cert";
const protoHeader = "X-Forwarded-Proto";

/** What becomes of a received `X-Forwarded-Client-Cert` before the service (data-plane §1.4.13). */
const certificateAtService: Record<string, Record<ClientKind, "kept" | "gone" | "own">> = {
  always_forward: { "http client": "kept", "https client": "kept", "https client with certificate": "kept" },
  forward: { "http client": "gone", "https client": "gone", "https client with certificate": "kept" },
  sanitize_set: { "http client": "gone", "https client": "gone", "https client with certificate": "own" },
};
/** And of what the service sends back, before the backend. */
const certificateAtBackend: Record<string, Record<"http" | "https", "kept" | "gone">> = {
  always_forward: { http: "kept", https: "kept" },
  forward: { http: "gone", https: "gone" },
  sanitize_set: { http: "gone", https: "kept" },
};
/** `X-Forwarded-Proto` before the service, for an absent one and for `theirs` (§1.4.15); it stays that to the end. */
const protoAtService: Record<string, Record<"plain" | "tls", readonly [absent: string, given: string]>> = {
  "as received": { plain: ["http", "theirs"], tls: ["https", "theirs"] },
  sanitize_forwarded_proto: { plain: ["http", "http"], tls: ["https", "https"] },
  force_forwarded_proto_https: { plain: ["https", "https"], tls: ["https", "https"] },
};

/** Sends a request and gives the header lines that went out, where to, and the target. */
async function pass(rig: RouterRig, ask: Ask): Promise<{ address: string; target: string; lines: Lines }> {
  await rig.exchange(ask);
  const { address, target, lines } = rig.transport.sent.at(-1)!;
  return { address, target, lines };
}

function valuesOf(lines: Lines, name: string): string[] {
  return lines.filter(([other]) => other.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
}

const withoutHost = (lines: Lines): Lines => lines.filter(([name]) => name !== "Host");

for (const where of ["external", "internal"] as const) {
  for (const mode of Object.keys(certificateAtService)) {
    for (const proto of Object.keys(protoAtService)) {
      describe(`${where} service, forwarded_client_cert: ${mode}, X-Forwarded-Proto: ${proto}`, () => {
        const rig = new RouterRig({
          route_services_secret: "secret",
          route_services_hairpinning: where === "internal",
          forwarded_client_cert: mode,
          ...(proto === "as received" ? {} : { [proto]: true }),
        });
        rig.register("test.com", { routeServiceUrl: "https://rs.example.com/x" });
        if (where === "internal") rig.register("rs.example.com", { host: "10.0.0.9" });

        for (const [kind, tls] of Object.entries(clients) as [ClientKind, ClientTlsFacts | undefined][]) {
          for (const back of ["http", "https"] as const) {
            for (const given of [false, true]) {
              it(`${kind}, ${back} from the service, headers ${given ? "given" : "absent"}`, async () => {
                const received: Lines = given
                  ? [
                      [certificateHeader, "theirs"],
                      [protoHeader, "theirs"],
                    ]
                  : [];
                const lines: Lines = [["Host", "test.com"], ...received];
                const out = await pass(rig, { lines, ...(tls === undefined ? {} : { tls }) });
                assert.equal(out.address, where === "internal" ? "127.0.0.1:7070" : "rs.example.com:443");
                const fate = certificateAtService[mode]![kind];
                const certificateThere = fate === "own" ? [ownValue] : fate === "kept" && given ? ["theirs"] : [];
                const protoThere = [protoAtService[proto]![tls === undefined ? "plain" : "tls"][given ? 1 : 0]];
                assert.deepEqual(valuesOf(out.lines, certificateHeader), certificateThere, "XFCC at the service");
                assert.deepEqual(valuesOf(out.lines, protoHeader), protoThere, "XFP at the service");

                let atService = out.lines;
                if (where === "internal") {
                  const loop = { remoteAddress: "127.0.0.1", tls: tlsWith([Uint8Array.of(1)]), target: out.target };
                  const inner = await pass(rig, { ...loop, lines: out.lines });
                  assert.equal(inner.address, "10.0.0.9:8080");
                  assert.deepEqual(valuesOf(inner.lines, certificateHeader), certificateThere, "XFCC at the app");
                  assert.deepEqual(valuesOf(inner.lines, protoHeader), protoThere, "XFP at the app");
                  assert.deepEqual(valuesOf(inner.lines, "X-Forwarded-For"), ["10.1.1.1, 127.0.0.1"]);
                  assert.equal(valuesOf(inner.lines, "X-CF-Proxy-Signature").length, 1);
                  atService = inner.lines;
                }

                const answer = await pass(rig, {
                  lines: [["Host", "test.com"], ...withoutHost(atService)],
                  ...(back === "https" ? { tls: tlsWith([]) } : {}),
                });
                assert.equal(answer.address, "10.0.0.5:8080");
                const stays = certificateAtBackend[mode]![back] === "kept";
                assert.deepEqual(valuesOf(answer.lines, certificateHeader), stays ? certificateThere : []);
                assert.deepEqual(valuesOf(answer.lines, protoHeader), protoThere);
                for (const name of ["X-CF-Proxy-Signature", "X-CF-Proxy-Metadata", "X-CF-Forwarded-Url"]) {
                  assert.deepEqual(valuesOf(answer.lines, name), []);
                }
              });
            }
          }
        }

        it("a service that sends no X-Forwarded-Proto back has none added", async () => {
          const out = await pass(rig, { lines: [["Host", "test.com"]] });
          const lines = withoutHost(out.lines).filter(([name]) => name !== protoHeader);
          const answer = await pass(rig, { lines: [["Host", "test.com"], ...lines] });
          assert.deepEqual([answer.address, valuesOf(answer.lines, protoHeader)], ["10.0.0.5:8080", []]);
        });
      });
    }
  }
}
