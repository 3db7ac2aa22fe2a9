import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { isIPv4 } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, describe, it } from "node:test";
import { runtime } from "#runtime";
import { issue, makeAuthority } from "../../fixtures/certificates.ts";
import { runChild, runUnread } from "./child.ts";
import { until } from "./recorder.ts";

const folder = mkdtempSync(join(tmpdir(), "causeway-"));
const fail = (error: Error): void => {
  throw error;
};

describe(`system (${runtime.name})`, () => {
  after(() => rmSync(folder, { recursive: true }));

  it("has a name and a version", () => {
    assert.ok(["bun", "deno", "node"].includes(runtime.name));
    assert.match(runtime.version, /^\d+\.\d+\.\d+/);
  });

  it("tells the time with a fraction, close to the system's", async () => {
    for (let i = 0; i < 1000; i++) {
      const before = Date.now();
      const now = runtime.clock.now();
      // `Date.now` cuts, so that ours may be up to a millisecond beside it; and the system's clock is slewed between looks.
      assert.ok(now > before - 1.1 && now < Date.now() + 1.1, `${before} ${now}`);
    }
    const fractions = new Set(Array.from({ length: 500 }, () => runtime.clock.now() % 1));
    assert.ok(fractions.size > 5, "no fraction");
    const first = runtime.clock.monotonic();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const passed = runtime.clock.monotonic() - first;
    assert.ok(passed >= 4 && passed < 5000, `${passed}`);
  });

  it("calls back once after a while, unless cancelled", async () => {
    const calls: string[] = [];
    const cancelled = runtime.clock.after(5, () => calls.push("cancelled"));
    runtime.clock.after(10, () => calls.push("first"));
    runtime.clock.after(20, () => calls.push("background"), true);
    // Longer than the runtimes' own timers take, which would be due at once.
    const ages = [2 ** 31, 3_600_000_000_000, Number.POSITIVE_INFINITY].map((ms) =>
      runtime.clock.after(ms, () => calls.push(`after ${ms}`)),
    );
    runtime.clock.after(-1000, () => calls.push("due"));
    cancelled.cancel();
    await until("all three", () => calls.length >= 3);
    for (const age of ages) age.cancel();
    assert.deepEqual(calls, ["due", "first", "background"]);
  });

  it("tells whether a private key belongs to a certificate", () => {
    const authority = makeAuthority();
    const one = issue(authority, { names: ["one.test"] });
    const two = issue(authority, { names: ["two.test"] });
    const kind = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" });
    assert.equal(runtime.matchKey(one.certificate, one.key), undefined);
    assert.equal(runtime.matchKey(one.certificate, two.key), "key");
    assert.equal(runtime.matchKey(one.certificate, String(kind)), "kind");
    assert.equal(runtime.matchKey(one.certificate, "no key"), "unreadable");
  });

  it("turns bytes into text and back, one for one", () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const text = runtime.latin1(bytes, 0, 256);
    assert.equal(text.length, 256);
    for (let i = 0; i < 256; i++) assert.equal(text.charCodeAt(i), i);
    assert.deepEqual(Array.from(runtime.fromLatin1(text)), Array.from(bytes));
    assert.equal(runtime.latin1(bytes, 65, 68), "ABC");
    assert.deepEqual(Array.from(runtime.fromLatin1("\u0141")), [0x41]);
  });

  it("makes random things", () => {
    assert.match(runtime.uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.notEqual(runtime.uuid(), runtime.uuid());
    assert.equal(runtime.randomBytes(16).length, 16);
    assert.notDeepEqual(runtime.randomBytes(16), runtime.randomBytes(16));
  });

  it("appends to a file, keeps the order, and opens it again", async () => {
    const path = join(folder, "log");
    const file = await runtime.openAppend(path, fail);
    let expected = "";
    for (let i = 0; i < 5000; i++) {
      const line = `line ${i} \u00e4\n`;
      expected += line;
      file.write(line);
    }
    renameSync(path, `${path}.1`);
    await file.reopen();
    file.write("after\n");
    await file.close();
    assert.equal(readFileSync(`${path}.1`, "utf8"), expected);
    assert.equal(await runtime.readTextFile(path), "after\n");
    const again = await runtime.openAppend(path, fail, { latin1: true });
    again.write("\u00e4");
    await again.close();
    assert.deepEqual([...readFileSync(path)], [...Buffer.from("after\n"), 0xe4]);
  });

  it("keeps the old file when it cannot be opened again, and tells what cannot be opened", async () => {
    const path = join(folder, "sub");
    await assert.rejects(runtime.openAppend(join(folder, "no", "log"), fail));
    await assert.rejects(runtime.readTextFile(join(folder, "nothing")));
    const file = await runtime.openAppend(path, fail);
    renameSync(path, `${path}.moved`);
    mkdirSync(path);
    await assert.rejects(file.reopen());
    file.write("still");
    await file.close();
    assert.equal(readFileSync(`${path}.moved`, "utf8"), "still");
  });

  it("tells a write that fails", { skip: existsSync("/dev/full") ? false : "no /dev/full here" }, async () => {
    const errors: [Error, number][] = [];
    const file = await runtime.openAppend("/dev/full", (...error) => errors.push(error));
    file.write("lost");
    await until("the error", () => errors.length === 1);
    const [[error, lost] = []] = errors;
    assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
    assert.equal(lost, 4);
    await file.close();
  });

  it("knows the machine", async () => {
    assert.equal(runtime.processId, process.pid);
    assert.equal(runtime.hostName(), hostname());
    assert.ok(isIPv4(await runtime.localIp()));
    assert.notEqual(await runtime.localIp(), "0.0.0.0");
    assert.ok(runtime.descriptorLimit() >= 64);
    assert.ok(runtime.residentBytes() > 10 * 1024 * 1024);
    assert.ok(runtime.cpuCount() >= 1);
    assert.equal(runtime.env("PATH"), process.env["PATH"]);
    assert.equal(runtime.env("CAUSEWAY_NOT_SET"), undefined);
  });

  it("hears signals", async () => {
    // In a child: the test runners have signal handlers of their own.
    const { process: child, result } = runChild("signals-child.ts");
    let said = "";
    child.stdout!.on("data", (chunk) => {
      said += String(chunk);
    });
    await until("ready", () => said === "ready\n", 20_000);
    const signals = ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT", "SIGINT", "SIGTERM"] as const;
    for (const signal of signals) {
      // By the command: Deno's own `kill` does not know every signal.
      spawn("kill", [`-${signal.slice(3)}`, String(child.pid)]);
      await until(signal, () => said.includes(signal));
    }
    assert.equal((await result).code, 0);
    assert.equal(said, `ready\n${signals.join("\n")}\n`);
  });

  it("writes its output in order, exits with the code, and knows arguments and name", async () => {
    const child = runChild("output-child.ts", ["one", "--two"]);
    const { code, out, error } = await child.result;
    assert.equal(code, 7, error);
    assert.equal(out.subarray(0, 12).toString("latin1"), "\u00c3\u00a4 then \u00e4 \n\n".slice(0, 12));
    assert.ok(out.toString("latin1").includes("output-child.ts one --two"));
    assert.ok(out.toString("latin1").endsWith("x".repeat(300_000)));
    assert.equal(error, "to standard error\n");
  });

  it("goes on while nobody reads its output", async () => {
    const child = runUnread("unread-output-child.ts", join(folder, "one"));
    const [said] = (await once(child.stderr!, "data")) as [Buffer];
    child.kill("SIGKILL");
    assert.equal(String(said), "still turning\n");
  });

  it("ends although nobody reads its output", async () => {
    const child = runUnread("unread-output-child.ts", join(folder, "two"));
    const [code] = (await once(child, "exit")) as [number | null];
    assert.equal(code, 5);
  });
});
