/** PEM characters of authorities that a server may add to its chain: clients take a limited chain, and it costs bytes. */
const mostCharacters = 24_000;

/**
 * The first authorities, as many as fit. For Deno's engine, which sends all authorities for client certificates as part of
 * the server's own chain: with the system's some 140, OpenSSL's clients find the message excessive (seen on Deno 2.9).
 */
export function authoritiesInChain(authorities: readonly string[]): readonly string[] {
  let characters = 0;
  const end = authorities.findIndex((pem) => {
    characters += pem.length;
    return characters > mostCharacters;
  });
  return end < 0 ? authorities : authorities.slice(0, end);
}
