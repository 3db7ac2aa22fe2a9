import type { Config } from "../../core/config/schema.ts";
import type { LogData, Logger } from "../../core/observe/log.ts";
import type { CertificateExpiry } from "../../core/observe/metrics.ts";
import { certificatesOf } from "../../core/x509/certificate.ts";
import { nameText } from "../../core/x509/distinguished-name.ts";
import { keyPairFault } from "../../core/x509/key-pair.ts";
import type { Timer } from "../../runtime/interface/clock.ts";
import type { KeyPair, ServerTls } from "../../runtime/interface/tls.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { readErrorText } from "../file-error.ts";
import { StartFailure } from "./start-failure.ts";

/** How often files are looked at, in milliseconds: a change shows within two rounds, one to settle and one to take it. */
const roundMs = 500;
const dayMs = 24 * 3600 * 1000;

type Entry = Config["tls_pem"][number];

/** What the files of an entry looked like: changes when one of them does. */
type Stamps = readonly (string | undefined)[];

/** The pair of an entry of `tls_pem`, or why it is none. */
export async function readKeyPair(
  runtime: Pick<Runtime, "readTextFile" | "matchKey">,
  entry: Entry,
): Promise<KeyPair | string> {
  const text = async (path: string, inline: string): Promise<string> => {
    if (path === "") return inline;
    try {
      return await runtime.readTextFile(path);
    } catch (error) {
      throw new Error(readErrorText(path, error));
    }
  };
  try {
    const certificate = await text(entry.cert_chain_file, entry.cert_chain);
    const key = await text(entry.private_key_file, entry.private_key);
    return keyPairFault(certificate, key, runtime.matchKey) ?? { certificate, key };
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * The certificates of the main TLS listener (data-plane §7.1), some of which may stand in files. A changed file, or `reload`,
 * puts new ones in place for the handshakes that follow; what cannot be used is told, and the old one stays.
 */
export class CertificateStore {
  /** Told when other certificates came into use; undefined: nobody needs to know. */
  changed: (() => void) | undefined;
  readonly #runtime: Runtime;
  readonly #entries: readonly Entry[];
  readonly #log: Logger;
  readonly #pairs: KeyPair[] = [];
  #stamps: Stamps[] = [];
  /** What files looked like when a round found a change; it is taken when the next round finds the same. */
  #settling: Stamps[] = [];
  #tls: ServerTls;
  #timer: Timer | undefined;
  #busy: Promise<void> = Promise.resolve();

  private constructor(runtime: Runtime, entries: readonly Entry[], tls: Omit<ServerTls, "keyPairs">, log: Logger) {
    this.#runtime = runtime;
    this.#entries = entries;
    this.#log = log;
    this.#tls = { ...tls, keyPairs: [] };
  }

  /**
   * Reads the files, checks all pairs, and begins to watch the files.
   *
   * @throws StartFailure naming the position in `tls_pem` and the subject of what is of no use.
   */
  static async open(
    runtime: Runtime,
    entries: readonly Entry[],
    tls: Omit<ServerTls, "keyPairs">,
    log: Logger,
  ): Promise<CertificateStore> {
    const store = new CertificateStore(runtime, entries, tls, log);
    store.#stamps = await store.#look();
    store.#settling = store.#stamps;
    for (const [index, entry] of entries.entries()) {
      const pair = await readKeyPair(runtime, entry);
      if (typeof pair === "string") throw startFailure(faultData(index, entry, pair));
      store.#pairs.push(pair);
    }
    store.#tls = { ...tls, keyPairs: store.#pairs };
    try {
      const gaps = runtime.prepareServerTls(store.#tls);
      if (gaps.length > 0) log.warn("tls-settings-not-honoured", { gaps });
    } catch (error) {
      throw startFailure({ error: (error as Error).message });
    }
    store.#warnOfDates();
    if (entries.some(inFiles)) store.#watch();
    return store;
  }

  /** What the next handshake uses. */
  readonly current = (): ServerTls => this.#tls;

  /** The certificates in use, for the metrics. */
  expiries(): CertificateExpiry[] {
    return this.#pairs.map((pair, index) => ({
      certificate: `tls_pem[${index}] ${subjectOf(pair)}`,
      daysLeft: () => ((leafOf(pair)?.notAfter ?? 0) - this.#runtime.clock.now()) / dayMs,
    }));
  }

  /** Reads all files anew, whether they changed or not. Never rejects. */
  reload(): Promise<void> {
    this.#busy = this.#busy.then(async () => {
      this.#stamps = await this.#look();
      this.#settling = this.#stamps;
      await this.#take(this.#entries.keys());
    });
    return this.#busy;
  }

  /** Files are no longer looked at. */
  close(): void {
    this.#timer?.cancel();
  }

  #watch(): void {
    const round = (): void => {
      this.#busy = this.#busy.then(() => this.#round());
      this.#timer = this.#runtime.clock.after(roundMs, round, true);
    };
    this.#timer = this.#runtime.clock.after(roundMs, round, true);
  }

  async #round(): Promise<void> {
    const seen = await this.#look();
    const changed = seen.flatMap((stamps, index) => (same(stamps, this.#stamps[index]!) ? [] : [index]));
    const settled = changed.filter((index) => same(seen[index]!, this.#settling[index]!));
    this.#settling = seen;
    if (settled.length === 0) return;
    this.#stamps = this.#stamps.map((stamps, index) => (settled.includes(index) ? seen[index]! : stamps));
    await this.#take(settled);
  }

  async #look(): Promise<Stamps[]> {
    const stamp = (path: string) => (path === "" ? undefined : this.#runtime.fileStamp(path).catch(() => undefined));
    return await Promise.all(
      this.#entries.map((entry) => Promise.all([stamp(entry.cert_chain_file), stamp(entry.private_key_file)])),
    );
  }

  async #take(indexes: Iterable<number>): Promise<void> {
    const next = [...this.#pairs];
    const taken: number[] = [];
    for (const index of indexes) {
      const entry = this.#entries[index]!;
      if (!inFiles(entry)) continue;
      const pair = await readKeyPair(this.#runtime, entry);
      if (typeof pair === "string") this.#refused(index, pair);
      else if (pair.certificate !== next[index]!.certificate || pair.key !== next[index]!.key) {
        next[index] = pair;
        taken.push(index);
      }
    }
    if (taken.length === 0) return;
    const tls = { ...this.#tls, keyPairs: next };
    try {
      // What the runtime would not take must not become current.
      this.#runtime.prepareServerTls(tls);
    } catch (error) {
      for (const index of taken) this.#refused(index, (error as Error).message);
      return;
    }
    for (const index of taken) this.#pairs[index] = next[index]!;
    this.#tls = tls;
    this.changed?.();
    const certificates = taken.map((index) => ({ position: index, ...datesOf(next[index]!) }));
    this.#log.info("tls-certificates-reloaded", { certificates });
    this.#warnOfDates(taken);
  }

  #refused(index: number, reason: string): void {
    this.#log.error("tls-certificate-not-reloaded", faultData(index, this.#entries[index]!, reason));
  }

  #warnOfDates(indexes: Iterable<number> = this.#pairs.keys()): void {
    const now = this.#runtime.clock.now();
    for (const position of indexes) {
      const leaf = leafOf(this.#pairs[position]!);
      if (leaf === undefined || (leaf.notBefore <= now && now <= leaf.notAfter)) continue;
      const message = now > leaf.notAfter ? "tls-certificate-expired" : "tls-certificate-not-yet-valid";
      this.#log.warn(message, { position, ...datesOf(this.#pairs[position]!) });
    }
  }
}

function startFailure(data: LogData): StartFailure {
  return new StartFailure("tls-certificate-error", data, "router");
}

export function inFiles(entry: Entry): boolean {
  return entry.cert_chain_file !== "" || entry.private_key_file !== "";
}

function same(one: Stamps, other: Stamps): boolean {
  return one.every((stamp, index) => stamp === other[index]);
}

const leafOf = ({ certificate }: KeyPair) => certificatesOf(certificate)[0];

function subjectOf(pair: KeyPair): string {
  const leaf = leafOf(pair);
  return leaf === undefined ? "" : nameText(leaf.subject);
}

function datesOf(pair: KeyPair): { subject: string; not_before: string; not_after: string } {
  const { notBefore = 0, notAfter = 0 } = leafOf(pair) ?? {};
  return {
    subject: subjectOf(pair),
    not_before: new Date(notBefore).toISOString(),
    not_after: new Date(notAfter).toISOString(),
  };
}

function faultData(position: number, entry: Entry, error: string): LogData {
  const { cert_chain_file, private_key_file } = entry;
  return { position, cert_chain_file, private_key_file, error };
}
