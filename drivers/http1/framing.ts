/**
 * How long a request's body is: RFC 9112 §6.3, walked once, in its order. Anything that two programs could read in two ways
 * is refused and ends the connection, whether or not the RFC would let it pass.
 *
 * @module
 */

import { HttpError } from "../../errors.ts";
import { parseContentLength } from "../content_length.ts";
import { listElements, trimOws } from "../list_field.ts";
import type { ControlFields } from "./control_fields.ts";

/** The framing of a request's body. */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" };

const NONE: Framing = { kind: "none" };
const CHUNKED: Framing = { kind: "chunked" };

/**
 * Decides the framing of a request from its `Transfer-Encoding` and `Content-Length`.
 *
 * @throws {HttpError} 400 for what is malformed or contradicts itself, 501 for a coding that is not known
 */
export function requestFraming(control: ControlFields, minor: 0 | 1): Framing {
  const coding = control["transfer-encoding"];
  const length = control["content-length"];
  if (coding !== undefined) {
    // Rule 3: "Transfer-Encoding overrides the Content-Length. Such a message might indicate an attempt to perform request
    // smuggling [...] and ought to be handled as an error."
    if (length !== undefined) throw faulty("Content-Length beside Transfer-Encoding");
    // "A server [...] that receives an HTTP/1.0 message containing a Transfer-Encoding header field MUST treat the message
    // as if the framing is faulty" (RFC 9112 §6.1)
    if (minor === 0) throw faulty("Transfer-Encoding in an HTTP/1.0 message", "§6.1");
    // "A recipient MUST parse and ignore a reasonable number of empty list elements" (RFC 9110 §5.6.1.2):
    // here they are refused, because Node, nginx and others do, and a coding that two programs read in two
    // ways is how requests are smuggled.
    if (coding.split(",").some((element) => trimOws(element) === "")) {
      throw faulty("An empty element in Transfer-Encoding");
    }
    checkCodings(listElements(coding));
    return CHUNKED;
  }
  // Rule 5 and 6; rule 7: "If this is a request message and none of the above are true, then the message body length is zero"
  return length === undefined ? NONE : { kind: "length", length: parseContentLength(length) };
}

// Rule 4: "If a Transfer-Encoding header field is present in a request and the chunked transfer coding is not the final
// encoding, the message body length cannot be determined reliably; the server MUST respond with the 400 (Bad Request)"
function checkCodings(codings: readonly string[]): void {
  if (codings.at(-1) !== "chunked") throw faulty("Transfer-Encoding does not end in chunked");
  // "A sender MUST NOT apply the chunked transfer coding more than once" (RFC 9112 §6.1)
  if (codings.indexOf("chunked") !== codings.length - 1) throw faulty("chunked is applied twice", "§6.1");
  if (codings.length > 1) {
    throw new HttpError(501, "A transfer coding other than chunked is not understood (RFC 9112 §6.1)");
  }
}

function faulty(what: string, section = "§6.3"): HttpError {
  return new HttpError(400, `Faulty framing: ${what} (RFC 9112 ${section})`);
}
