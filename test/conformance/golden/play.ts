import assert from "node:assert/strict";
import { deadPort } from "../harness/backend.ts";
import { condition } from "../harness/condition.ts";
import { Connection, get } from "../harness/connection.ts";
import type { RouterUnderTest } from "../harness/router.ts";
import { type Arrival, arrived, GoldenBackend, play, type Stage } from "./backend.ts";
import type { GoldenCase, GoldenExchange, GoldenRoute, ProgramLine, Script, UpstreamMessage } from "./case.ts";
import { mainRoute } from "./case.ts";
import { type Bound, matches, shown } from "./match.ts";
import { comparable, readMessage, readMessages } from "./wire-text.ts";

const patience = 5000;
const okReply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const probe = "OPTIONS * HTTP/1.1\r\nHost: probe\r\n\r\n";
const nobody: Stage = { arrivals: [], script: () => okReply, failure: undefined };

/** Plays golden cases against one router process. */
export class Table {
  private readonly router: RouterUnderTest;
  private readonly main = new GoldenBackend("main", nobody);
  private linesSeen = 0;
  private probes = 0;

  private constructor(router: RouterUnderTest) {
    this.router = router;
  }

  /** With the standing route registered. */
  static async open(router: RouterUnderTest): Promise<Table> {
    const table = new Table(router);
    await table.main.listen();
    await router.register({ uris: [...mainRoute.uris], port: table.main.port, ...mainRoute.fields });
    return table;
  }

  async close(): Promise<void> {
    await this.main.stop();
  }

  async play(golden: GoldenCase): Promise<void> {
    const routes = golden.routes ?? [];
    const backends = new Map<string, GoldenBackend>([["main", this.main]]);
    const ports = new Map<string, number>([["main", this.main.port]]);
    const registered: { uris: string[]; port: number }[] = [];
    try {
      for (const route of routes) await this.addBackend(route, backends, ports);
      for (const { uris, backend = "main", fields = {}, gone = false } of routes) {
        const message = { uris: [...uris], port: ports.get(backend)!, ...fields };
        registered.push(message);
        await this.router.register(message);
        if (gone) await this.router.unregister(message);
      }
      for (const exchange of [golden, ...(golden.next ?? [])]) await this.exchange(exchange, backends, ports);
    } finally {
      for (const message of registered) await this.router.unregister(message);
      for (const backend of backends.values()) if (backend !== this.main) await backend.stop();
      this.main.enter(nobody);
    }
  }

  private async addBackend(
    route: GoldenRoute,
    backends: Map<string, GoldenBackend>,
    ports: Map<string, number>,
  ): Promise<void> {
    const name = route.backend ?? "main";
    if (ports.has(name)) return;
    if (route.refuses === true) {
      ports.set(name, await deadPort());
      return;
    }
    const backend = new GoldenBackend(name, nobody);
    await backend.listen();
    backends.set(name, backend);
    ports.set(name, backend.port);
  }

