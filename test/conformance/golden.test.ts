import { readdirSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { baseConfig, type GoldenCase } from "./golden/case.ts";
import { Table } from "./golden/play.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

/** Cases one router process serves, one after the other; they wait for the access log's batches most of their time. */
const perProcess = 115;
const processesAtOnce = 8;

/** Only cases whose file, section and name contain this, for work on single ones. */
const only = process.env["GOLDEN"] ?? "";

/** Cases by configuration, in the order of the files. */
const groups = new Map<string, GoldenCase[]>();
for (const file of readdirSync(fileURLToPath(new URL("golden/", import.meta.url))).sort()) {
  const { cases } = (await import(`./golden/${file}`)) as { cases?: readonly GoldenCase[] };
  for (const golden of cases ?? []) {
    if (!`${file} ${golden.section} ${golden.name}`.includes(only)) continue;
    const key = JSON.stringify(golden.config ?? {});
    groups.set(key, [...(groups.get(key) ?? []), golden]);
  }
}

/** One router starts at a time: many that share two processors would all take as long as all together. */
let started: Promise<unknown> = Promise.resolve();
function startInTurn(config: object): Promise<RouterUnderTest> {
  const router = started.then(() => startRouter("embedded", { ...baseConfig, ...config }));
  started = router.catch(() => {});
  return router;
}

describe("golden table", { concurrency: processesAtOnce }, () => {
  for (const [key, all] of groups) {
    for (let start = 0; start < all.length; start += perProcess) {
      describe(`configuration ${key}, cases from ${start}`, { concurrency: 1 }, () => {
        let router: RouterUnderTest;
        let table: Table;
        before(async () => {
          router = await startInTurn(JSON.parse(key) as object);
          table = await Table.open(router);
        });
        after(async () => {
          await table?.close();
          await router?.stop();
        });
        for (const golden of all.slice(start, start + perProcess)) {
          it(`${golden.section}: ${golden.name}`, async () => await table.play(golden));
        }
      });
    }
  }
});
