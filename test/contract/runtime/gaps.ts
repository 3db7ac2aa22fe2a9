import { runtime } from "#runtime";

/** What a runtime cannot do, by name; the text is the reason that a skipped test shows. */
interface Gaps {
  /** A dial to an address without route is told as such. */
  readonly unreachable?: string;
  /** A server sees the intermediates that a client sent. */
  readonly clientChain?: string;
}

const gaps: Readonly<Record<string, Gaps>> = {
  bun: { unreachable: "Bun reports every failed dial as refused (runtimes.md §1)" },
  node: { clientChain: "Node 24 shows a TLS server the client's leaf certificate only" },
};

/** The gaps of the runtime that runs the test. */
export const gap: Gaps = gaps[runtime.name] ?? {};
