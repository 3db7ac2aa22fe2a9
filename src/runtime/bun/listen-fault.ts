import { isIP } from "node:net";

/** Bun gives no code to a name that it cannot resolve, and says "Failed to listen" whatever the reason is. */
export function listenFault({ message, code }: Error & { readonly code?: string }, host: string | undefined): object {
  const known = code ?? (host && isIP(host) === 0 ? "ENOTFOUND" : undefined);
  return { message: known === undefined ? message : `${message} (${known})`, code: known };
}
