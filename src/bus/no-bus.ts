import type { Bus } from "./bus.ts";

/** The bus of a router that has none: its routes come from a Routing API. What is published reaches nobody. */
export function noBus(): Bus {
  let close: () => void = () => {};
  const closed = new Promise<undefined>((resolve) => {
    close = () => resolve(undefined);
  });
  let inboxes = 0;
  return {
    // Nothing is missing: pruning goes on, and `/health` has nothing to complain about.
    connected: true,
    host: "",
    closed,
    publish: () => {},
    subscribe: () => ({ unsubscribe: () => {} }),
    inbox: () => `_INBOX.${++inboxes}`,
    onReconnect: () => {},
    flush: () => Promise.resolve(),
    close: async () => close(),
  };
}
