import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { type CertificatePair, issue, makeAuthority } from "../fixtures/certificates.ts";
import { gap } from "../fixtures/gap.ts";
import { ipv4Header, version2 } from "../fixtures/proxy-headers.ts";
import { Backend, ok } from "./harness/backend.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";
import {
  askFromCurl,
  askFromDeno,
  askFromNode,
  askFromOpenssl,
  type Outcome,
  refused,
  type TlsAsk,
} from "./harness/tls-clients.ts";

// Issue 5, acceptance 1: versions × client certificates × server names × ALPN × PROXY header, by four kinds of client.
// Without `--all`, one of two values of names and protocols is taken for each combination of the rest, in turn.
const everything = process.env["CAUSEWAY_ALL"] === "1";

const authority = makeAuthority("Matrix Authority");
const stranger = makeAuthority("Strange Authority");
const first = issue(authority, { names: ["first.test"], ips: ["127.0.0.1"] });
const second = issue(authority, { names: ["second.test", "*.wild.test"] });
const known = issue(authority, { names: ["client.test"], client: true });
const unknown = issue(stranger, { names: ["client.test"], client: true });

const modes = ["none", "request", "require"] as const;
type Mode = (typeof modes)[number];

/** Who shows which certificate. */
const clients = [
  ["nobody", undefined],
  ["a known client", known],
  ["a stranger", unknown],
] as const;
type Who = (typeof clients)[number][0];

const versions = ["TLSv1.2", "TLSv1.3"] as const;
/** Server name, and the certificate that is shown for it. */
const names = [
  ["first.test", "first.test"],
  ["a.wild.test", "second.test"],
] as const;
const protocols = [["h2", "http/1.1"], ["http/1.1"]] as const;

const version1 = "PROXY TCP4 9.8.7.6 5.6.7.8 1111 2222\r\n";
/** What comes before TLS, and the address that the backend is told. */
const headers = [
  ["no header", [], "127.0.0.1"],
  ["version 1", [version1], "9.8.7.6"],
  ["version 2", [ipv4Header("9.8.7.6", 1111)], "9.8.7.6"],
  ["version 2 LOCAL", [version2(0, 0, "")], "127.0.0.1"],
  ["version 2, byte by byte", ipv4Header("9.8.7.6", 1111).split(""), "9.8.7.6"],
] as const;

const isWelcome = (mode: Mode, who: Who): boolean =>
  mode === "none" || who === "a known client" || (mode === "request" && who === "nobody");

/** What the backend is told: the client's address, the scheme, and whether there was a certificate. */
const told = (mode: Mode, who: Who, address: string): string =>
  `${address} https ${mode !== "none" && who === "a known client" ? "certificate" : "-"};`;

/** All of them with `--all`, else the one whose turn it is. */
const turnOf = <T>(values: readonly T[], turn: number): readonly T[] =>
  everything ? values : [values[turn % values.length]!];

/** Runs the cells, some at a time, and compares what became of each. */
async function assertCells(cells: readonly (readonly [string, Outcome, () => Promise<Outcome>])[]): Promise<void> {
  const found: Record<string, Outcome> = {};
  const left = [...cells];
  const work = async (): Promise<void> => {
    for (let cell = left.shift(); cell !== undefined; cell = left.shift()) found[cell[0]] = await cell[2]();
  };
  await Promise.all(Array.from({ length: 6 }, work));
  assert.deepEqual(found, Object.fromEntries(cells.map(([name, expected]) => [name, expected])));
}

let folder: string;
let authorityFile: string;
const files = new Map<CertificatePair, string>();
let backend: Backend;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "causeway-matrix-"));
  authorityFile = join(folder, "authority.pem");
  writeFileSync(authorityFile, authority.certificate);
  for (const [who, pair] of clients) {
    if (pair === undefined) continue;
    const file = join(folder, `${who}.pem`);
    writeFileSync(file, pair.certificate + pair.key);
    files.set(pair, file);
  }
  backend = await Backend.start(({ header }) => {
    const shown = header("x-forwarded-client-cert") === undefined ? "-" : "certificate";
    return ok(`${header("x-forwarded-for")} ${header("x-forwarded-proto")} ${shown};`);
  });
});
after(async () => {
  await backend.stop();
  rmSync(folder, { recursive: true, force: true });
});
const fileOf = (pair: CertificatePair | undefined): string | undefined => pair && files.get(pair);

