import assert from "node:assert/strict";
import parse from "parse-prometheus-text-format";

/** Samples of a Prometheus endpoint as they stand in its text: `name{labels}` to value. */
export async function scrape(port: number): Promise<ReadonlyMap<string, number>> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  assert.equal(answer.status, 200);
  const text = await answer.text();
  assert.ok(parse(text).length > 0, "a Prometheus parser understands the text");
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const space = line.lastIndexOf(" ");
    samples.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return samples;
}
