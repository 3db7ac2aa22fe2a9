import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { startMariadb, startPostgres, type TestDatabase } from "../fixtures/databases.ts";
import { condition } from "./harness/condition.ts";
import { RoutingApiProcess, type SeenStream } from "./harness/routing-api-server.ts";

const sqldb = (type: string, { server }: TestDatabase): object => ({
  type,
  host: server.host,
  port: server.port,
  schema: server.database,
  username: server.user,
  password: server.password,
});

for (const [type, start] of [
  ["postgres", startPostgres],
  ["mysql", startMariadb],
] as const) {
  describe(`the Routing API on ${type}`, () => {
    let database: TestDatabase;
    before(async () => {
      database = await start();
    });
    after(async () => {
      await database?.stop();
    });

    it("is as on SQLite", async () => {
      const file = fileURLToPath(new URL("routing-api.test.ts", import.meta.url));
      const env = { ...process.env, CAUSEWAY_SQLDB: JSON.stringify(sqldb(type, database)) };
      // The variable of the outer run would make it report there.
      delete (env as NodeJS.ProcessEnv)["NODE_TEST_CONTEXT"];
      const child = spawn(process.execPath, ["--test", file], { env, stdio: ["ignore", "pipe", "inherit"] });
      let output = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
      const code = await new Promise((resolve) => child.on("close", resolve));
      assert.equal(code, 0, output.slice(-4000));
      assert.match(output, /pass \d\d/);
    });

    it("loses nothing when one of two instances is killed under load", async (test) => {
      const config = { sqldb: sqldb(type, database) };
      const one = await RoutingApiProcess.start(config, ["-devMode"]);
      const other = await RoutingApiProcess.start(config, ["-devMode"]);
      test.after(() => Promise.all([one.stop(), other.stop()]));
      const seen = new Map<string, number>();
      const note = (stream: SeenStream): void => {
        for (const { id, event, data } of stream.events)
          if (event === "Upsert") seen.set(String(data["route"]), Number(id));
      };
      const first = await one.stream("/routing/v1/events");
      const acknowledged = new Set<string>();
      let running = true;
      const write = async (api: RoutingApiProcess, name: string): Promise<void> => {
        for (let index = 0; running; index++) {
          const route = `${index}.${name}.example.com`;
          const body = [{ route, ip: "10.0.0.1", port: 80 }];
          try {
            if ((await api.send({ method: "POST", path: "/routing/v1/routes", body })).status === 201)
              acknowledged.add(route);
          } catch {
            // The killed one; what it did not acknowledge may be there or not.
            return;
          }
        }
      };
      const writers = [write(one, "a"), write(one, "b"), write(other, "c"), write(other, "d")];
      await condition("some writes", () => (acknowledged.size > 200 ? true : undefined));
      one.program.child.kill("SIGKILL");
      await condition("the end of the stream", () => first.ended || undefined);
      note(first);
      const last = first.events.at(-1)!.id;
      const second = await other.stream("/routing/v1/events", { "Last-Event-ID": last });
      const before = acknowledged.size;
      await condition("more writes", () => (acknowledged.size > before + 100 ? true : undefined));
      running = false;
      await Promise.all(writers);
      await condition("every acknowledged write on the streams", () => {
        note(second);
        return [...acknowledged].every((route) => seen.has(route)) || undefined;
      });
      const table = (await other.list("/routing/v1/routes")).map((element) => String(element["route"]));
      // The other test leaves one of its own behind.
      const written = table.filter((route) => /^\d+\.[abcd]\./.test(route));
      assert.deepEqual(written.sort(), [...seen.keys()].sort());
      assert.ok(second.events.every(({ id }) => Number(id) > Number(last)));
      second.stop();
    });
  });
}
