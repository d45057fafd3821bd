/**
 * What a request's head says of the connection (RFC 9112 §9.3) and of its body (RFC 9110 §10.1.1).
 *
 * @module
 */

import { HttpError } from "../../errors.ts";
import { listElements } from "../list_field.ts";
import type { RequestHead } from "./head.ts";

// "If the "close" connection option is present, the connection will not persist [...]; if the received protocol is HTTP/1.1
// (or later), the connection will persist [...]; if the received protocol is HTTP/1.0, the "keep-alive" connection option is
// present [...] the connection will persist" (RFC 9112 §9.3)
/** Whether the connection goes on behind a request. */
export function isPersistent(head: RequestHead): boolean {
  const { connection } = head.control;
  if (connection === undefined) return head.minor === 1;
  const options = listElements(connection);
  return !options.includes("close") && (head.minor === 1 || options.includes("keep-alive"));
}

/**
 * Expect = #expectation (RFC 9110 §10.1.1), of which there is one: says whether it is there. "A server that receives a
 * 100-continue expectation in an HTTP/1.0 request MUST ignore that expectation."
 */
export function expectsContinue({ control, minor }: RequestHead): boolean {
  if (control.expect === undefined || minor === 0) return false;
  if (control.expect.toLowerCase() === "100-continue") return true;
  throw new HttpError(417, "An expectation other than 100-continue (RFC 9110 §10.1.1)");
}
