import { createServer } from "node:net";
import { condition } from "./condition.ts";

/**
 * Does `work` while no other test on this machine does work of that name: suites run side by side, and some things, such as
 * the default ports, exist once. The lock is an abstract socket, which the kernel takes back however its owner ends.
 */
export async function alone<T>(name: string, work: () => Promise<T>): Promise<T> {
  const lock = createServer();
  const taken = (): Promise<true | undefined> =>
    new Promise((resolve, reject) => {
      lock.once("error", (error: NodeJS.ErrnoException) =>
        error.code === "EADDRINUSE" ? resolve(undefined) : reject(error),
      );
      lock.listen(`\0causeway-test-${name}`, () => resolve(true));
    });
  await condition(`the end of others' ${name}`, taken, 120_000);
  try {
    return await work();
  } finally {
    await new Promise((resolve) => lock.close(resolve));
  }
}
