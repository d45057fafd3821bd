/**
 * Which fields a trailer section may have (RFC 9110 §6.5.1), in either direction and any version.
 *
 * @module
 */

// "Trailer fields [...] MUST NOT be used [for] message framing, routing, authentication, request modifiers, response controls,
// or content format" (RFC 9110 §6.5.1)
const FORBIDDEN: ReadonlySet<string> = new Set([
  "age",
  "cache-control",
  "content-encoding",
  "content-range",
  "content-type",
  "date",
  "expires",
  "location",
  "max-forwards",
  "pragma",
  "proxy-authenticate",
  "range",
  "retry-after",
  "set-cookie",
  "vary",
  "warning",
  "www-authenticate",
]);

// Those of them by which a message is framed, routed or let in: whoever merges trailers into the head would
// be misled.
const HARMFUL: ReadonlySet<string> = new Set([
  "authorization",
  "connection",
  "content-length",
  "cookie",
  "expect",
  "host",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Whether a field, by its lower-case name, may stand in a trailer section. */
export function isTrailerAllowed(name: string): boolean {
  return !HARMFUL.has(name) && !FORBIDDEN.has(name) && !name.startsWith("if-");
}

/**
 * Whether a field, by its lower-case name, makes a received trailer section one to refuse, rather than a
 * field to drop.
 */
export function isTrailerHarmful(name: string): boolean {
  return HARMFUL.has(name);
}
