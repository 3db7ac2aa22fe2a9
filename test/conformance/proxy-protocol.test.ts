import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import { setImmediate as turn, setTimeout as wait } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { ipv4Header, tlv, version2 } from "../fixtures/proxy-headers.ts";
import { readAccessLog } from "./harness/access-log.ts";
import { Backend, ok } from "./harness/backend.ts";
import { Connection } from "./harness/connection.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

const certificate = issue(makeAuthority(), { names: ["a.b"] });
const request = "GET / HTTP/1.1\r\nHost: a.b\r\nConnection: close\r\n\r\n";
const version1 = "PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n";
/** Longer than the 100 ms in which a header must have come (data-plane §6.6), on a machine that is busy too. */
const tooLateMs = 400;

let router: RouterUnderTest;
let backend: Backend;

before(async () => {
  backend = await Backend.start(() => ok("ok"));
  router = await startRouter("embedded", {
    enable_proxy: true,
    enable_ssl: true,
    ssl_port: 0,
    max_tls_version: "TLSv1.3",
    client_cert_validation: "none",
    cipher_suites: "ECDHE-ECDSA-AES128-GCM-SHA256",
    tls_pem: [{ cert_chain: certificate.certificate, private_key: certificate.key }],
  });
  await router.register({ uris: ["a.b", "1.2.3.4"], port: backend.port });
});
after(async () => {
  await router?.stop();
  await backend?.stop();
});
beforeEach(() => backend.clear());

type Port = "plain" | "TLS";

/** A socket on which these pieces were sent, each in a turn of its own. */
async function begin(port: number, pieces: readonly string[]): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  for (const piece of pieces) {
    socket.write(Buffer.from(piece, "latin1"));
    await turn();
  }
  return socket;
}

/** What a client gets that sends a header in these pieces, waits, and goes on with a request. */
async function ask(over: Port, pieces: readonly string[], waitMs = 0, text = request): Promise<string> {
  const socket = await begin(over === "TLS" ? router.tlsPort : router.port, pieces);
  if (waitMs > 0) await wait(waitMs);
  const carrier = over === "TLS" ? connectTls({ socket, servername: "a.b", rejectUnauthorized: false }) : socket;
  let received = "";
  carrier.on("data", (bytes: Buffer) => {
    received += bytes.toString("latin1");
  });
  const ended = new Promise<void>((resolve) => {
    carrier.on("error", () => {});
    for (const event of ["end", "close"]) carrier.once(event, () => resolve());
  });
  carrier.write(text);
  await ended;
  carrier.destroy();
  socket.destroy();
  return received;
}

/** Address and port of the client as the access log has it, and `X-Forwarded-For` and `-Proto` as the backend has them. */
async function introduced(over: Port, pieces: readonly string[], waitMs = 0): Promise<string[]> {
  const before = router.accessLog().length;
  const answer = await ask(over, pieces, waitMs);
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
  const { header } = await backend.request(1);
  await router.accessLogged(() => router.accessLog().length > before);
  const { client } = readAccessLog(router.accessLog()[before]!);
  return [
    client.replace(/^127\.0\.0\.1:\d+$/, "socket"),
    header("x-forwarded-for") ?? "",
    header("x-forwarded-proto") ?? "",
  ];
}

