import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Backend, deadPort, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { get } from "./harness/connection.ts";
import { Program } from "./harness/program.ts";
import { type RouterUnderTest, startRouter, writeConfig, type Yaml } from "./harness/router.ts";

/** A syslog server over TCP or a unix socket that keeps what it reads; it reads nothing while `deaf`. */
class SyslogServer {
  received = "";
  deaf = false;
  connections = 0;
  readonly sockets = new Set<Socket>();
  #server: Server | undefined;

  async listen(where: number | string): Promise<number> {
    const server = createServer((socket) => {
      this.connections++;
      this.sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.sockets.delete(socket));
      socket.setEncoding("latin1").on("data", (text: string) => {
        this.received += text;
      });
      if (this.deaf) socket.pause();
    });
    this.#server = server;
    await new Promise<void>((resolve) => {
      if (typeof where === "string") server.listen(where, resolve);
      else server.listen(where, "127.0.0.1", resolve);
    });
    const address = server.address();
    return typeof address === "object" ? address!.port : 0;
  }

  /** The records so far, each without its line feed. */
  get records(): string[] {
    return this.received.split("\n").slice(0, -1);
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      if (this.#server === undefined) resolve();
      else this.#server.close(() => resolve());
    });
  }
}

const timestamp = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:Z|[+-]\\d\\d:\\d\\d)";
const mark = "\u00ef\u00bb\u00bf";

