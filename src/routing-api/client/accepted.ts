/** What a request to the Routing API came to. */
interface Answer {
  readonly status: number;
  readonly body: string;
}

/** The token was not taken (routing-api §14). */
export class Unauthorized extends Error {
  override readonly name = "Unauthorized";
  constructor() {
    super("unauthorized");
  }
}

/**
 * Gives an answer back when it is one of success.
 *
 * @throws Unauthorized when the token was not taken.
 * @throws Error with the API's own words when it did not do what it was asked for (routing-api §14).
 */
export function accepted<T extends Answer>(answer: T): T {
  const { status, body } = answer;
  if (status === 401) throw new Unauthorized();
  if (status >= 200 && status < 300) return answer;
  let message: unknown;
  try {
    message = (JSON.parse(body) as { message?: unknown } | null)?.message;
  } catch {
    // Not the API itself: a proxy in front of it, say.
  }
  if (typeof message === "string" && message !== "") throw new Error(message);
  throw new Error(body === "" ? `the Routing API answered ${status}` : body.slice(0, 1000));
}
