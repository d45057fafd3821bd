/**
 * Field lines (RFC 9112 §5): `field-name ":" OWS field-value OWS`. One pass over the bytes validates a line; the text of a
 * section is decoded once, and looked into only when somebody asks.
 *
 * Not here: which fields a section may have (`framing.ts`, `trailers.ts`), nor how many (`head.ts`).
 *
 * @module
 */

import { HttpError } from "../../errors.ts";
import type { FieldLines } from "../../headers.ts";
import { Byte, FIELD_BYTE, TCHAR } from "../grammar.ts";
import type { InputBuffer } from "../input_buffer.ts";
import { copyLatin1, decodeLatin1, encodeLatin1, hasBytesAt, ownPart, takePart } from "../latin1.ts";
import { isOws, trimOws } from "../list_field.ts";

/**
 * Validates the field line from `start` to `end`, its CRLF not among them, and finds its colon.
 *
 * @throws {HttpError} 400
 */
export function scanFieldLine(bytes: Uint8Array, start: number, end: number): number {
  const colon = scanName(bytes, start, end);
  if (colon === end || bytes[colon] !== Byte.COLON || colon === start) {
    throw badName(bytes[colon], colon === start);
  }
  const stop = scanValue(bytes, colon + 1, end);
  if (stop !== end) throw badValue(bytes[stop]!);
  return colon;
}

// field-name = token (RFC 9110 §5.1)
/** Where the name that begins at `start` ends: at the first byte that is none of a token. */
export function scanName(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && TCHAR[bytes[at]!] === 1) at++;
  return at;
}

// field-value = *field-content (RFC 9110 §5.5)
/** Where the value that begins at `start` ends: at the first byte that may not stand in one. */
export function scanValue(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && FIELD_BYTE[bytes[at]!] === 1) at++;
  return at;
}

function badName(byte: number | undefined, first: boolean): HttpError {
  const space = byte === Byte.SP || byte === Byte.HTAB;
  // "A server that receives an obs-fold [...] MUST either reject the message [...] or replace" it (RFC 9112 §5.2)
  if (space && first) return new HttpError(400, "A field line begins with whitespace (RFC 9112 §5.2)");
  // "A server MUST reject [...] any received request message that contains whitespace between a header field name and colon"
  if (space) return new HttpError(400, "Whitespace before the colon of a field line (RFC 9112 §5.1)");
  return new HttpError(400, "A field name is no token (RFC 9112 §5)");
}

function badValue(byte: number): HttpError {
  // "A recipient of such a bare CR MUST consider that element to be invalid or replace" it (RFC 9112 §2.2)
  if (byte === Byte.CR) return new HttpError(400, "A bare CR (RFC 9112 §2.2)");
  return new HttpError(400, "A control character in a field value (RFC 9110 §5.5)");
}

/**
 * Checks from `start` on a line whose end has not come yet: a CR that no LF follows cannot become one.
 *
 * @throws {HttpError} 400
 */
export function checkPartialLine(input: InputBuffer, start: number): void {
  const carriageReturn = input.indexOf(Byte.CR, start);
  if (carriageReturn >= 0 && carriageReturn < input.end - 1) throw badValue(Byte.CR);
}

/** Where the value ends when the OWS behind it is left out. */
export function trimEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && isOws(bytes[at - 1]!)) at--;
  return at;
}

/** Where the value begins when the OWS before it is left out. */
export function trimStart(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && isOws(bytes[at]!)) at++;
  return at;
}

/** A validated field section: a text, and where the lines are in it. Nothing is taken out of it before somebody asks. */
export class FieldSection implements FieldLines {
  /** All of it, without the empty line at its end. */
  readonly text: string;
  readonly #lines: readonly number[];
  #values: Map<string, string> | null = null;
  #bytes: Uint8Array | null = null;

  /**
   * @param text the section, every line of it validated by {@link scanFieldLine}
   * @param lines for each line, where its name begins, its colon is, and its value ends
   */
  constructor(text: string, lines: readonly number[]) {
    this.text = text;
    this.#lines = lines;
  }

  /** Whether it stands in `bytes` at `start`. */
  isAt(bytes: Uint8Array, start: number): boolean {
    if (this.#bytes !== null) return hasBytesAt(bytes, start, this.#bytes);
    return decodeLatin1(bytes, start, start + this.text.length) === this.text;
  }

  /** Makes ready for more than one message: from now on it keeps its bytes, and values that were asked for. */
  share(): void {
    this.#values ??= new Map();
    this.#bytes ??= encodeLatin1(this.text);
  }

  /**
   * The combined value of a field (RFC 9110 §5.3), by its name in lower case. Lines of cookies are joined as those of HTTP/2
   * (RFC 9113 §8.2.3).
   */
  get(name: string): string | null {
    return this.#values?.get(name) ?? this.#find(name);
  }

  /** Every line in its order. */
  toPairs(): (readonly [name: string, value: string])[] {
    const pairs: (readonly [name: string, value: string])[] = [];
    for (let at = 0; at < this.#lines.length; at += 3) {
      pairs.push([takePart(this.text, this.#lines[at]!, this.#lines[at + 1]!), this.#valueOf(at)]);
    }
    return pairs;
  }

  #find(name: string): string | null {
    const lines = this.#lines;
    let value: string | null = null;
    for (let at = 0; at < lines.length; at += 3) {
      if (lines[at + 1]! - lines[at]! !== name.length || !isSameName(this.text, lines[at]!, name)) continue;
      const more = this.#valueOf(at);
      value = value === null ? more : `${value}${name === "cookie" ? "; " : ", "}${more}`;
    }
    if (value !== null) this.#values?.set(name, copyLatin1(value));
    return value;
  }

  #valueOf(line: number): string {
    const value = trimOws(this.text.slice(this.#lines[line + 1]! + 1, this.#lines[line + 2]));
    return ownPart(value, this.text.length);
  }
}

/**
 * A section whose `host` is the target's: "the origin server MUST ignore the received Host header field (if
 * any) and instead use the host information of the request-target" (RFC 9112 §3.2.2).
 */
export class HostedFields implements FieldLines {
  /** The authority of the target. */
  readonly host: string;
  readonly #received: FieldLines;

  /** @param received the section as it came; @param host the authority of the target */
  constructor(received: FieldLines, host: string) {
    this.#received = received;
    this.host = host;
  }

  /** As in the section, but for `host`. */
  get(name: string): string | null {
    return name === "host" ? this.host : this.#received.get(name);
  }

  /** Every line as it came. */
  toPairs(): (readonly [name: string, value: string])[] {
    return this.#received.toPairs();
  }
}

// Field names are case-insensitive (RFC 9110 §5.1), in ASCII: no other letter is the same as one of theirs.
function isSameName(text: string, start: number, name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    const code = text.charCodeAt(start + index);
    const lower = code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
    if (lower !== name.charCodeAt(index)) return false;
  }
  return true;
}
