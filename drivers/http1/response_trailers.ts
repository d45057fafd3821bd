/**
 * The end of a chunked response: last chunk, trailer section, empty line (RFC 9112 §7.1.2).
 *
 * @module
 */

import type { TrailerSource } from "../../message.ts";
import { encodeLatin1 } from "../latin1.ts";
import { fieldLine } from "./response_head.ts";
import { isTrailerAllowed } from "../../trailer_fields.ts";

// last-chunk = 1*("0") [ chunk-ext ] CRLF, without a trailer section (RFC 9112 §7.1)
const LAST_CHUNK = new TextEncoder().encode("0\r\n\r\n");

/** "SHOULD generate a Trailer header field" (RFC 9110 §6.6.2): its line, where the names are known before the body. */
export function trailerField(source: TrailerSource | null): string {
  if (source === null || typeof source === "function") return "";
  const names = [...new Headers(source).keys()].filter(isTrailerAllowed);
  return names.length === 0 ? "" : fieldLine("trailer", names.join(", "));
}

/** Encodes `last-chunk trailer-section CRLF`; a field that may not stand there is left out, and named in `refused`. */
export function encodeLastChunk(trailers: HeadersInit | null, refused: string[] = []): Uint8Array {
  if (trailers === null) return LAST_CHUNK;
  let lines = "";
  for (const [name, value] of new Headers(trailers)) {
    if (isTrailerAllowed(name)) lines += fieldLine(name, value);
    else refused.push(name);
  }
  const text = `0\r\n${lines}\r\n`;
  return encodeLatin1(text);
}
