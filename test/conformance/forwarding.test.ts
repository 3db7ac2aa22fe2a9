import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { Backend, ok, type SeenConnection } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { Connection, exchange, get } from "./harness/connection.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

let router: RouterUnderTest;
let backend: Backend;

before(async () => {
  backend = await Backend.start(() => undefined);
  router = await startRouter("embedded", { disable_keep_alives: false, max_idle_conns_per_host: 10 });
  await router.register({ uris: ["a.b"], port: backend.port });
});
after(async () => {
  await router?.stop();
  await backend?.stop();
});
beforeEach(() => {
  backend.clear();
  backend.answer = () => ok("ok");
  backend.onData = () => {};
});

/** A request to a.b with these header lines and this body. */
function request(start: string, lines: readonly string[] = [], body = ""): string {
  return `${start}\r\nHost: a.b\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n${body}`;
}

/** Serves that text once, then closes the connection when `close`. */
function answerWith(text: string, close = false): void {
  backend.answer = ({ socket }) => {
    socket.write(Buffer.from(text, "latin1"));
    if (close) socket.end();
    return undefined;
  };
}

describe("request bodies (data-plane §5.4)", () => {
  it("Content-Length stays Content-Length", async () => {
    const answer = await exchange(router.port, request("PUT /p HTTP/1.1", ["Content-Length: 11"], "hello world"));
    assert.equal(answer.body, "ok");
    const seen = await backend.request(1);
    assert.deepEqual([seen.body, seen.chunked, seen.header("content-length")], ["hello world", false, "11"]);
  });

  it("chunked stays chunked, byte by byte, with extensions", async () => {
    const connection = await Connection.open(router.port, request("POST /p HTTP/1.1", ["transfer-encoding: Chunked"]));
    for (const byte of "5;x=y\r\nhello\r\n00006\r\n world\r\n0\r\n\r\n") {
      connection.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal((await connection.response()).body, "ok");
    connection.close();
    const seen = await backend.request(1);
    assert.deepEqual([seen.body, seen.chunked, seen.header("content-length")], ["hello world", true, undefined]);
  });

  it("is passed on while it arrives, not collected", async () => {
    const connection = await Connection.open(router.port, request("POST / HTTP/1.1", ["Content-Length: 10"], "first"));
    await condition("the first half", () => backend.received.endsWith("first") || undefined);
    assert.equal(backend.requests.length, 0);
    connection.write("after");
    assert.equal((await connection.response()).status, 200);
    connection.close();
    assert.equal(backend.requests[0]?.body, "firstafter");
  });

  it("no length: POST, PUT and PATCH get Content-Length: 0, others nothing", async () => {
    for (const [method, length] of [
      ["POST", "0"],
      ["PUT", "0"],
      ["PATCH", "0"],
      ["GET", undefined],
      ["DELETE", undefined],
    ] as const) {
      backend.clear();
      await exchange(router.port, request(`${method} / HTTP/1.1`));
      assert.equal((await backend.request(1)).header("content-length"), length, method);
    }
  });

  it("GET and DELETE bodies are forwarded; equal repeated Content-Length lines are merged", async () => {
    for (const method of ["GET", "DELETE"]) {
      backend.clear();
      await exchange(router.port, request(`${method} / HTTP/1.1`, ["Content-Length: 2", "Content-Length: 2"], "xy"));
      const seen = await backend.request(1);
      assert.equal(seen.body, "xy");
      assert.equal(seen.lines.filter((line) => /^content-length:/i.test(line)).length, 1);
    }
  });

  it("request trailers reach nobody as header fields", async () => {
    const body = "2\r\nxy\r\n0\r\nX-Cf-Applicationid: spoof\r\n\r\n";
    const lines = ["Transfer-Encoding: chunked", "Trailer: X-Cf-Applicationid"];
    assert.equal((await exchange(router.port, request("POST / HTTP/1.1", lines, body))).status, 200);
    const seen = await backend.request(1);
    assert.equal(seen.body, "xy");
    assert.deepEqual(
      seen.lines.filter((line) => line.includes("spoof")),
      [],
    );
  });
});

describe("responses (data-plane §5.5, §5.6)", () => {
  it("Content-Length: same length; header lines in order and spelling, hop-by-hop ones removed", async () => {
    answerWith(
      "HTTP/1.1 299 Something Own\r\nx-odd_NAME: 1\r\nKeep-Alive: 5\r\nConnection: X-Gone\r\nX-Gone: 1\r\nSet-Cookie: a=1\r\n" +
        'ETag: "x"\r\nSet-Cookie: b=2\r\nX-High: \xe9\r\nX-Vcap-Request-Id: theirs\r\nContent-Length: 2\r\n\r\nxy',
    );
    const answer = await get(router.port, "a.b");
    assert.equal(answer.statusLine, "HTTP/1.1 299 status code 299");
    assert.deepEqual(
      answer.lines.filter((line) => !line.startsWith("Date: ")),
      [
        "x-odd_NAME: 1",
        "Set-Cookie: a=1",
        'ETag: "x"',
        "Set-Cookie: b=2",
        "X-High: \xe9",
        "X-Vcap-Request-Id: theirs",
        "Content-Length: 2",
      ],
    );
    assert.equal(answer.body, "xy");
  });

  it("a backend's Date stays, and a standard phrase replaces the backend's", async () => {
    answerWith("HTTP/1.1 404 Not Here\r\nDate: yesterday\r\nContent-Length: 0\r\n\r\n");
    const answer = await get(router.port, "a.b");
    assert.equal(answer.statusLine, "HTTP/1.1 404 Not Found");
    assert.deepEqual(
      answer.lines.filter((line) => /^date:/i.test(line)),
      ["Date: yesterday"],
    );
    assert.equal(answer.header("x-cf-routererror"), undefined);
  });

  it("chunked: chunked to HTTP/1.1 clients, data as it comes, trailers behind", async () => {
    let more: (text: string) => void = () => {};
    backend.answer = ({ socket }) => {
      more = (text) => socket.write(text);
      more("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nfirst\r\n");
      return undefined;
    };
    const connection = await Connection.open(router.port, request("GET / HTTP/1.1"));
    await connection.text("first\r\n");
    more("6\r\nsecond\r\n0\r\nX-Sum: 42\r\n\r\n");
    const answer = await connection.response();
    assert.deepEqual([answer.chunked, answer.body, answer.trailers], [true, "firstsecond", ["X-Sum: 42"]]);
    assert.equal(answer.header("trailer"), "X-Sum");
    connection.close();
  });

  it("until close: chunked to HTTP/1.1, until close to HTTP/1.0", async () => {
    answerWith("HTTP/1.1 200 OK\r\nX: y\r\n\r\nwhole body", true);
    const answer = await get(router.port, "a.b");
    assert.deepEqual([answer.chunked, answer.body], [true, "whole body"]);
    const old = await Connection.open(router.port, request("GET / HTTP/1.0"));
    const text = await old.toEnd();
    assert.match(text, /^HTTP\/1\.0 200 OK\r\n/);
    assert.ok(text.endsWith("\r\n\r\nwhole body"));
    assert.ok(!/^(connection|transfer-encoding):/im.test(text), text);
    old.close();
  });

  it("HEAD: no body, the backend's Content-Length stays, the connection goes on", async () => {
    backend.answer = ({ requestLine }) =>
      requestLine.startsWith("HEAD") ? "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n" : ok("next");
    const connection = await Connection.open(router.port, request("HEAD / HTTP/1.1"));
    const head = await connection.response(true);
    assert.equal(head.header("content-length"), "1234");
    connection.write(request("GET / HTTP/1.1"));
    assert.equal((await connection.response()).body, "next");
    connection.close();
  });

  it("204 and 304: no body and no length, the connection goes on", async () => {
    const connection = await Connection.open(router.port);
    for (const status of ["204 No Content", "304 Not Modified"]) {
      answerWith(`HTTP/1.1 ${status}\r\nX: y\r\n\r\n`);
      connection.write(request("GET / HTTP/1.1"));
      const answer = await connection.response();
      assert.equal(answer.statusLine, `HTTP/1.1 ${status}`);
      assert.equal(answer.header("content-length"), undefined);
      assert.equal(answer.header("transfer-encoding"), undefined);
    }
    backend.answer = () => ok("next");
    connection.write(request("GET / HTTP/1.1"));
    assert.equal((await connection.response()).body, "next");
    connection.close();
  });
});

describe("interim responses and Expect (data-plane §5.7)", () => {
  it("1xx are passed on at once with their headers, which are not repeated", async () => {
    let finish = (): void => {};
    backend.answer = ({ socket }) => {
      socket.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n");
      finish = () => socket.write(ok("done"));
      return undefined;
    };
    const connection = await Connection.open(router.port, request("GET / HTTP/1.1"));
    const hints = await connection.response();
    assert.deepEqual([hints.statusLine, hints.header("link")], ["HTTP/1.1 103 Early Hints", "</a>"]);
    assert.equal((await connection.response()).status, 102);
    finish();
    const answer = await connection.response();
    assert.deepEqual([answer.status, answer.body, answer.header("link")], [200, "done", undefined]);
    connection.close();
  });

  it("a sixth 1xx makes a 502 after the first five went out", async () => {
    answerWith("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(6) + ok("never"));
    const connection = await Connection.open(router.port, request("GET / HTTP/1.1"));
    for (let at = 0; at < 5; at++) assert.equal((await connection.response()).status, 103);
    const answer = await connection.response();
    assert.deepEqual(
      [answer.status, answer.header("x-cf-routererror")],
      [
        502,
        "endpoint_failure (net/http: HTTP/1.x transport connection broken: net/http: too many 1xx informational responses)",
      ],
    );
    connection.close();
  });

  it("Expect: 100-continue waits for the backend's 100, then the body flows", async () => {
    backend.onData = (socket, { received }) => {
      if (received.endsWith("\r\n\r\n")) socket.write("HTTP/1.1 100 Continue\r\n\r\n");
    };
    const connection = await Connection.open(
      router.port,
      request("POST / HTTP/1.1", ["Expect: 100-continue", "Content-Length: 5"]),
    );
    assert.equal((await connection.response()).statusLine, "HTTP/1.1 100 Continue");
    assert.equal(backend.requests.length, 0);
    connection.write("hello");
    assert.equal((await connection.response()).body, "ok");
    const seen = await backend.request(1);
    assert.deepEqual([seen.body, seen.header("expect"), seen.header("connection")], ["hello", "100-continue", "close"]);
    await condition(
      "the end of the backend's connection",
      () => backend.connections.every(({ ended, received }) => ended || received === "") || undefined,
    );
    connection.close();
  });

  it("a backend that does not answer: after 1 s the router asks for the body by itself", async () => {
    const connection = await Connection.open(
      router.port,
      request("POST / HTTP/1.1", ["Expect: 100-continue", "Content-Length: 5"]),
    );
    const began = performance.now();
    assert.equal((await connection.response()).status, 100);
    const waited = performance.now() - began;
    assert.ok(waited > 800, `waited ${waited} ms`);
    connection.write("hello");
    assert.equal((await connection.response()).body, "ok");
    assert.equal(backend.requests[0]?.body, "hello");
    connection.close();
  });
});

describe("connections (data-plane §4.8, §5.5; RFC 9112 §9)", () => {
  it("pipelined requests are answered in order, slow ones first", async () => {
    backend.answer = async ({ requestLine }) => {
      const path = requestLine.split(" ")[1]!;
      if (path === "/1")
        await condition("the first alone at the backend", () => backend.requests.length >= 1 || undefined);
      return ok(path);
    };
    const texts = ["/1", "/2", "/3"].map((path) => request(`GET ${path} HTTP/1.1`));
    const connection = await Connection.open(router.port, texts.join(""));
    const bodies = [];
    for (let at = 0; at < 3; at++) bodies.push((await connection.response()).body);
    assert.deepEqual(bodies, ["/1", "/2", "/3"]);
    connection.close();
  });

  it("a request behind a body in the same packet is found", async () => {
    backend.answer = ({ requestLine, body }) => ok(`${requestLine.split(" ")[0]}${body}`);
    const connection = await Connection.open(
      router.port,
      request("POST / HTTP/1.1", ["Transfer-Encoding: chunked"], "2\r\nab\r\n0\r\n\r\n") +
        request("PUT / HTTP/1.1", ["Content-Length: 2"], "cd") +
        request("GET / HTTP/1.1"),
    );
    const bodies = [];
    for (let at = 0; at < 3; at++) bodies.push((await connection.response()).body);
    assert.deepEqual(bodies, ["POSTab", "PUTcd", "GET"]);
    connection.close();
  });

  it("connections to the backend are reused with disable_keep_alives: false", async () => {
    const connection = await Connection.open(router.port);
    for (let at = 0; at < 5; at++) {
      connection.write(request("GET / HTTP/1.1"));
      await connection.response();
    }
    assert.equal(backend.requests.length, 5);
    assert.ok(backend.accepted <= 1, `${backend.accepted} new connections`);
    connection.close();
  });

  it("Connection: close of the client is answered and obeyed", async () => {
    const connection = await Connection.open(router.port, request("GET / HTTP/1.1", ["Connection: close"]));
    const text = await connection.toEnd();
    assert.match(text, /\r\nConnection: close\r\n/);
    connection.close();
  });

  it("HTTP/1.0: closed without Connection line; keep-alive when asked for and the length is known", async () => {
    const plain = await Connection.open(router.port, request("GET / HTTP/1.0"));
    const text = await plain.toEnd();
    assert.match(text, /^HTTP\/1\.0 200 OK\r\n/);
    assert.ok(!/\r\nConnection:/i.test(text), text);
    const kept = await Connection.open(router.port, request("GET / HTTP/1.0", ["Connection: keep-alive"]));
    assert.equal((await kept.response()).header("connection"), "keep-alive");
    kept.write(request("GET / HTTP/1.0", ["Connection: keep-alive"]));
    assert.equal((await kept.response()).body, "ok");
    assert.equal((await backend.request(1)).requestLine, "GET / HTTP/1.1");
    plain.close();
    kept.close();
  });

  it('HTTP/1.2 is parsed, then refused raw and logged with status "-" (data-plane §1.4.11)', async () => {
    const connection = await Connection.open(router.port, request("GET /v12 HTTP/1.2"));
    assert.equal(await connection.toEnd(), "HTTP/1.0 400 Bad Request\r\n\r\n");
    const line = await router.accessLogged((one) => one.includes("GET /v12 "));
    assert.match(line, /"GET \/v12 HTTP\/1\.2" "-" 0 0 /);
    assert.equal(backend.requests.length, 0);
  });

  it("OPTIONS * is answered by the router (data-plane §1.2)", async () => {
    const connection = await Connection.open(router.port, request("OPTIONS * HTTP/1.1"));
    const answer = await connection.response();
    assert.deepEqual([answer.statusLine, answer.header("content-length")], ["HTTP/1.1 200 OK", "0"]);
    connection.write(request("GET / HTTP/1.1"));
    assert.equal((await connection.response()).body, "ok");
    assert.equal(backend.requests.length, 1);
    connection.close();
  });
});

describe("upgrades (data-plane §6)", () => {
  it("become a byte tunnel: phrase and headers of the backend, bytes behind the head, both ways, both ends closed", async () => {
    const tunnels: SeenConnection[] = [];
    backend.onData = (socket, seen) => {
      if (!tunnels.includes(seen)) tunnels.push(seen);
      if (seen.received.endsWith("\r\n\r\n")) {
        socket.write("HTTP/1.1 101 Own Phrase\r\nconnection: upgrade, extra\r\nUPGRADE: Tcp\r\n\r\nhello client");
      } else socket.write(`echo ${seen.received.split("\r\n\r\n")[1]}`, "latin1");
    };
    backend.answer = () => undefined;
    const connection = await Connection.open(
      router.port,
      `${request("GET /tunnel HTTP/1.1", ["Connection: keep-alive, Upgrade", "Upgrade: tcp"])}`,
    );
    await connection.text("hello client");
    const [head = ""] = connection.received.split("\r\n\r\n");
    const lines = head.split("\r\n");
    assert.equal(lines[0], "HTTP/1.1 101 Own Phrase");
    assert.deepEqual(
      lines.slice(1).filter((line) => !line.startsWith("X-Vcap-Request-Id: ")),
      ["connection: upgrade, extra", "UPGRADE: Tcp"],
    );
    const seen = backend.received;
    assert.match(seen, /\r\nConnection: Upgrade\r\n/);
    assert.match(seen, /\r\nUpgrade: tcp\r\n/);
    connection.write("\x00\xffany");
    await connection.text("echo \x00\xffany");
    connection.close();
    await condition("the end at the backend", () => tunnels[0]?.ended || undefined);
    const line = await router.accessLogged((one) => one.includes("GET /tunnel "));
    assert.match(line, /"GET \/tunnel HTTP\/1\.1" 101 0 0 /);
  });

  it("when the backend ends, the client's connection ends", async () => {
    backend.onData = (socket) => {
      socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nbye");
    };
    backend.answer = () => undefined;
    const connection = await Connection.open(
      router.port,
      request("GET / HTTP/1.1", ["Connection: Upgrade", "Upgrade: websocket"]),
    );
    const text = await connection.toEnd();
    assert.ok(text.startsWith("HTTP/1.1 101 Switching Protocols\r\n"));
    assert.ok(text.endsWith("\r\n\r\nbye"));
    connection.close();
  });

  it("not 101: an ordinary answer, connection reused (§6.3)", async () => {
    const connection = await Connection.open(
      router.port,
      request("GET / HTTP/1.1", ["Connection: Upgrade", "Upgrade: websocket"]),
    );
    assert.equal((await connection.response()).body, "ok");
    connection.write(request("GET / HTTP/1.1"));
    assert.equal((await connection.response()).body, "ok");
    connection.close();
  });

  for (const [name, lines, answer] of [
    ["another protocol", ["Connection: Upgrade", "Upgrade: websocket"], "Connection: Upgrade\r\nUpgrade: tcp\r\n"],
    ["no token in Connection", ["Connection: Upgrade", "Upgrade: websocket"], "Upgrade: websocket\r\n"],
    ["nobody asked", [], "Connection: Upgrade\r\nUpgrade: websocket\r\n"],
  ] as const) {
    it(`101 with ${name}: 502, empty, no X-Cf-RouterError (§6.3, row 22)`, async () => {
      answerWith(`HTTP/1.1 101 Switching Protocols\r\n${answer}\r\n`);
      const response = await exchange(router.port, request("GET / HTTP/1.1", lines));
      assert.deepEqual([response.status, response.body, response.header("x-cf-routererror")], [502, "", undefined]);
    });
  }
});