  private async exchange(
    exchange: GoldenExchange,
    backends: ReadonlyMap<string, GoldenBackend>,
    ports: ReadonlyMap<string, number>,
  ): Promise<void> {
    const fill = (text: string): string =>
      text
        .replace(/\{backend(?::([^}]*))?\}/g, (_, name?: string) => `127.0.0.1:${ports.get(name ?? "main")}`)
        .replace(/\{backend-port(?::([^}]*))?\}/g, (_, name?: string) => `${ports.get(name ?? "main")}`);
    const filled = (script: Script): Script =>
      typeof script === "string"
        ? fill(script)
        : script.map((step) => (typeof step === "string" ? (fill(step) as typeof step) : { until: fill(step.until) }));
    const stage: Stage = {
      arrivals: [],
      script: (name, count) => {
        const own = exchange.replies?.[name];
        return filled(own?.[Math.min(count, own.length - 1)] ?? exchange.reply ?? okReply);
      },
      failure: undefined,
    };
    for (const backend of backends.values()) backend.enter(stage);
    const logOffset = this.router.program.logLines.length;
    const connection = await Connection.open(this.router.port);
    const expectText = (text: string): string => fill(text).replaceAll("{client}", connection.localAddress);
    try {
      await this.send(connection, filled(exchange.send));
      const bound: Bound = new Map();
      const received = await this.receive(connection, exchange, expectText(exchange.expect));
      await this.compareUpstream(exchange.upstream, stage, bound, expectText);
      this.compareClient(exchange, expectText(exchange.expect), received, bound);
      if (exchange.closes !== true) await this.proveOpen(connection);
      await this.compareAccessLog(exchange.log, bound, expectText);
      await this.compareProgramLog(exchange.logged ?? [], logOffset, bound, expectText);
      if (stage.failure !== undefined) throw stage.failure;
    } catch (error) {
      await this.skipLog();
      const seen = stage.arrivals.map(({ at, text }) => `${at}: ${JSON.stringify(text)}`).join("\n");
      throw Object.assign(error as Error, {
        message: `${(error as Error).message}\nupstream:\n${seen}\nclient: ${JSON.stringify(connection.received)}\nscript: ${String(stage.failure ?? "")}`,
      });
    } finally {
      connection.close();
    }
  }

  private async send(connection: Connection, script: Script): Promise<void> {
    for (const step of typeof script === "string" ? [script] : script) {
      assert.notEqual(step, "request", "a client has no step of that name");
      await play(
        step,
        connection.socket,
        () => connection.received,
        () => connection.ended,
      );
    }
  }

  /** All that belongs to the answers: to the end of the connection, or as many messages as are expected. */
  private async receive(connection: Connection, exchange: GoldenExchange, expected: string): Promise<string> {
    if (exchange.closes === true) return await connection.toEnd(patience);
    const bodiless = isHead(exchange.send);
    const wanted = readMessages(expected, bodiless, true).length;
    return await connection.waitFor(
      `${wanted} messages`,
      () => {
        const got = readMessages(connection.received, bodiless, false);
        if (got.length < wanted || !got.every(({ complete }) => complete)) return undefined;
        const taken = connection.received;
        connection.received = "";
        return taken;
      },
      patience,
    );
  }

  private compareClient(exchange: GoldenExchange, expected: string, received: string, bound: Bound): void {
    const bodiless = isHead(exchange.send);
    const wanted = readMessages(expected, bodiless, true);
    const got = readMessages(received, bodiless, true);
    assert.equal(got.length, wanted.length, `messages to the client: ${JSON.stringify(received)}`);
    for (const [at, message] of wanted.entries()) {
      const [actual, wish] = comparable(message, got[at]!, bound);
      assert.deepEqual(actual, wish, "to the client");
    }
  }

  private async compareUpstream(
    upstream: string | readonly UpstreamMessage[] | undefined,
    stage: Stage,
    bound: Bound,
    fill: (text: string) => string,
  ): Promise<void> {
    const wanted = typeof upstream === "string" ? [{ message: upstream }] : (upstream ?? []);
    await condition(
      `${wanted.length} requests at backends`,
      () => stage.arrivals.length >= wanted.length || undefined,
      patience,
    );
    assert.deepEqual(
      stage.arrivals.map(({ at }) => at),
      wanted.map((one: UpstreamMessage) => one.at ?? "main"),
      "the backends that got a request",
    );
    for (const [at, { message }] of wanted.entries()) {
      if (message === undefined) continue;
      const expected = readMessage(fill(message), false, true);
      assert.ok(expected !== undefined, "the expected upstream message has no complete head");
      const got = await whole(stage.arrivals[at]!, expected.complete, expected.body.length);
      const [actual, wish] = comparable(expected, got, bound);
      assert.deepEqual(actual, wish, "to the backend");
    }
  }

  /** `OPTIONS *` is answered without a log line: it shows that the connection is open and in step. */
  private async proveOpen(connection: Connection): Promise<void> {
    assert.equal(connection.received, "", "more came than was expected");
    connection.write(probe);
    const answer = await connection.waitFor(
      "an answer on the open connection",
      () => (readMessage(connection.received)?.complete === true ? connection.received : undefined),
      patience,
    );
    assert.match(answer, /^HTTP\/1\.[01] 200 OK\r\n/, "the connection was expected to stay usable");
  }

  private async compareAccessLog(
    log: GoldenExchange["log"],
    bound: Bound,
    fill: (text: string) => string,
  ): Promise<void> {
    const wanted = log === null ? [] : typeof log === "string" ? [log] : log;
    const first = this.linesSeen;
    if (wanted.length === 0) await this.markLog();
    const count = Math.max(wanted.length, 1);
    const lines = await condition(
      "access log",
      () => {
        const all = this.router.accessLog();
        return all.length >= first + count ? all.slice(first) : undefined;
      },
      patience,
    );
    this.linesSeen += lines.length;
    if (wanted.length === 0) {
      lines.pop();
      assert.deepEqual(lines, [], "no access log line was expected");
      return;
    }
    assert.deepEqual(
      lines.map((line, at) => {
        const one = wanted[at];
        return shown(one === undefined ? undefined : fill(one), utf8Octets(line), bound);
      }),
      wanted.map(fill),
      "access log",
    );
  }

  /** A line of an exchange before would stand in front of this one. */
  private async markLog(): Promise<void> {
    const mark = `/probe-${++this.probes}`;
    await get(this.router.port, "probe", mark);
    await this.router.accessLogged((line) => line.includes(mark));
  }

  /** What a failed exchange has logged is not the next one's. */
  private async skipLog(): Promise<void> {
    await this.markLog();
    this.linesSeen = this.router.accessLog().length;
  }

  private async compareProgramLog(
    wanted: readonly ProgramLine[],
    offset: number,
    bound: Bound,
    fill: (text: string) => string,
  ): Promise<void> {
    let from = offset;
    for (const { message, level, source, data } of wanted) {
      const line = await this.router.program.waitFor(
        `log line ${message} ${data ?? ""}`,
        () => {
          const lines = this.router.program.logLines;
          const at = lines.findIndex((one, index) => index >= from && one.message === message);
          if (at < 0) return undefined;
          from = at + 1;
          return lines[at];
        },
        patience,
      );
      if (level !== undefined) assert.equal(line.log_level, level, message);
      if (source !== undefined) assert.equal(line.source, source, message);
      if (data === undefined) continue;
      const actual = JSON.stringify(line.data ?? {});
      assert.ok(matches(fill(data), actual, bound), `data of ${message}: expected ${fill(data)}, got ${actual}`);
    }
  }
}

function isHead(send: Script): boolean {
  const first = typeof send === "string" ? send : send[0];
  return typeof first === "string" && first.startsWith("HEAD ");
}

/** What arrived, once it is as complete as expected. */
async function whole(
  arrival: Arrival,
  complete: boolean,
  bodyLength: number,
): Promise<NonNullable<ReturnType<typeof arrived>>> {
  return await condition(
    "the request at the backend",
    () => {
      const got = arrived(arrival);
      if (got === undefined) return undefined;
      return got.complete || (!complete && got.body.length >= bodyLength) ? got : undefined;
    },
    patience,
  );
}

/** The file's bytes, one character each. */
function utf8Octets(line: string): string {
  return Buffer.from(line, "utf8").toString("latin1");
}
