/**
 * The router cannot start, and says so on standard error in plain text, as libraries of upstream do (control-plane §1.3,
 * §6.1), after which the program exits.
 */
export class PlainFailure extends Error {
  override readonly name = "PlainFailure";
  readonly exitCode: number;

  /** `text` goes to standard error as it is, line end included. */
  constructor(text: string, exitCode: number) {
    super(text);
    this.exitCode = exitCode;
  }
}
