import type { Runtime } from "../runtime/interface.ts";

/** A sub-command: gets the arguments after its name, and ends the process itself. */
export interface Command {
  /** One line for `causeway --help`. */
  readonly summary: string;
  /** `calledAs` is what usage texts call it: `gorouter`, or `causeway router`. */
  run(runtime: Runtime, args: readonly string[], calledAs: string): Promise<void>;
}
