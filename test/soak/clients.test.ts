import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it, type TestContext } from "node:test";
import { promisify } from "node:util";
import { type RouterUnderTest, startRouter } from "../conformance/harness/router.ts";

const run = promisify(execFile);

let router: RouterUnderTest;
let server: Server;
const seen: { method: string; url: string; agent: string; body: string }[] = [];

before(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (bytes) => {
      body += bytes;
    });
    request.on("end", () => {
      const { method = "", url = "" } = request;
      seen.push({ method, url, agent: request.headers["user-agent"] ?? "", body });
      response.end(`served ${method} ${url}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  router = await startRouter("embedded", {
    disable_keep_alives: false,
    max_idle_conns_per_host: 100,
    logging: { level: "error" },
  });
  await router.register({ uris: ["clients.test"], port: (server.address() as AddressInfo).port });
});
after(async () => {
  await router?.stop();
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
});

const url = (path: string): string => `http://127.0.0.1:${router.port}${path}`;

describe("clients of others (issue B, acceptance 6)", () => {
  it("curl: a GET, an upload that waits for 100 Continue, HTTP/1.0, two requests on one connection", async () => {
    const curl = async (...args: string[]): Promise<string> =>
      (await run("curl", ["-sS", "--max-time", "20", "-H", "Host: clients.test", ...args])).stdout;
    assert.equal(await curl(url("/get?a=%20b")), "served GET /get?a=%20b");
    const answer = await curl("-v", "-H", "Expect: 100-continue", "--data-binary", "x".repeat(3000), url("/upload"));
    assert.equal(answer, "served POST /upload");
    assert.equal(seen.at(-1)?.body.length, 3000);
    assert.equal(await curl("--http1.0", url("/old")), "served GET /old");
    const counts = await curl("-w", "[%{num_connects}]", url("/one"), url("/two"));
    assert.equal(counts, "served GET /one[1]served GET /two[0]");
    assert.equal(await curl("-o", "/dev/null", "-w", "%{http_code}", "-I", url("/head")), "200");
  });

  it("wrk: 64 connections, no error of any kind", async (t: TestContext) => {
    const { stdout } = await run("wrk", ["-c", "64", "-t", "1", "-d", "3s", "-H", "Host: clients.test", url("/wrk")]);
    const [, count] = /(\d+) requests in/.exec(stdout)!;
    t.diagnostic(`${count} requests`);
    assert.ok(Number(count) > 500, stdout);
    assert.doesNotMatch(stdout, /Non-2xx|Socket errors/);
  });

  it("hey: 2000 requests, with and without keep-alive, all 200", async () => {
    for (const options of [[], ["-disable-keepalive"]]) {
      const { stdout } = await run("hey", ["-n", "2000", "-c", "20", "-host", "clients.test", ...options, url("/hey")]);
      assert.match(stdout, /\[200\]\s+2000 responses/);
      assert.doesNotMatch(stdout, /Error distribution/);
    }
  });
});