for (const over of ["plain", "TLS"] as const) {
  const proto = over === "TLS" ? "https" : "http";

  describe(`PROXY protocol, ${over} (data-plane §6.6)`, () => {
    for (const [name, header, client, forwarded] of [
      ["none", "", "socket", "127.0.0.1"],
      ["version 1", version1, "1.2.3.4:1111", "1.2.3.4"],
      ["version 1, IPv6", "PROXY TCP6 2001:db8::1 ::1 1111 2222\r\n", "[2001:db8::1]:1111", "2001:db8::1"],
      ["version 1, odd port, LF", "PROXY TCP4 1.2.3.4 5.6.7.8 99999 80\n", "1.2.3.4:99999", "1.2.3.4"],
      ["version 2", ipv4Header("9.8.7.6", 77, tlv(1, "h2") + tlv(2, "a.b")), "9.8.7.6:77", "9.8.7.6"],
      ["version 2 LOCAL", version2(0, 0, ""), "socket", "127.0.0.1"],
    ] as const) {
      it(`${name}`, async () => {
        assert.deepEqual(await introduced(over, header === "" ? [] : [header]), [client, forwarded, proto]);
      });
    }

    for (const [name, header] of [
      ["1", version1],
      ["2", ipv4Header("1.2.3.4", 1111)],
    ] as const) {
      it(`version ${name}, byte by byte`, async () => {
        assert.deepEqual(await introduced(over, header.split("")), ["1.2.3.4:1111", "1.2.3.4", proto]);
      });
    }

    it("a client that says nothing for a while is one without a header", async () => {
      assert.deepEqual(await introduced(over, [], tooLateMs), ["socket", "127.0.0.1", proto]);
    });

    for (const [name, header] of [
      ["UNKNOWN", "PROXY UNKNOWN\r\n"],
      ["another family", "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n"],
      ["two spaces in a row", "PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n"],
      ["no address", "PROXY TCP4 here 5.6.7.8 1 2\r\n"],
      ["an endless line", `PROXY ${"x".repeat(2000)}`],
      ["version 2 with an unknown command", version2(5, 0x11, "\0".repeat(12))],
      ["a line without an end", "PROXY TCP4 1.2.3.4"],
      ["version 2 without its end", version2(1, 0x11, "\0".repeat(12)).slice(0, -3)],
    ] as const) {
      it(`${name}: closed without an answer`, async () => {
        const socket = await begin(over === "TLS" ? router.tlsPort : router.port, [header]);
        let received = 0;
        socket.on("data", (bytes) => {
          received += bytes.length;
        });
        await new Promise<void>((resolve) => {
          socket.on("error", () => resolve());
          socket.once("end", () => resolve());
        });
        assert.equal(received, 0);
        socket.destroy();
      });
    }

    for (const [name, pieces, waitMs, rest] of [
      ["lower case", ["proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n"], 0, ""],
      ["late", [], tooLateMs, version1],
      ["late but for its first letters", ["PRO"], tooLateMs, version1.slice(3)],
    ] as const) {
      it(`${name}: no header`, async () => {
        if (over === "TLS") {
          const socket = await begin(router.tlsPort, pieces);
          if (waitMs > 0) await wait(waitMs);
          if (rest !== "") socket.write(rest);
          // Plain text on the TLS port: the answer of §1.2, and no request.
          const received: Buffer[] = [];
          for await (const bytes of socket) received.push(bytes as Buffer);
          assert.match(Buffer.concat(received).toString("latin1"), /^HTTP\/1\.0 400 Bad Request\r\n|^$/);
        } else assert.match(await ask(over, pieces, waitMs, rest + request), /^HTTP\/1\.1 400 Bad Request\r\n/);
        assert.equal(backend.requests.length, 0);
      });
    }
  });
}

describe("PROXY protocol (data-plane §6.6)", () => {
  it("silent clients keep nobody waiting", async () => {
    const silent = await Promise.all(Array.from({ length: 20 }, () => begin(router.port, [])));
    assert.match(await ask("plain", [version1]), /^HTTP\/1\.1 200 OK\r\n/);
    for (const socket of silent) socket.destroy();
  });

  it("the announced address is the peer that an empty Host is compared with", async () => {
    const answer = await ask("plain", [version1], 0, "GET / HTTP/1.1\r\nHost: 1.2.3.4\r\nConnection: close\r\n\r\n");
    assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
    assert.match(answer, /X-Cf-Routererror: empty_host\r\n/);
  });

  it("header, hello and requests in one piece; one header per connection", async () => {
    const first = "GET / HTTP/1.1\r\nHost: a.b\r\n\r\n";
    const answer = await ask("plain", [], 0, version1 + first + version1 + request);
    assert.deepEqual(answer.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 200", "HTTP/1.1 400"]);
  });

  it("HTTP/2 behind it", async () => {
    const socket = await begin(router.tlsPort, [version1]);
    const session = connectHttp2("https://a.b", {
      createConnection: () =>
        connectTls({ socket, servername: "a.b", rejectUnauthorized: false, ALPNProtocols: ["h2"] }),
    });
    const stream = session.request({ ":path": "/", ":authority": "a.b" });
    const status = await new Promise((resolve, reject) => {
      stream.once("response", (headers) => resolve(headers[":status"])).once("error", reject);
    });
    assert.equal(status, 200);
    assert.equal((await backend.request(1)).header("x-forwarded-for"), "1.2.3.4");
    session.destroy();
  });

  it("tells at debug level what it heard", async () => {
    await ask("plain", [ipv4Header("9.8.7.6", 4242, tlv(2, "named.test"))]);
    const heard = await router.program.logged(
      "proxy-protocol-header",
      ({ data }) => data?.["authority"] === "named.test",
    );
    assert.deepEqual([heard.log_level, heard.data?.["version"], heard.data?.["source"]], [0, 2, "9.8.7.6:4242"]);
    const refused = await router.program.logged(
      "proxy-protocol-header-refused",
      ({ data }) => data?.["error"] === '"UDP4" is no TCP4 or TCP6',
    );
    assert.match(String(refused.data?.["from"]), /^127\.0\.0\.1:\d+$/);
  });

  it("proxy_protocol.trusted: headers of others are not looked for", async () => {
    const strict = await startRouter("embedded", {
      enable_proxy: true,
      proxy_protocol: { trusted: ["10.0.0.0/8", "::1"] },
    });
    try {
      await strict.register({ uris: ["a.b"], port: backend.port });
      const plain = await Connection.open(strict.port, request);
      assert.equal((await plain.response()).status, 200);
      const introducing = await Connection.open(strict.port, version1 + request);
      assert.equal((await introducing.response()).status, 400);
    } finally {
      await strict.stop();
    }
  });
});
