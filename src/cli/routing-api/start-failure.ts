/** A start of the Routing API that fails: what is logged, and the exit code (routing-api §2.2). */
export class ApiStartFailure extends Error {
  override readonly name = "ApiStartFailure";
  readonly action: string;
  readonly code: number;
  constructor(action: string, error: unknown, code = 1) {
    super(error instanceof Error ? error.message : String(error));
    this.action = action;
    this.code = code;
  }
}
