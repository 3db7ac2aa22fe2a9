import type { Runtime } from "../runtime/interface.ts";

/** A sub-command: gets the arguments after its name, and ends the process itself. */
export interface Command {
  /** One line for `causeway --help`. */
  readonly summary: string;
  run(runtime: Runtime, args: readonly string[]): Promise<void>;
}
