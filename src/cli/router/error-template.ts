import { compileErrorTemplate, type ErrorTemplate } from "../../core/forwarding/error-template/compile.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { readErrorText } from "../file-error.ts";
import { StartFailure } from "./start-failure.ts";

/**
 * Reads and compiles `html_error_template_file`; undefined for an empty path: error pages are plain text.
 *
 * @throws StartFailure when it cannot be read, or holds what is not supported (control-plane §1.3, data-plane §2.2).
 */
export async function openErrorTemplate(
  runtime: Pick<Runtime, "readTextFile">,
  path: string,
): Promise<ErrorTemplate | undefined> {
  if (path === "") return undefined;
  let source: string;
  try {
    source = await runtime.readTextFile(path);
  } catch (error) {
    throw failure(`Could not read HTML error template file: ${readErrorText(path, error)}`);
  }
  try {
    return compileErrorTemplate(path, source);
  } catch (error) {
    throw failure((error as Error).message);
  }
}

const failure = (error: string): StartFailure => new StartFailure("new-html-error-template-from-file", { error });
