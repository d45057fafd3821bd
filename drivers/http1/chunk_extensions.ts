/**
 * Chunk extensions (RFC 9112 §7.1.1): checked against their grammar and ignored. No extension is in use; what is not one is
 * an attempt to have two programs find the chunk's end in two places.
 *
 * @module
 */

import { HttpError } from "../../errors.ts";
import { trimStart } from "./fields.ts";
import { Byte, FIELD_BYTE, QDTEXT, TCHAR } from "../grammar.ts";

/**
 * chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
 *
 * @throws {HttpError} 400
 */
export function checkChunkExtensions(bytes: Uint8Array, start: number, end: number): void {
  let at = start;
  while (at < end) {
    at = trimStart(bytes, at, end);
    if (bytes[at] !== Byte.SEMICOLON || at >= end) throw malformed();
    at = scanToken(bytes, trimStart(bytes, at + 1, end), end);
    const equals = trimStart(bytes, at, end);
    if (equals < end && bytes[equals] === Byte.EQUALS) {
      at = scanValue(bytes, trimStart(bytes, equals + 1, end), end);
    }
  }
}

// chunk-ext-val = token / quoted-string
function scanValue(bytes: Uint8Array, start: number, end: number): number {
  const quoted = start < end && bytes[start] === Byte.DQUOTE;
  return quoted ? scanQuotedString(bytes, start + 1, end) : scanToken(bytes, start, end);
}

function scanToken(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && TCHAR[bytes[at]!] === 1) at++;
  if (at === start) throw malformed();
  return at;
}

// quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE; quoted-pair = "\" ( HTAB / SP / VCHAR / obs-text )
// (RFC 9110 §5.6.4)
function scanQuotedString(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === Byte.DQUOTE) return at + 1;
    if (byte === Byte.BACKSLASH && at + 1 < end && FIELD_BYTE[bytes[at + 1]!] === 1) at++;
    else if (QDTEXT[byte] !== 1) throw malformed();
  }
  throw malformed();
}

function malformed(): HttpError {
  return new HttpError(400, "A malformed chunk extension (RFC 9112 §7.1.1)");
}