let folder: string;
let backend: Backend;
let files = 0;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "causeway-syslog-"));
  backend = await Backend.start(() => ok("hello"));
});
after(async () => {
  await backend?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function streaming(logging: Yaml, more: Yaml = {}): Promise<RouterUnderTest> {
  const router = await startRouter("embedded", { logging, ...more, ...accessLog(more["access_log"] as Yaml) });
  await router.register({ uris: ["app.test"], port: backend.port, app: "guid", private_instance_id: "i" });
  return router;
}
const accessLog = (more: Yaml = {}): Yaml => ({
  access_log: { enable_streaming: true, file: join(folder, `${++files}.log`), ...more },
});

describe("access log to syslog (control-plane §6.4)", () => {
  it("writes RFC 5424 records over TCP, a line feed behind each", async () => {
    const server = new SyslogServer();
    const port = await server.listen(0);
    const logging = { syslog: "vcap.gorouter", syslog_addr: `127.0.0.1:${port}`, syslog_network: "tcp" };
    const router = await streaming(logging);
    try {
      for (const path of ["/one", "/two"]) assert.equal((await get(router.port, "app.test", path)).status, 200);
      await condition("two records", () => server.records.length === 2 || undefined);
      const head = `<14>1 ${timestamp} ${hostname()} vcap\\.gorouter ${router.program.child.pid} - ${mark}`;
      for (const [i, path] of ["/one", "/two"].entries()) {
        assert.match(server.records[i]!, new RegExp(`^${head}app\\.test - \\[.*\\] "GET ${path} HTTP/1\\.1" 200 0 5 `));
      }
    } finally {
      await router.stop();
      await server.close();
    }
  });

  it("sends a datagram for each record over UDP, cut to syslog_truncate, with two blanks for no name", async () => {
    const socket = createSocket("udp4");
    const received: string[] = [];
    socket.on("message", (bytes) => received.push(bytes.toString("latin1")));
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    const address = `127.0.0.1:${socket.address().port}`;
    const router = await streaming({ syslog_addr: address, syslog_network: "udp4", syslog_truncate: 12 });
    try {
      await get(router.port, "app.test");
      await get(router.port, "app.test");
      await condition("two datagrams", () => received.length === 2 || undefined);
      for (const record of received) {
        const head = `<14>1 ${timestamp} ${hostname()}  ${router.program.child.pid} - ${mark}`;
        assert.match(record, new RegExp(`^${head}app\\.test - \\[$`));
      }
    } finally {
      await router.stop();
      socket.close();
    }
  });

  it("writes to a unix stream socket, in JSON as well", async () => {
    const server = new SyslogServer();
    const path = join(folder, "syslog.sock");
    await server.listen(path);
    const more = { access_log: { format: "json" } };
    const router = await streaming({ syslog_addr: path, syslog_network: "unix" }, more);
    try {
      await get(router.port, "app.test", "/a?b");
      await condition("a record", () => server.records.length === 1 || undefined);
      const { time, response_time, vcap_request_id, ...rest } = JSON.parse(server.records[0]!.split(mark)[1]!);
      assert.ok(typeof time === "string" && typeof response_time === "number" && vcap_request_id.length === 36);
      assert.deepEqual([rest.method, rest.uri, rest.status, rest.app_id], ["GET", "/a?b", 200, "guid"]);
    } finally {
      await router.stop();
      await server.close();
    }
  });

  it("writes what is queued before the program ends", async () => {
    const server = new SyslogServer();
    const port = await server.listen(0);
    const router = await streaming({ syslog_addr: `127.0.0.1:${port}`, syslog_network: "tcp" });
    try {
      await get(router.port, "app.test", "/last");
      await router.stop();
      await condition("the record", () => server.received.includes("GET /last ") || undefined);
    } finally {
      await server.close();
    }
  });

  it("dials again after the connection broke, and keeps what came meanwhile", async () => {
    const server = new SyslogServer();
    const port = await server.listen(0);
    const router = await streaming({ syslog_addr: `127.0.0.1:${port}`, syslog_network: "tcp" });
    try {
      await get(router.port, "app.test", "/before");
      await condition("a record", () => server.records.length === 1 || undefined);
      await server.close();
      const line = await router.program.logged("error-emitting-access-log-to-writer-syslog");
      assert.equal(line.source, "gorouter.stdout.access-grlog");
      assert.match(String(line.data?.["error"]), new RegExp(`^write tcp 127\\.0\\.0\\.1:${port}: write: `));
      await get(router.port, "app.test", "/between");
      await server.listen(port);
      await condition("the second record", () => server.records.length === 2 || undefined);
      assert.match(server.records[1]!, /GET \/between /);
    } finally {
      await router.stop();
      await server.close();
    }
  });

  it("a server that reads nothing slows no request; what is too much is dropped, and said once", async () => {
    const server = new SyslogServer();
    server.deaf = true;
    const port = await server.listen(0);
    const logging = { level: "info", syslog_addr: `127.0.0.1:${port}`, syslog_network: "tcp" };
    // Each worker has a connection and a queue of its own.
    const router = await streaming(logging, { workers: 1 });
    const bulk = `User-Agent: ${"x".repeat(200_000)}`;
    try {
      let answered = 0;
      await condition(
        "the queue is full",
        async () => {
          for (let i = 0; i < 10; i++) {
            assert.equal((await get(router.port, "app.test", "/", bulk)).status, 200);
            answered++;
          }
          const lines = router.program.logLines;
          return lines.some(({ message }) => message.endsWith("writer-syslog")) || undefined;
        },
        60_000,
      );
      for (let i = 0; i < 10; i++) assert.equal((await get(router.port, "app.test", "/", bulk)).status, 200);
      const said = router.program.logLines.filter(({ message }) => message.endsWith("writer-syslog"));
      assert.deepEqual(
        said.map(({ data }) => data?.["error"]),
        ["1048576 bytes wait for the syslog server already"],
      );
      for (const socket of server.sockets) socket.resume();
      const end = await router.program.logged("access-log-to-syslog-stall-ended", () => true, 30_000);
      const dropped = end.data?.["dropped"] as number;
      assert.ok(dropped >= 10 && dropped < answered + 10, `${dropped} of ${answered + 10}`);
      await get(router.port, "app.test", "/after");
      await condition("the record after", () => server.received.includes("GET /after ") || undefined);
      assert.equal(server.records.length, answered + 10 - dropped + 1);
    } finally {
      await router.stop();
      await server.close();
    }
  });
});

describe("start with a syslog server that cannot be used (control-plane §1.3)", () => {
  const failure = async (logging: Yaml): Promise<unknown> => {
    const program = new Program(["router", "-c", writeConfig(folder, "embedded", { logging, ...accessLog() })]);
    assert.equal(await program.end(), 1);
    const [writer, logger] = program.logLines.slice(-2);
    assert.deepEqual(
      [writer?.message, logger?.message],
      ["error-creating-syslog-writer", "error-creating-access-logger"],
    );
    assert.deepEqual(writer?.data, logger?.data);
    return writer?.data?.["error"];
  };

  it("names the network", async () => {
    assert.equal(await failure({ syslog_network: "pigeon" }), "syslog: invalid network: pigeon");
  });

  it("names the server that does not answer", async () => {
    const address = `127.0.0.1:${await deadPort()}`;
    const expected = `dial tcp ${address}: connect: connection refused`;
    assert.equal(await failure({ syslog_network: "tcp", syslog_addr: address }), expected);
  });
});
