import type { fetchHandler } from "../../../wire/server-fetch.ts";
import type { Fleet } from "./fleet.ts";

/** What a Fetch handler of a status listener looks like. */
type Answer = Parameters<typeof fetchHandler>[0];

/**
 * The same answers, but that the workers are asked first: `/routes` shows what all of them serve, `/varz` what all of
 * them counted.
 */
export function upToDate(fleet: Pick<Fleet, "settled" | "collect">, answer: Answer): Answer {
  return async (request, environment) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/routes") await fleet.settled();
    else if (pathname === "/varz") await fleet.collect();
    return await answer(request, environment);
  };
}
