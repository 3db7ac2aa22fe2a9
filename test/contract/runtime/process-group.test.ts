import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { runtime } from "#runtime";
import type { GroupedCommand } from "../../../src/runtime/interface/processes.ts";
import { until } from "./recorder.ts";

const folder = mkdtempSync(join(tmpdir(), "causeway-group-"));

const started: GroupedCommand[] = [];

/** Starts a shell script; what is left of its group when the tests are over is killed. */
async function shell(script: string, outputLimit = 1000): Promise<GroupedCommand> {
  const command = await runtime.spawnGroup({ command: "/bin/sh", args: ["-c", script], outputLimit });
  started.push(command);
  return command;
}

/** Living members of a process group; those that wait to be collected by their parent are dead (Linux). */
function members(group: number): number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      const [state, , pgrp] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return Number(pgrp) === group && state !== "Z" ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

describe(`process groups and files (${runtime.name})`, () => {
  after(() => {
    for (const command of started) command.killGroup();
    rmSync(folder, { recursive: true });
  });

  it("a command's exit code, output and error output", async () => {
    const command = await shell("echo out; echo err >&2; exit 3");
    assert.deepEqual(await command.ended, { code: 3 });
    await command.closed;
    assert.deepEqual(command.output(), { stdout: "out\n", stderr: "err\n" });
    assert.equal(command.killGroup(), false);
  });

  it("standard input is empty, the environment is the program's", async () => {
    const command = await shell('cat; echo "$HOME"');
    assert.deepEqual(await command.ended, { code: 0 });
    await command.closed;
    assert.equal(command.output().stdout, `${runtime.env("HOME") ?? ""}\n`);
  });

  it("a signal that ends it is named", async () => {
    assert.deepEqual(await (await shell("kill -TERM $$")).ended, { signal: "SIGTERM" });
  });

  it("output beyond the limit is read and dropped", async () => {
    const command = await shell("head -c 3000000 /dev/zero | tr '\\0' x; echo end >&2", 100);
    assert.deepEqual(await command.ended, { code: 0 });
    await command.closed;
    assert.deepEqual(command.output(), { stdout: "x".repeat(100), stderr: "end\n" });
  });

  it("a command that cannot be started rejects", async () => {
    const started = runtime.spawnGroup({ command: join(folder, "absent"), args: [], outputLimit: 0 });
    await assert.rejects(started, { code: "ENOENT" });
  });

  it("the whole group dies: the shell, what it waits for, and what it left in the background", async () => {
    const command = await shell("sleep 1000 & (sleep 1000; :) & echo ready; sleep 1000; :");
    await until("the script has started everything", () => members(command.processId).length >= 5);
    await until("its output", () => command.output().stdout === "ready\n");
    assert.equal(command.killGroup(), true);
    assert.deepEqual(await command.ended, { signal: "SIGKILL" });
    await command.closed;
    await until("nothing is left", () => members(command.processId).length === 0);
  });

  it("a background process that holds the output open delays `closed`, not `ended`", async () => {
    const command = await shell("sleep 1000 & echo done");
    assert.deepEqual(await command.ended, { code: 0 });
    let closed = false;
    void command.closed.then(() => {
      closed = true;
    });
    await until("the output", () => command.output().stdout === "done\n");
    assert.equal(closed, false);
    assert.equal(command.killGroup(), true);
    await command.closed;
  });

  it("writes files, lists directories, and tells when a file changes", async () => {
    const path = join(folder, "one");
    assert.equal(await runtime.fileStamp(path), undefined);
    await runtime.writeTextFile(path, "longer text");
    await runtime.writeTextFile(path, "text");
    assert.equal(readFileSync(path, "utf8"), "text");
    assert.deepEqual(await runtime.listDirectory(folder), ["one"]);
    assert.equal(await runtime.fileStamp(folder), undefined);
    const first = await runtime.fileStamp(path);
    assert.equal(await runtime.fileStamp(path), first);
    writeFileSync(path, "same");
    const second = await runtime.fileStamp(path);
    assert.notEqual(second, first);
    writeFileSync(join(folder, "two"), "same");
    renameSync(join(folder, "two"), path);
    assert.notEqual(await runtime.fileStamp(path), second);
    symlinkSync(path, join(folder, "link"));
    assert.equal(await runtime.fileStamp(join(folder, "link")), await runtime.fileStamp(path));
  });
});
