/** Bun brings to `error`, beside failures of the socket (a code says which), what a callback has thrown: nobody caught that. */
export function rethrown(error: Error): boolean {
  if ((error as { code?: string }).code !== undefined) return false;
  queueMicrotask(() => {
    throw error;
  });
  return true;
}

/** `error:10000070:SSL routines:OPENSSL_internal:REASON`, as BoringSSL writes it. */
const libraryError = /^error:[0-9a-f]+:[^:]*:[^:]*:(.+)$/;

/** A failure of the TLS engine, with the code that `node:tls` would give it: `ERR_SSL_` and the reason. */
export function tlsError(error: { readonly code?: string; readonly message: string }): Error {
  const reason = libraryError.exec(error.message)?.[1];
  return Object.assign(new Error(error.message), { code: reason === undefined ? error.code : `ERR_SSL_${reason}` });
}
