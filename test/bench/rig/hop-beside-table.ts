import { execFileSync } from "node:child_process";
import process from "node:process";
import { Beside, type BesideSurroundings } from "./beside.ts";
import { median, shown, shownRatios } from "./report.ts";

/** What a row of "a hop beside the table" is measured with. */
export interface HopPlan extends BesideSurroundings {
  /** Routes of the routers that get a table. */
  readonly tables: readonly number[];
  /** Windows of each router before it has its table, at rest beside it, and with heartbeats. */
  readonly windows: number;
  /** Sets of new processes. */
  readonly sets: number;
  /** Requests after which a router has compiled all that a request needs. */
  readonly warm: number;
  /** Memory must not have fallen for so long before it goes on: garbage of the registrations is not what is measured. */
  readonly settleMs: number;
}

/** Seconds of a window in which all are asked at once, and of one in which they take turns. */
const [together, alone] = [2, 1];
/** Windows that may serve the first requests. */
const mostWindows = 20;

/** What a set found: the yardstick's CPU time per request, and what each of the others takes more for its table. */
interface SetResult {
  readonly cost: number;
  /** Of each router: its ratio to the yardstick with its table, through that without. */
  readonly atRest: readonly number[];
  readonly beating: readonly number[];
}

/** Windows in which all routers are asked at once: of each the median of its ratios to the first, and the first's cost. */
async function ratiosTogether(all: readonly Beside[], windows: number): Promise<{ cost: number; ratios: number[] }> {
  const ratios: number[][] = all.map(() => []);
  const costs: number[] = [];
  for (let i = 0; i < windows; i++) {
    const [first, ...others] = await Promise.all(all.map((one) => one.window(together, false)));
    costs.push(first!.cost);
    [first!, ...others].forEach(({ cost }, at) => {
      ratios[at]!.push(cost / first!.cost);
    });
  }
  return { cost: median(costs), ratios: ratios.map(median) };
}

/**
 * The same with heartbeats, by turns: they come by the clock and not by the request, and a router that has a part of the
 * core only would seem to pay that much more for them.
 */
async function ratiosBeating(all: readonly Beside[], windows: number): Promise<number[]> {
  const ratios: number[][] = all.map(() => []);
  for (let i = 0; i < windows; i++) {
    const costs: number[] = [];
    for (const one of all) costs.push((await one.window(alone, true)).cost);
    costs.forEach((cost, at) => {
      ratios[at]!.push(cost / costs[0]!);
    });
  }
  return ratios.map(median);
}

async function serve(all: readonly Beside[], requests: number): Promise<void> {
  const served = all.map(() => 0);
  for (let i = 0; i < mostWindows && served.some((count) => count < requests); i++) {
    const windows = await Promise.all(all.map((one) => one.window(together, false)));
    windows.forEach((window, at) => {
      served[at]! += window.requests;
    });
  }
}

/** A set of new processes: the yardstick, its twin that gets no table either, and one for each table. */
async function measureSet(name: string, set: number, plan: HopPlan): Promise<SetResult> {
  const sizes = [1, 1, ...plan.tables];
  const all: Beside[] = [];
  for (const at of sizes.keys()) all.push(await Beside.start(name, `${name}-hop-${set}-${at}`, plan));
  await serve(all, plan.warm);
  const before = await ratiosTogether(all, plan.windows);
  for (const [at, size] of sizes.entries()) await all[at]!.fill(size);
  await Promise.all(all.map((one) => one.subject.settledMemory(plan.settleMs)));
  await serve(all, plan.warm / 4);
  const atRest = await ratiosTogether(all, plan.windows);
  const beating = await ratiosBeating(all, plan.windows);
  for (const one of all) await one.stop(plan.processes);
  const more = (ratios: readonly number[]): number[] => ratios.map((ratio, at) => ratio / before.ratios[at]!);
  return { cost: atRest.cost, atRest: more(atRest.ratios), beating: more(beating) };
}

/** The columns of the table that `hopRow` gives rows of. */
export function hopColumns(tables: readonly number[]): string[] {
  const pairs = tables.flatMap((size) => [`${size} routes, %`, "with heartbeats, %"]);
  return ["", "CPU µs per request, 1 route", "a twin without a table, %", ...pairs];
}

/**
 * What a request costs beside larger tables, at rest and with heartbeats, on CPU 0; everything else is on CPU 1, the buses
 * too. Two processes of one program differ by what they compiled and where their memory lies, by a tenth and more; what
 * the machine does besides changes by as much within seconds. So each router is compared with itself, before it has its
 * table and after, and all are asked at once beside a yardstick that stays with one route. A twin of the yardstick
 * goes through the same: what it seems to take more shows how far the figures can be trusted.
 */
export async function hopRow(name: string, plan: HopPlan): Promise<string[]> {
  execFileSync("taskset", ["-a", "-p", "-c", "1", String(process.pid)], { stdio: "ignore" });
  const results: SetResult[] = [];
  const cells = (from: readonly SetResult[]): string[] => [
    shownRatios(
      from.map(({ atRest }) => atRest[1]!),
      "percent",
    ),
    ...plan.tables.flatMap((_, at) => [
      shownRatios(
        from.map(({ atRest }) => atRest[at + 2]!),
        "percent",
      ),
      shownRatios(
        from.map(({ beating }) => beating[at + 2]!),
        "percent",
      ),
    ]),
  ];
  for (let set = 1; set <= plan.sets; set++) {
    results.push(await measureSet(name, set, plan));
    console.log(`${name}, set ${set} of ${plan.sets}: ${cells(results.slice(-1)).join(", ")}`);
  }
  return [name, shown(median(results.map(({ cost }) => cost))), ...cells(results)];
}
