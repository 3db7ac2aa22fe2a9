/**
 * A request head that is not taken (data-plane §1.2): nothing is routed, logged or counted. `answer` is the complete
 * answer, head and body, one byte per character; the connection is closed behind it.
 */
export class HeadRefusal extends Error {
  override readonly name = "HeadRefusal";
  readonly status: number;
  readonly answer: string;

  constructor(status: number, reason: string, answer: string) {
    super(`request refused: ${reason}`);
    this.status = status;
    this.answer = answer;
  }
}

/** The plain form of data-plane §1.2; `status` is the whole status line after the version. */
function plain(status: string, body: string): HeadRefusal {
  const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n`;
  return new HeadRefusal(Number(status.substring(0, 3)), status, head + body);
}

/** 400; `detail` stands behind the reason phrase where data-plane §1.2 names one. */
export function badRequest(detail = ""): HeadRefusal {
  const status = detail === "" ? "400 Bad Request" : `400 Bad Request: ${detail}`;
  return plain(status, status);
}

/** 431: the head has too many bytes or too many lines. */
export function headTooLarge(): HeadRefusal {
  const status = "431 Request Header Fields Too Large";
  return plain(status, status);
}

/** 501: a transfer coding other than a single `chunked`. */
export function unsupportedTransferEncoding(): HeadRefusal {
  return plain("501 Not Implemented", "Unsupported transfer encoding");
}

/** 505: the major version is not 1. */
export function unsupportedVersion(): HeadRefusal {
  const status = "505 HTTP Version Not Supported: unsupported protocol version";
  return plain(status, status);
}

/**
 * 417 in the request's version, for an `Expect` that is not `100-continue`. `date` is an IMF-fixdate (RFC 9110
 * §5.6.7); without one the line is left out.
 */
export function expectationFailed(minor: number, date: string | undefined): HeadRefusal {
  const status = "417 Expectation Failed";
  const dateLine = date === undefined ? "" : `Date: ${date}\r\n`;
  const version = minor === 0 ? "HTTP/1.0" : "HTTP/1.1";
  const answer = `${version} ${status}\r\nConnection: close\r\n${dateLine}Content-Length: 0\r\n\r\n`;
  return new HeadRefusal(417, status, answer);
}
