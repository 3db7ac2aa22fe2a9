import type { fetchHandler } from "../../../wire/server-fetch.ts";
import type { Fleet } from "./fleet.ts";

/** What a Fetch handler of a status listener looks like. */
type Answer = Parameters<typeof fetchHandler>[0];

/**
 * The same answers, but that the workers are asked: `/routes` shows what all of them serve, `/varz` what all of them
 * counted.
 */
export function upToDate(fleet: Pick<Fleet, "settled" | "collect">, answer: Answer): Answer {
  return async (request, environment) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/varz") await fleet.collect();
    const response = await answer(request, environment);
    // Only after the table was read: what changes while the workers catch up would be shown before they have it.
    if (pathname === "/routes") await fleet.settled();
    return response;
  };
}
