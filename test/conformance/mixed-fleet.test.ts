import assert from "node:assert/strict";
import { createCipheriv, createDecipheriv, pbkdf2Sync } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { after, before, beforeEach, describe, it } from "node:test";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { Backend, ok } from "./harness/backend.ts";
import { exchange, get, type RawResponse } from "./harness/connection.ts";
import { ServiceHost } from "./harness/route-service.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

const authority = makeAuthority("Fleet Authority");
const certificate = issue(authority, { names: ["localhost"], ips: ["127.0.0.1"] });
const secret = "tWPE+sWJq+ZnGJpyKkIPYg==";
const former = "the secret before";
const nonce = Buffer.from("000102030405060708090a0b", "hex");

/** The key of data-plane §8.1, by another library than the router's. */
const keyOf = (text: string): Buffer => pbkdf2Sync(text, "", 100_001, 16, "sha256");
const urlSafe = (bytes: Buffer): string => bytes.toString("base64").replaceAll("+", "-").replaceAll("/", "_");

/** Header lines as a Gorouter beside ours sends them to a route service. */
function gorouterSigns(url: string, requestedTime: string, by = secret): string[] {
  const cipher = createCipheriv("aes-128-gcm", keyOf(by), nonce);
  const text = JSON.stringify({ forwarded_url: url, requested_time: requestedTime }).replaceAll("&", "\\u0026");
  const sealed = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  const metadata = urlSafe(Buffer.from(`{"nonce":"${nonce.toString("base64")}"}`));
  return [`X-CF-Forwarded-Url: ${url}`, `X-CF-Proxy-Signature: ${urlSafe(sealed)}`, `X-CF-Proxy-Metadata: ${metadata}`];
}

/** What a Gorouter beside ours reads of our signature. */
function gorouterReads(headers: IncomingHttpHeaders): string {
  const metadata = Buffer.from(String(headers["x-cf-proxy-metadata"]), "base64url").toString();
  const { nonce: iv } = JSON.parse(metadata) as { nonce: string };
  const sealed = Buffer.from(String(headers["x-cf-proxy-signature"]), "base64url");
  const decipher = createDecipheriv("aes-128-gcm", keyOf(secret), Buffer.from(iv, "base64"));
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]).toString();
}

describe("beside Gorouters of the same fleet", () => {
  let router: RouterUnderTest;
  let app: Backend;
  let other: Backend;
  let service: ServiceHost;
  const ask = async (host: string, path: string, ...lines: string[]): Promise<RawResponse> =>
    await exchange(
      router.port,
      [`GET ${path} HTTP/1.1`, `Host: ${host}`, ...lines, "Connection: close", "", ""].join("\r\n"),
    );

  before(async () => {
    app = await Backend.start(() => ok("a", "Set-Cookie: JSESSIONID=1"));
    other = await Backend.start(() => ok("b", "Set-Cookie: JSESSIONID=1"));
    service = await ServiceHost.start((_, answer) => answer.end("from the service"), certificate);
    router = await startRouter("embedded", {
      ca_certs: [authority.certificate],
      route_services_secret: secret,
      route_services_secret_decrypt_only: former,
      route_services_timeout: "876000h",
    });
    for (const [backend, id] of [
      [app, "ia"],
      [other, "ib"],
    ] as const) {
      await router.register({ uris: ["plain.example.com/ctx"], port: backend.port, private_instance_id: id });
    }
    await router.register({
      uris: ["app.example.com"],
      port: app.port,
      route_service_url: `https://localhost:${service.port}/check?x=1`,
    });
  });
  after(async () => {
    await router.stop();
    await Promise.all([app.stop(), other.stop(), service.stop()]);
  });
  beforeEach(() => app.clear());

  it("takes the session cookies that they have given out, and gives out the same", async () => {
    const first = await get(router.port, "plain.example.com", "/ctx");
    const theirs = `__VCAP_ID__=i${first.body}; Path=/ctx; HttpOnly`;
    assert.deepEqual(
      first.lines.filter((line) => line.startsWith("Set-Cookie")),
      ["Set-Cookie: JSESSIONID=1", `Set-Cookie: ${theirs}`],
    );
    for (let turn = 0; turn < 6; turn++) {
      const want = turn % 2 === 0 ? "a" : "b";
      const { body } = await ask("plain.example.com", "/ctx", `Cookie: JSESSIONID=1; __VCAP_ID__=i${want}`);
      assert.equal(body, want);
    }
  });

  it("takes what a service brings back to us of a request that another router sent out", async () => {
    const url = "https://app.example.com/a?x=1&y=2";
    for (const time of ["2025-04-01T12:34:56.789Z", "2026-11-22T05:04:20.228523926+01:00", "2026-11-22T05:04:20Z"]) {
      const answer = await ask("app.example.com", "/a?x=1&y=2", ...gorouterSigns(url, time));
      assert.deepEqual([answer.status, answer.body], [200, "a"], time);
    }
    assert.equal(
      (await ask("app.example.com", "/", ...gorouterSigns(url, "2025-04-01T12:34:56Z", former))).status,
      200,
    );
    assert.equal((await ask("app.example.com", "/", ...gorouterSigns(url, "2025-04-01T12:34:56Z", "no"))).status, 502);
    assert.equal(app.requests.length, 4);
    for (const { lines } of app.requests) assert.ok(!lines.some((line) => /^x-cf-(proxy|forwarded)/i.test(line)));
  });

  it("the vector of data-plane §13.3", async () => {
    const lines = [
      "X-CF-Forwarded-Url: https://app.example.com/a?x=1&y=2",
      "X-CF-Proxy-Metadata: eyJub25jZSI6IkFBRUNBd1FGQmdjSUNRb0wifQ==",
      "X-CF-Proxy-Signature: NXCphQ8spdoHNTp0I68nUCoLAbRsI6wgBwPbkBrhco3NgxQKKiifCML10pgZyG6wh7m26B8AocWyTSYl2UfU4XXaAB05WCgPCI4_0Qx-PfAmeafIxDbrj_t-fIv9d-T2-6QGVbq1bBDvp8VygLY4L0oQSEKEMA==",
    ];
    const answer = await ask("app.example.com", "/a?x=1&y=2", ...lines);
    assert.deepEqual([answer.status, answer.body], [200, "a"]);
  });

  it("signs so that they can read it", async () => {
    const before = Date.now();
    assert.equal((await ask("APP.example.com:8080", "/a?x=1&y=<2>")).body, "from the service");
    const { headers, url } = service.seen.at(-1)!;
    assert.equal(url, "/check?x=1");
    assert.equal(headers["x-cf-forwarded-url"], "http://APP.example.com/a?x=1&y=<2>");
    const text = gorouterReads(headers);
    const time =
      /^\{"forwarded_url":"http:\/\/APP\.example\.com\/a\?x=1\\u0026y=\\u003c2\\u003e","requested_time":"([^"]+)"\}$/.exec(
        text,
      )?.[1];
    assert.ok(time !== undefined, text);
    assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/);
    assert.ok(Math.abs(Date.parse(time) - before) < 60_000, time);
  });
});
