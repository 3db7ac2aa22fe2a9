/** The lines that the summary stands between. */
const [summaryBegin, summaryEnd] = ["<!-- summary -->", "<!-- end of summary -->"];

/** Programs in the summary, in the order of its columns. */
const programs = ["nginx", "bun", "deno", "node", "binary"] as const;

/** One line of the summary: which cell of which generated table it repeats. */
interface Line {
  readonly label: string;
  /** The heading of this page that has the table, for the link. */
  readonly link: string;
  /** `npm run BENCH` made the section. */
  readonly bench: string;
  /** What the table's heading within the section begins with; empty where the section has one table. */
  readonly heading: string;
  /** What the first cell of the row has behind the program's name and a comma; empty where it is the name alone. */
  readonly row: string;
  /** Heading of the column; of several columns with it, the first. */
  readonly column: string;
}

const line = (label: string, link: string, bench: string, heading: string, row: string, column: string): Line => ({
  label,
  link,
  bench,
  heading,
  row,
  column,
});
const hop = (label: string, scenario: string): Line =>
  line(label, "one-hop", "bench", `${scenario}:`, "", "CPU µs/request");
const latency = (label: string, column: string): Line =>
  line(label, "latency-at-a-fixed-rate", "bench:latency", "", "", column);
const route = (label: string, heading: string, row: string, column: string): Line =>
  line(label, "routes", "bench:register", heading, row, column);

const lines: readonly Line[] = [
  hop("request with an answer of 1 KB, CPU µs", "small"),
  hop("the same over TLS, CPU µs", "tls"),
  hop("the same over HTTP/2, CPU µs", "h2"),
  hop("the same on a connection of its own, CPU µs", "close"),
  hop("upload of 16 KB, CPU µs", "post"),
  hop("answer of 64 KB, CPU µs", "64k"),
  hop("answer of 1 MB, CPU µs", "1m"),
  latency("added to a request at a fixed rate, median µs", "added p50 µs"),
  latency("the same, p99 µs", "added p99 µs"),
  line("full TLS handshake (ECDSA), CPU µs", "full-handshakes", "bench:handshake", "ECDSA", "", "CPU µs/handshake"),
  line("idle keep-alive connection, KB", "connections", "bench:connections", "", "keep-alive", "KB per connection"),
  line("idle WebSocket, KB", "connections", "bench:connections", "", "WebSockets", "KB per connection"),
  route("route (500-byte messages), KB", "The table", "half", "KB per route"),
  route("new route, CPU µs", "The table", "half", "CPU µs per new route"),
  route("heartbeat of a route, CPU µs", "The table", "half", "per heartbeat"),
  route("slowest request in a storm of messages, ms", "The table", "half", "longest wait in the storm, ms at work"),
  route("slowest request while all routes are pruned, ms", "Pruning", "1000000", "all stale, ms at work"),
  line("request with two workers / with one, CPU", "all-cores", "bench:workers", "", "2 workers", "/ 1 worker"),
  line("first answer after start, ms", "start", "bench:start", "", "", "first request ms"),
  line("resident memory at rest, MB", "start", "bench:start", "", "", "RSS MB at rest"),
  line("request by a route service / direct, CPU", "route-services", "bench:route-service", "", "", "ratio"),
  line("heartbeat at the Routing API, CPU µs", "routing-api", "bench:routing-api", "", "", "CPU µs per heartbeat"),
];

/** The cells of the first Markdown table of a text; the first row is that of the columns' headings. */
function cellsOf(text: string): string[][] {
  const rows = /^\|.*\n\|-[-:|]*\n(?:\|.*\n?)*/m.exec(text)?.[0] ?? "";
  return rows
    .split("\n")
    .filter((row) => row.startsWith("| "))
    .map((row) =>
      row
        .split("|")
        .map((cell) => cell.trim())
        .slice(1, -1),
    );
}

/** What the page's table says of a program; `-` where it says nothing. */
function cell(page: string, { bench, heading, row, column }: Line, program: string): string {
  const section = page.split(`<!-- npm run ${bench} -->`)[1]?.split(`<!-- end of npm run ${bench} -->`)[0] ?? "";
  const text = heading === "" ? section : (section.split("\n### ").find((part) => part.startsWith(heading)) ?? "");
  const [columns = [], ...rows] = cellsOf(text);
  const found = rows.find(([name = ""]) =>
    row === "" ? name === program : name.startsWith(`${program}, `) && name.includes(row),
  );
  return found?.[columns.indexOf(column)] ?? "-";
}

/** The summary that the generated tables of a page make: a Markdown table with a link to the section of each figure. */
export function summaryOf(page: string): string {
  const rows = lines.map((one) => [
    `[${one.label}](#${one.link})`,
    ...programs.map((program) => cell(page, one, program)),
  ]);
  const written = [["", ...programs], ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  return [written[0], `|---|${"---:|".repeat(programs.length)}`, ...written.slice(1)].join("\n");
}

/** The page with its summary made anew from its tables; one without the lines of a summary is as it was. */
export function withSummary(page: string): string {
  const [from, to] = [page.indexOf(summaryBegin), page.indexOf(summaryEnd)];
  if (from < 0 || to < from) return page;
  return `${page.slice(0, from)}${summaryBegin}\n\n${summaryOf(page)}\n\n${page.slice(to)}`;
}