for (const mode of modes) {
  describe(`TLS matrix, client_cert_validation: ${mode} (data-plane §1.4.13, §6.6, §7.1, §10.1)`, () => {
    let router: RouterUnderTest;
    before(async () => {
      router = await startRouter("embedded", {
        enable_proxy: true,
        enable_ssl: true,
        ssl_port: 0,
        min_tls_version: "TLSv1.2",
        max_tls_version: "TLSv1.3",
        client_cert_validation: mode,
        client_ca_certs: authority.certificate,
        only_trust_client_ca_certs: true,
        forwarded_client_cert: "sanitize_set",
        cipher_suites: "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384",
        tls_pem: [first, second].map(({ certificate, key }) => ({ cert_chain: certificate, private_key: key })),
      });
      await router.register({ port: backend.port, uris: ["first.test", "*.wild.test"] });
    });
    after(() => router.stop());

    const ask = (fields: Partial<TlsAsk>): TlsAsk => ({
      port: router.tlsPort,
      serverName: "first.test",
      version: "TLSv1.3",
      certificate: undefined,
      alpn: ["http/1.1"],
      preamble: [],
      silentMs: 0,
      ...fields,
    });

    it("Node", async () => {
      const cells = versions.flatMap((version) =>
        clients.flatMap(([who, certificate]) =>
          headers.flatMap(([header, preamble, address], row) =>
            names.flatMap(([serverName, commonName], column) =>
              turnOf(protocols, row + column).map((alpn) => {
                const fields = { version, certificate, serverName, alpn, preamble };
                const welcome = `${version} ${alpn[0]} ${commonName} ${told(mode, who, address)}`;
                const expected = isWelcome(mode, who) ? welcome : refused;
                const name = `${version}, ${who}, ${serverName}, ${alpn[0]}, ${header}`;
                return [name, expected, () => askFromNode(ask(fields))] as const;
              }),
            ),
          ),
        ),
      );
      await assertCells(cells);
    });

    it("Node: a header that is garbage, and one that comes late", async () => {
      const late = mode === "require" ? refused : `TLSv1.3 h2 first.test ${told(mode, "nobody", "127.0.0.1")}`;
      await assertCells([
        ["garbage", refused, () => askFromNode(ask({ preamble: ["PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n"] }))],
        [
          "garbage behind a signature",
          refused,
          () => askFromNode(ask({ preamble: [version2(5, 0x11, "\0".repeat(12))] })),
        ],
        ["silence", late, () => askFromNode(ask({ silentMs: 400, alpn: ["h2"] }))],
        ["a header behind silence", refused, () => askFromNode(ask({ silentMs: 400, belated: version1 }))],
      ]);
    });

    it("curl", async () => {
      const cells = versions.flatMap((version, row) =>
        clients.flatMap(([who, certificate]) =>
          protocols.flatMap((alpn, column) =>
            turnOf([false, true], row + column).map((haproxy) => {
              const [serverName] = names[haproxy ? 1 : 0];
              const welcome = `HTTP/${alpn[0] === "h2" ? "2" : "1.1"} ${told(mode, who, "127.0.0.1")}`;
              const expected = isWelcome(mode, who) ? welcome : refused;
              const name = `${version}, ${who}, ${serverName}, ${alpn[0]}, ${haproxy ? "version 1" : "no header"}`;
              const fields = { version, serverName, alpn };
              return [
                name,
                expected,
                () => askFromCurl(ask(fields), authorityFile, fileOf(certificate), haproxy),
              ] as const;
            }),
          ),
        ),
      );
      await assertCells(cells);
    });

    it("openssl s_client", async () => {
      const suites = [
        ["TLSv1.2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"],
        ["TLSv1.2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"],
        ["TLSv1.3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"],
      ] as const;
      const cells = suites.flatMap(([version, option, suite]) =>
        clients.map(([who, certificate], index) => {
          const [serverName, commonName] = names[index % 2]!;
          const welcome = `${version} ${suite} http/1.1 ${commonName} ${told(mode, who, "127.0.0.1")}`;
          const run = () => askFromOpenssl(ask({ version, serverName }), fileOf(certificate), option, suite);
          return [`${suite}, ${who}`, isWelcome(mode, who) ? welcome : refused, run] as const;
        }),
      );
      await assertCells(cells);
    });

    it("Deno", async () => {
      const shown = clients.flatMap(([who, certificate]) =>
        protocols.map((alpn) => {
          const welcome = alpn[0] === "h2" ? "h2" : `http/1.1 ${told(mode, who, "127.0.0.1")}`;
          // At TLS 1.3 the client is done before it is refused, and of HTTP/2 only the handshake is looked at.
          const expected = isWelcome(mode, who) || alpn[0] === "h2" ? welcome : refused;
          const fields: Partial<TlsAsk> = { alpn, ...(certificate === undefined ? {} : { certificate }) };
          return [`${who}, ${alpn[0]}`, expected, fields] as const;
        }),
      );
      const introduced = headers.slice(1).map(([header, preamble, address], index) => {
        const [serverName] = names[index % 2]!;
        const expected = isWelcome(mode, "nobody") ? `none ${told(mode, "nobody", address)}` : refused;
        return [`${serverName}, ${header}`, expected, { serverName, preamble }] as const;
      });
      const cells = [...shown, ...introduced];
      const found = await askFromDeno(
        cells.map(([, , fields]) => ask(fields)),
        authority.certificate,
      );
      assert.deepEqual(
        Object.fromEntries(cells.map(([name], index) => [name, found[index]])),
        Object.fromEntries(cells.map(([name, expected]) => [name, expected])),
      );
    });

    if (mode !== "none") return;

    it("Node: a header in two pieces, cut at every byte", async () => {
      const cells = [version1, ipv4Header("9.8.7.6", 1111)].flatMap((header) =>
        Array.from({ length: header.length - 1 }, (_, index) => {
          const preamble = [header.slice(0, index + 1), header.slice(index + 1)];
          const expected = `TLSv1.3 http/1.1 first.test ${told(mode, "nobody", "9.8.7.6")}`;
          return [`${header.slice(0, 5).trim()} ${index + 1}`, expected, () => askFromNode(ask({ preamble }))] as const;
        }),
      );
      await assertCells(cells);
    });

    it("openssl s_client: ALPN protocols", async () => {
      const answer = (alpn: string): string =>
        `TLSv1.3 TLS_AES_128_GCM_SHA256 ${alpn} first.test ${alpn === "h2" ? "" : told(mode, "nobody", "127.0.0.1")}`.trimEnd();
      const suite = ["-ciphersuites", "TLS_AES_128_GCM_SHA256"];
      await assertCells([
        ["none", answer("none"), () => askFromOpenssl(ask({ alpn: [] }), undefined, ...suite)],
        ["h2", answer("h2"), () => askFromOpenssl(ask({ alpn: ["h2"] }), undefined, ...suite)],
        ["both", answer("h2"), () => askFromOpenssl(ask({ alpn: ["h2", "http/1.1"] }), undefined, ...suite)],
        ["http/1.1", answer("http/1.1"), () => askFromOpenssl(ask({}), undefined, ...suite)],
        ["another", refused, () => askFromOpenssl(ask({ alpn: ["other"] }), undefined, ...suite)],
      ]);
    });

    it(
      "openssl s_client: a suite that is not configured",
      gap("deno", "no list of suites is applied (runtimes.md §4)"),
      async () => {
        const suite = ["-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"];
        assert.equal(await askFromOpenssl(ask({ version: "TLSv1.2" }), undefined, ...suite), refused);
      },
    );
  });
}
