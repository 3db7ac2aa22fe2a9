/** A promise that is settled from outside. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T | PromiseLike<T>): void;
  reject(reason: unknown): void;
}

/** What `Promise.withResolvers` gives, on Node 20 too, which does not have it and on which the npm package runs. */
export function deferred<T>(): Deferred<T> {
  const settle = { resolve: (_value: T | PromiseLike<T>): void => {}, reject: (_reason: unknown): void => {} };
  const promise = new Promise<T>((resolve, reject) => Object.assign(settle, { resolve, reject }));
  return Object.assign(settle, { promise });
}
