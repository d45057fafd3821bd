/**
 * Which methods reach a handler (RFC 9110 §9), and how the others are answered.
 *
 * @module
 */

import { HttpError } from "../errors.ts";
import type { RequestMessage } from "../message.ts";

/** The methods that `Allow` names where every method reaches the handler but TRACE and CONNECT. */
const USUAL = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/** The methods of RFC 9110 §9.3 and RFC 5789: a server knows them, whether it allows them or not. */
const KNOWN: ReadonlySet<string> = new Set([...USUAL.split(", "), "TRACE", "CONNECT"]);

/** The value of an `Allow` field (RFC 9110 §10.2.1) where a server has these `allowedMethods`. */
export function allowField(methods: readonly string[] | null): string {
  return methods === null ? USUAL : methods.join(", ");
}

/**
 * The error that answers a request whose method must not reach the handler, or `null`. "An origin server that
 * receives a request method that is unrecognized or not implemented SHOULD respond with the 501 [...] An
 * origin server that receives a request method that is recognized and implemented, but not allowed for the
 * target resource, SHOULD respond with the 405" (RFC 9110 §9.1): a server without a list recognizes whatever
 * its handler may, one with a list what is standard.
 */
export function refuseMethod({ client, method, extendedProtocol }: RequestMessage): HttpError | null {
  const { allowedMethods } = client.options;
  if (allowedMethods === null) {
    if ((method !== "CONNECT" || extendedProtocol !== null) && method !== "TRACE") return null;
  } else if (allowedMethods.includes(method)) return null;
  if (!KNOWN.has(method)) return new HttpError(501, "This method is not known here (RFC 9110 §9.1)");
  // "The origin server MUST generate an Allow header field in a 405 response" (RFC 9110 §15.5.6)
  return new HttpError(405, undefined, { headers: { allow: allowField(allowedMethods) } });
}
