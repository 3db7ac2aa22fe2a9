import { type Context, Hono } from "hono";
import type { Level } from "../core/observe/log.ts";
import { parseLevel } from "../core/observe/log-level.ts";
import type { Runtime } from "../runtime/interface.ts";
import { likeGoMux } from "./mux.ts";

/** What the debug server works on. */
export interface DebugParts {
  readonly runtime: Pick<Runtime, "args" | "programName" | "cpuProfile" | "heapSnapshot">;
  setLevel(level: Level): void;
}

/** Words for levels and the level each names (control-plane §9, the form of mid-2025). */
const levelNames: ReadonlyMap<string, string> = new Map(
  ["debug", "info", "warn", "error", "fatal"].flatMap((name, number) => [
    [name, name],
    [name[0]!, name],
    [String(number), name],
  ]),
);

const longestProfileSeconds = 300;

function plain(status: number, text: string): Response {
  return new Response(text, {
    status,
    headers: {
      "Content-Type": "text/plain; charset=utf-8",
      "Content-Length": String(new TextEncoder().encode(text).length),
    },
  });
}

const empty = (): Response => new Response(null, { status: 200, headers: { "Content-Length": "0" } });

async function changeLevel(context: Context, parts: DebugParts): Promise<Response> {
  if (context.req.method !== "POST") return plain(400, "method not allowed, use POST\n");
  const text = (await context.req.raw.text()).trim();
  if (text === "") return plain(400, "log level cannot be empty\n");
  const name = levelNames.get(text.toLowerCase());
  const level = name === undefined ? undefined : parseLevel(name);
  if (name === undefined || level === undefined) return plain(400, `invalid log level: ${text}\n`);
  parts.setLevel(level);
  const note = "Note: Fatal logs are reported as error logs in the Gorouter logs.\n";
  return plain(200, `/log-level was invoked with Level: ${name}\n${name === "fatal" ? note : ""}`);
}

/** What Go finds wrong with a text that is to be an integer of 64 bits; undefined: nothing. */
function integerFault(text: string): string | undefined {
  if (!/^[+-]?\d+$/.test(text)) return "invalid syntax";
  const value = BigInt(text.replace("+", ""));
  return BigInt.asIntN(64, value) === value ? undefined : "value out of range";
}

/** Rates of Go's own profiles: the number is looked at and has no meaning here. */
async function profileRate(context: Context): Promise<Response> {
  const text = await context.req.raw.text();
  const fault = integerFault(text);
  return fault === undefined ? empty() : plain(400, `strconv.Atoi: parsing ${JSON.stringify(text)}: ${fault}`);
}

const index =
  "<html><head><title>/debug/pprof/</title></head><body><h1>/debug/pprof/</h1><ul>" +
  '<li><a href="cmdline">cmdline</a>: the command line</li>' +
  '<li><a href="profile?seconds=30">profile</a>: CPU profile (.cpuprofile, for the performance panel of a browser)</li>' +
  '<li><a href="heap">heap</a>: heap snapshot (.heapsnapshot, for the memory panel); the router stands still meanwhile</li>' +
  "</ul></body></html>\n";

function download(body: ConstructorParameters<typeof Response>[0], name: string): Response {
  return new Response(body, {
    headers: { "Content-Type": "application/json", "Content-Disposition": `attachment; filename="${name}"` },
  });
}

async function profile(context: Context, parts: DebugParts): Promise<Response> {
  const text = context.req.query("seconds") ?? "30";
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= longestProfileSeconds)) {
    return plain(
      400,
      `cannot profile for ${JSON.stringify(text)} seconds: give a number up to ${longestProfileSeconds}\n`,
    );
  }
  return download(await parts.runtime.cpuProfile(seconds * 1000), "causeway.cpuprofile");
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}

/**
 * The debug server (control-plane §4.6): log level at run time, and profiles of the runtime in the places of Go's. The
 * latter hold memory of the process and are for clients on this machine only.
 */
export function debugApp(parts: DebugParts): Hono {
  const app = new Hono({ strict: true });
  likeGoMux(app);
  app.use("/debug/pprof/*", async (context, next) => {
    const { client } = context.env as { readonly client: { readonly remoteAddress: string } };
    if (isLoopback(client.remoteAddress)) return await next();
    return plain(403, "profiles are for clients on this machine only\n");
  });
  app.all("/debug/pprof/", () => new Response(index, { headers: { "Content-Type": "text/html; charset=utf-8" } }));
  app.all("/debug/pprof/cmdline", () => plain(200, [parts.runtime.programName, ...parts.runtime.args].join("\0")));
  app.all("/debug/pprof/profile", (context) => profile(context, parts));
  app.all("/debug/pprof/heap", async () => download(await parts.runtime.heapSnapshot(), "causeway.heapsnapshot"));
  app.all("/block-profile-rate", profileRate);
  app.all("/mutex-profile-fraction", profileRate);
  app.all("/log-level", (context) => changeLevel(context, parts));
  return app;
}
