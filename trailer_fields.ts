/**
 * Which fields a trailer section may have (RFC 9110 §6.5.1), in either direction and any version.
 *
 * @module
 */

// "Trailer fields [...] MUST NOT be used [for] message framing, routing, authentication, request modifiers, response controls,
// or content format" (RFC 9110 §6.5.1)
const FORBIDDEN: ReadonlySet<string> = new Set([
  "age",
  "authorization",
  "cache-control",
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "cookie",
  "date",
  "expect",
  "expires",
  "host",
  "keep-alive",
  "location",
  "max-forwards",
  "pragma",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "range",
  "retry-after",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "vary",
  "warning",
  "www-authenticate",
]);

/** Whether a field, by its lower-case name, may stand in a trailer section. */
export function isTrailerAllowed(name: string): boolean {
  return !FORBIDDEN.has(name) && !name.startsWith("if-");
}
