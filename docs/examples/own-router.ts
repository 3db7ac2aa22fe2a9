/**
 * A router of one's own: follows the routes that its token may see in the Routing API, and answers for each with its
 * backends. Run it as `node own-router.ts http://localhost:3000 TOKEN`; Bun and Deno run it too.
 */
const [api = "http://localhost:3000", token = ""] = globalThis.process.argv.slice(2);

interface Route {
  readonly route: string;
  readonly ip: string;
  readonly port: number;
}

const table = new Map<string, Route>();
let lastEventId = "";

function apply(event: string, data: string): void {
  if (event === "Reset") table.clear();
  if (event !== "Upsert" && event !== "Delete") return;
  const route = JSON.parse(data) as Route;
  const key = `${route.route} ${route.ip}:${route.port}`;
  if (event === "Upsert") table.set(key, route);
  else table.delete(key);
  console.log(`${event} ${key} (${table.size} in the table)`);
}

for (;;) {
  try {
    const headers = { Authorization: `bearer ${token}`, ...(lastEventId && { "Last-Event-ID": lastEventId }) };
    const response = await fetch(`${api}/routing/v1/events?snapshot=true`, { headers });
    let text = "";
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
      const frames = (text + piece).split("\n\n");
      text = frames.pop()!;
      for (const frame of frames) {
        const field = (name: string): string => new RegExp(`^${name}: (.*)$`, "m").exec(frame)?.[1] ?? "";
        apply(field("event"), field("data"));
        lastEventId = field("id");
      }
    }
  } catch (error) {
    console.error(`no stream: ${(error as Error).message}`);
  }
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
