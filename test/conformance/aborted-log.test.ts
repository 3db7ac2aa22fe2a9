import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Backend, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { Connection } from "./harness/connection.ts";
import { startRouter } from "./harness/router.ts";

const request = (agent: string): string => `GET / HTTP/1.1\r\nHost: a.b\r\nUser-Agent: ${agent}\r\n\r\n`;

/** Access log lines on standard output for a client that leaves, a backend that leaves, and a whole answer, by agent. */
async function loggedWith(log_aborted: boolean): Promise<Map<string, string>> {
  const backend = await Backend.start((seen) => {
    const agent = seen.header("user-agent");
    if (agent === "whole") return ok("whole");
    seen.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
    return undefined;
  });
  const router = await startRouter("embedded", { access_log: { stdout: true, log_aborted } });
  try {
    await router.register({ uris: ["a.b"], port: backend.port });
    for (const agent of ["client-left", "backend-left"]) {
      const connection = await Connection.open(router.port, request(agent));
      await connection.text("half");
      if (agent === "client-left") connection.close();
      else for (const socket of backend.sockets) socket.destroy();
      await condition("the end of both connections", () => (backend.sockets.size === 0 ? true : undefined));
      if (agent === "backend-left") await connection.toEnd();
      connection.close();
    }
    const connection = await Connection.open(router.port, request("whole"));
    await connection.response();
    connection.close();
    const find = (agent: string): string | undefined =>
      router.program.stdout.split("\n").find((line) => line.startsWith("a.b - ") && line.includes(`"${agent}"`));
    // Lines keep their order: behind this one none of the others can come.
    await router.program.waitFor("the last line", () => find("whole"));
    const agents = ["client-left", "backend-left", "whole"];
    return new Map(agents.flatMap((agent) => (find(agent) === undefined ? [] : [[agent, find(agent)!]])));
  } finally {
    await router.stop();
    await backend.stop();
  }
}

describe("requests cut while their response is streamed (data-plane §9.1, §12)", () => {
  it("are not logged as a rule", async () => {
    assert.deepEqual([...(await loggedWith(false)).keys()], ["whole"]);
  });

  it("are logged with access_log.log_aborted", async () => {
    const lines = await loggedWith(true);
    assert.deepEqual([...lines.keys()], ["client-left", "backend-left", "whole"]);
    const gone = "client-conn-closed-during-response-streaming";
    assert.match(lines.get("client-left")!, new RegExp(`" 200 0 4 .*x_cf_routererror:"${gone}"$`));
    assert.match(lines.get("backend-left")!, /" 200 0 4 .*x_cf_routererror:"-"$/);
    assert.match(lines.get("whole")!, /" 200 0 5 .*x_cf_routererror:"-"$/);
  });
});
