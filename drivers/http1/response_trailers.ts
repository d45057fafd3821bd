/**
 * The end of a chunked response: last chunk, trailer section, empty line (RFC 9112 §7.1.2).
 *
 * @module
 */

import type { TrailerSource } from "../../message.ts";
import { fieldLine } from "./response_head.ts";
import { isTrailerAllowed } from "./trailers.ts";

const ENCODER = new TextEncoder();

/** "SHOULD generate a Trailer header field" (RFC 9110 §6.6.2): its line, where the names are known before the body. */
export function trailerField(source: TrailerSource | null): string {
  if (source === null || typeof source === "function") return "";
  const names = [...new Headers(source).keys()].filter(isTrailerAllowed);
  return names.length === 0 ? "" : fieldLine("trailer", names.join(", "));
}

/**
 * Encodes `last-chunk trailer-section CRLF`.
 *
 * @throws {TypeError} when a field may not stand in a trailer section (RFC 9110 §6.5.1)
 */
export function encodeLastChunk(trailers: HeadersInit | null): Uint8Array {
  let lines = "";
  for (const [name, value] of new Headers(trailers ?? undefined)) {
    if (!isTrailerAllowed(name)) {
      throw new TypeError(`${name} may not stand in a trailer section (RFC 9110 §6.5.1)`);
    }
    lines += fieldLine(name, value);
  }
  const text = `0\r\n${lines}\r\n`;
  const bytes = new Uint8Array(text.length);
  return lines === "" ? ENCODER.encode(text) : layLatin1(text, bytes);
}

function layLatin1(text: string, room: Uint8Array): Uint8Array {
  for (let index = 0; index < text.length; index++) room[index] = text.charCodeAt(index);
  return room;
}
