import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { appHost, type Contender } from "./contender.ts";
import { runtimeFolder } from "./routers.ts";
import { type Scenario, targetUrl } from "./scenarios.ts";
import { present } from "./tools.ts";

/** What a load generator counted. */
export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Latencies in milliseconds; NaN where the generator does not tell. */
  readonly p50: number;
  readonly p99: number;
  /** Answers other than 2xx and 3xx, and requests without an answer. */
  readonly failed: number;
  /** The generator's words about failed connections; empty: none. */
  readonly socketErrors: string;
}

/** What makes the load of HTTP/1.1 on this machine. */
export const loadGenerator: "wrk" | "our own client (wrk is missing)" = present("wrk")
  ? "wrk"
  : "our own client (wrk is missing)";

/** The command that makes the load for that many seconds over at most that many connections. */
function command(
  contender: Contender,
  scenario: Scenario,
  seconds: number,
  connections: number,
  folder: string,
): string[] {
  const url = targetUrl(scenario, contender);
  if (scenario.transport === "h2") {
    const target = ["--connect-to", `127.0.0.1:${contender.tlsPort}`, url.replace("127.0.0.1", appHost)];
    return ["h2load", "-t1", "-c16", "-m10", `-D${seconds}`, ...target];
  }
  const count = Math.min(connections, scenario.connections);
  if (loadGenerator !== "wrk") {
    const script = fileURLToPath(new URL("../plain-load.ts", import.meta.url));
    const facts = { url, count, seconds, bodyBytes: scenario.bodyBytes, close: scenario.close };
    return [`${runtimeFolder}/bun`, script, JSON.stringify(facts)];
  }
  const options = ["-t1", `-c${count}`, `-d${seconds}`, "--latency", "-H", `Host: ${appHost}`];
  if (scenario.close) options.push("-H", "Connection: close");
  if (scenario.bodyBytes > 0) {
    const script = join(folder, "post.lua");
    writeFileSync(
      script,
      `wrk.method = "POST"\nwrk.body = string.rep("x", ${scenario.bodyBytes})\nwrk.headers["Content-Type"] = "application/octet-stream"\n`,
    );
    options.push("-s", script);
  }
  return ["wrk", ...options, url];
}

/** A latency as wrk and h2load write it, in milliseconds. */
function milliseconds(text: string | undefined): number {
  const [, number, unit] = /([\d.]+)(us|ms|s)/.exec(text ?? "") ?? [];
  return unit === undefined ? Number.NaN : Number(number) * { us: 1e-3, ms: 1, s: 1e3 }[unit as "us" | "ms" | "s"];
}

const numberIn = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? Number.NaN);

/** So many times as long once more when the generator counted nothing: on a starved machine a second is not enough. */
const longer = 16;

/** Loads the contender from CPU 1 and reads what the generator printed. Throws when it did nothing, for longer either. */
export async function load(
  contender: Contender,
  scenario: Scenario,
  seconds: number,
  connections: number,
  folder: string,
): Promise<LoadResult> {
  for (const length of [seconds, seconds * longer]) {
    const result = await loadOnce(contender, scenario, length, connections, folder);
    if (result.requests > 0) return result;
  }
  throw new Error(`cannot load ${contender.name}: no request was counted in ${seconds * longer} s`);
}

async function loadOnce(
  contender: Contender,
  scenario: Scenario,
  seconds: number,
  connections: number,
  folder: string,
): Promise<LoadResult> {
  const words = command(contender, scenario, seconds, connections, folder);
  const output = await new Promise<string>((resolve, reject) => {
    let text = "";
    const child = spawn("taskset", ["-c", "1", ...words], { stdio: ["ignore", "pipe", "inherit"] });
    child.stdout.on("data", (bytes) => {
      text += bytes;
    });
    child.on("error", reject);
    child.on("close", () => resolve(text));
  });
  const h2 = scenario.transport === "h2";
  const requests = numberIn(output, h2 ? /(\d+) succeeded/ : /(\d+) requests in/);
  if (Number.isNaN(requests)) throw new Error(`cannot load ${contender.name}: "${words[0]}" says nothing\n${output}`);
  return {
    requests,
    requestsPerSecond: numberIn(output, h2 ? /finished in [^,]+, ([\d.]+) req\/s/ : /Requests\/sec:\s+([\d.]+)/),
    p50: milliseconds(/50%\s+(\S+)/.exec(output)?.[1]),
    p99: milliseconds(/99%\s+(\S+)/.exec(output)?.[1]),
    failed: numberIn(output, h2 ? /succeeded, (\d+) failed/ : /Non-2xx or 3xx responses: (\d+)/) || 0,
    socketErrors: /Socket errors: (.*)/.exec(output)?.[1] ?? "",
  };
}
