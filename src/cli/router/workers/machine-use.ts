import type { ProcessUsage } from "../../../runtime/interface/processes.ts";
import type { Runtime } from "../../../runtime/interface.ts";
import type { WorkerReport } from "./messages.ts";

/** What a router's processes use of the machine together, workers as of their latest reports. */
export class MachineUse {
  readonly #reports = new Map<number, WorkerReport>();
  /** What workers used that have ended. */
  #endedCpuSeconds = 0;

  /** What the worker at that place has used; undefined: it has ended. */
  note(place: number, report: WorkerReport | undefined): void {
    if (report !== undefined) {
      this.#reports.set(place, report);
      return;
    }
    this.#endedCpuSeconds += this.#reports.get(place)?.usage.cpuSeconds ?? 0;
    this.#reports.delete(place);
  }

  /** The runtime, but that what it tells of the process holds for the supervisor and its workers. */
  count(runtime: Runtime): Runtime {
    const add = (one: ProcessUsage, { usage: other }: WorkerReport): ProcessUsage => ({
      cpuSeconds: one.cpuSeconds + other.cpuSeconds,
      maxResidentBytes: one.maxResidentBytes + other.maxResidentBytes,
      heapBytes: one.heapBytes + other.heapBytes,
    });
    return {
      ...runtime,
      usage: () => {
        const own = runtime.usage();
        return [...this.#reports.values()].reduce(add, { ...own, cpuSeconds: own.cpuSeconds + this.#endedCpuSeconds });
      },
      openDescriptors: async () => {
        const own = await runtime.openDescriptors();
        return [...this.#reports.values()].reduce((sum, { descriptors }) => sum + descriptors, own);
      },
    };
  }
}
