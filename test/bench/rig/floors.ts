/**
 * What a hop may cost at most, as CPU time per request relative to nginx in the same run: the ratios of
 * docs/performance.md and a margin of a fifth, as short rounds scatter. Lower them when the router has become faster.
 */
export const floors: Readonly<Record<string, Readonly<Record<"bun" | "deno" | "node", number>>>> = {
  small: { bun: 2.0, deno: 3.2, node: 3.0 },
  "64k": { bun: 1.1, deno: 2.4, node: 3.0 },
  post: { bun: 1.7, deno: 2.6, node: 2.4 },
  close: { bun: 2.3, deno: 4.8, node: 4.7 },
  tls: { bun: 2.0, deno: 3.2, node: 3.0 },
  h2: { bun: 4.0, deno: 5.0, node: 4.0 },
};
