import type { DocumentNode } from "../core/config/document.ts";
import type { Lager } from "../core/observe/lager.ts";
import type { Runtime } from "../runtime/interface.ts";
import { decodeRoutesFile } from "./config/decode.ts";
import { Report } from "./config/report.ts";
import { validateRoute } from "./config/validate-route.ts";
import { Glob } from "./glob.ts";
import type { Route } from "./route.ts";
import { Ticker } from "./ticker.ts";

/** What the watcher needs. */
export interface RoutesFilesParts {
  readonly runtime: Pick<Runtime, "clock" | "readTextFile" | "listDirectory" | "fileStamp">;
  /** The part `routes-config-watcher`. */
  readonly logger: Lager;
  /** Top-level `host` of the configuration. */
  readonly host: string;
  /** Throws an `Error` for a text that is no YAML. */
  readonly parseYaml: (text: string) => DocumentNode | undefined;
  /** Why a valid route cannot be registered all the same (no bus, no Routing API); undefined: it can. */
  readonly unusable: (route: Route) => string | undefined;
  /** All routes of a file, at once; none when the file is gone. */
  readonly apply: (file: string, routes: readonly Route[]) => void;
}

const periodMs = 500;
/** A file that changes must keep still for so long before it is read: it may be half written. */
const settleMs = 100;

/**
 * Watches the files that `dynamic_config_globs` name (route-registrar §12): all of them at start, then those that
 * change. A file that cannot be read or parsed leaves its routes as they are.
 */
export class RoutesFiles {
  readonly #parts: RoutesFilesParts;
  readonly #globs: readonly Glob[];
  readonly #ticker: Ticker;
  /** Stamps of the files as they were read. */
  readonly #seen = new Map<string, string>();
  #scanned = false;
  #stopped = false;

  /** @throws Error `syntax error in pattern`, logged with the pattern. */
  constructor(patterns: readonly string[], parts: RoutesFilesParts) {
    this.#parts = parts;
    this.#globs = patterns.map((pattern) => {
      try {
        return new Glob(pattern);
      } catch (error) {
        const { message } = error as Error;
        parts.logger.error("failed-to-glob-config-files", message, { glob: pattern });
        parts.logger.error("failed-to-discover-config-files", message);
        throw error;
      }
    });
    this.#ticker = new Ticker(parts.runtime.clock, periodMs, () => this.#scan());
  }

  /** Scans at once and twice a second. */
  start(): void {
    this.#ticker.start();
  }

  /** `signal`: the number of the one that ends the program. */
  stop(signal: number): void {
    this.#parts.logger.info("caught-signal", { signal });
    this.#stopped = true;
    this.#ticker.stop();
  }

  async #scan(): Promise<void> {
    const stamps = await this.#stamps();
    const changed = [...stamps].filter(([file, stamp]) => this.#seen.get(file) !== stamp).map(([file]) => file);
    const first = !this.#scanned;
    this.#scanned = true;
    const gone = [...this.#seen.keys()].filter((file) => !stamps.has(file));
    if (changed.length === 0 && gone.length === 0) return;
    if (!first) await new Promise<void>((resolve) => this.#parts.runtime.clock.after(settleMs, resolve));
    for (const file of gone) await this.#forget(file);
    for (const file of changed) await this.#read(file, stamps.get(file)!);
  }

  async #stamps(): Promise<ReadonlyMap<string, string>> {
    const { runtime } = this.#parts;
    const stamps = new Map<string, string>();
    for (const glob of this.#globs) {
      for (const file of await glob.expand(runtime)) {
        if (stamps.has(file)) continue;
        const stamp = await runtime.fileStamp(file);
        if (stamp !== undefined) stamps.set(file, stamp);
      }
    }
    return stamps;
  }

  async #forget(file: string): Promise<void> {
    const { runtime, logger, apply } = this.#parts;
    if ((await runtime.fileStamp(file)) !== undefined || this.#stopped) return;
    this.#seen.delete(file);
    logger.info("removing-routes-from-config-file", { file });
    apply(file, []);
  }

  async #read(file: string, stamp: string): Promise<void> {
    const { runtime, logger, apply, parseYaml } = this.#parts;
    // Changed again meanwhile: next time.
    if ((await runtime.fileStamp(file)) !== stamp) return;
    let text: string;
    try {
      text = await runtime.readTextFile(file);
    } catch (error) {
      this.#seen.set(file, stamp);
      logger.error("failed-to-read-macthed-file", (error as Error).message, { file });
      return;
    }
    if ((await runtime.fileStamp(file)) !== stamp || this.#stopped) return;
    this.#seen.set(file, stamp);
    let routes: readonly Route[];
    try {
      routes = this.#routesOf(file, decodeRoutesFile(parseYaml(text)));
    } catch (error) {
      logger.error("failed-to-parse-file", (error as Error).message, { file });
      return;
    }
    apply(file, routes);
  }

  #routesOf(file: string, { value, warnings }: ReturnType<typeof decodeRoutesFile>): Route[] {
    const { logger, host, unusable } = this.#parts;
    for (const warning of warnings) logger.info("config-warning", { warning, file });
    return value.flatMap((document, index) => {
      const route = validateRoute(document, index, host);
      const fault = route instanceof Report ? route.toString() : (unusable(route) ?? route.refusal);
      if (route instanceof Report || fault !== undefined) {
        logger.error("failed-to-parse-route", fault ?? "", { file });
        return [];
      }
      return [route];
    });
  }
}
