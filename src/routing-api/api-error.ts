import { goJson } from "../core/go-json.ts";

/** Names of errors on the wire (routing-api §4); the last three are ours. */
export type ApiErrorName =
  | "ProcessRequestError"
  | "RouteInvalidError"
  | "RouteServiceUrlInvalidError"
  | "UnauthorizedError"
  | "ResourceNotFoundError"
  | "DBCommunicationError"
  | "DBConflictError"
  | "RequestTooLargeError"
  | "RequestTimeoutError"
  | "ForbiddenError";

/** A request that is refused; `message` goes to the client. */
export class ApiError extends Error {
  override readonly name: ApiErrorName;
  readonly status: number;
  constructor(status: number, name: ApiErrorName, message: string) {
    super(message);
    this.status = status;
    this.name = name;
  }

  /** The response body: no line feed, HTML characters escaped (routing-api §4). */
  get body(): string {
    return goJson({ name: this.name, message: this.message });
  }
}

/** A body that cannot be decoded, and every TCP mapping or router group that is not valid. */
export function processError(reason: string): ApiError {
  return new ApiError(400, "ProcessRequestError", `Cannot process request: ${reason}`);
}
