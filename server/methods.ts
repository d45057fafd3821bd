/**
 * Decides which methods reach a handler (RFC 9110 §9), and answers the others.
 *
 * @module
 */

import { HttpError } from "../errors.ts";
import type { RequestMessage } from "../message.ts";

/** The methods that `Allow` names when `allowedMethods` is `null`. */
const USUAL = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/** The methods of RFC 9110 §9.3 and RFC 5789, which a server recognizes whether it allows them or not. */
const KNOWN: ReadonlySet<string> = new Set([...USUAL.split(", "), "TRACE", "CONNECT"]);

/** Returns the value of the `Allow` field (RFC 9110 §10.2.1) for the option `allowedMethods`. */
export function allowField(methods: readonly string[] | null): string {
  return methods === null ? USUAL : methods.join(", ");
}

/**
 * Returns the error for a method that must not reach the handler, or `null`. "An origin server that
 * receives a request method that is unrecognized or not implemented SHOULD respond with the 501 [...] An
 * origin server that receives a request method that is recognized and implemented, but not allowed for the
 * target resource, SHOULD respond with the 405" (RFC 9110 §9.1). A server with a list recognizes the methods
 * of the list and of the standards. Without a list every method but CONNECT and TRACE reaches the handler.
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
