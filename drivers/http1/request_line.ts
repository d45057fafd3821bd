/**
 * The request line (RFC 9112 §3): `method SP request-target SP HTTP-version`. Which form the target has, and what it
 * means, is for `target.ts`.
 *
 * Plan: three runs over the bytes of one line, each through a table; positions come back, no text is made.
 *
 * @module
 */

import { HttpError } from "../../errors.ts";
import { Byte, TARGET_BYTE, TCHAR } from "../grammar.ts";
import type { InputBuffer } from "../input_buffer.ts";

/** Where the parts of a request line are, from its first byte, and its version. */
export interface RequestLine {
  /** Where the method ends. */
  readonly methodEnd: number;
  /** Where the target ends; it begins one byte after the method's end. */
  readonly targetEnd: number;
  /** The minor version: 0 or 1. */
  readonly minor: 0 | 1;
}

/** The longest method that is looked at, in bytes; the longest of the registry has 17. */
export const METHOD_SIZE_LIMIT = 32;

// "HTTP/"
const HTTP_NAME = [0x48, 0x54, 0x54, 0x50, 0x2f];
const VERSION_SIZE = 8;

/**
 * Parses the bytes from `start` to `end`, the line's CRLF not among them.
 *
 * @throws {HttpError} 400, 414 when the target is longer than `targetSizeLimit`, 501 when the method is longer than any, 505
 */
export function parseRequestLine(
  bytes: Uint8Array,
  start: number,
  end: number,
  targetSizeLimit: number,
): RequestLine {
  const methodEnd = scanMethod(bytes, start, end);
  const targetEnd = scanTarget(bytes, methodEnd + 1, end, targetSizeLimit);
  const minor = parseVersion(bytes, targetEnd + 1, end);
  return { methodEnd: methodEnd - start, targetEnd: targetEnd - start, minor };
}

/**
 * Checks a request line whose end has not come yet, so that nonsense and endless lines are refused at once.
 * Each byte is looked at once, however few come at a time.
 */
export class PartialRequestLine {
  #part: "method" | "target" | "version" = "method";
  #partStart = 0; // from the line's first byte
  #checked = 0;

  /**
   * Checks what has come of the line since the last time.
   *
   * @throws {HttpError} as {@link parseRequestLine}
   */
  check({ bytes, start, end }: InputBuffer, targetSizeLimit: number): void {
    if (this.#part === "method") this.#checkMethod(bytes, start, end);
    if (this.#part === "target") this.#checkTarget(bytes, start, end, targetSizeLimit);
    if (this.#part === "version" && end - start - this.#partStart > VERSION_SIZE + 1) {
      throw malformed("it has more than three parts");
    }
  }

  /** Forgets the line: another one begins. */
  reset(): void {
    this.#part = "method";
    this.#partStart = this.#checked = 0;
  }

  #checkMethod(bytes: Uint8Array, start: number, end: number): void {
    const at = scan(TCHAR, bytes, start + this.#checked, end);
    this.#checked = at - start;
    if (this.#checked > METHOD_SIZE_LIMIT) throw methodTooLong();
    if (at === end || (at === start && bytes[at] === Byte.CR && at + 1 === end)) return;
    if (at === start || bytes[at] !== Byte.SP) throw malformed("the method is no token");
    this.#enter("target", at + 1 - start);
  }

  #checkTarget(bytes: Uint8Array, start: number, end: number, limit: number): void {
    const at = scan(TARGET_BYTE, bytes, start + this.#checked, end);
    this.#checked = at - start;
    if (this.#checked - this.#partStart > limit) throw targetTooLong(limit);
    if (at === end) return;
    if (bytes[at] !== Byte.SP) throw malformed("the target has a character that it may not have");
    this.#enter("version", at + 1 - start);
  }

  #enter(part: "target" | "version", start: number): void {
    this.#part = part;
    this.#partStart = this.#checked = start;
  }
}

/** Finds the first byte from `start` on that a table of bytes does not have. */
function scan(table: Uint8Array, bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && table[bytes[at]!] === 1) at++;
  return at;
}

// method = token (RFC 9110 §9.1)
function scanMethod(bytes: Uint8Array, start: number, end: number): number {
  const at = scan(TCHAR, bytes, start, end);
  if (at - start > METHOD_SIZE_LIMIT) throw methodTooLong();
  if (at === start || at === end || bytes[at] !== Byte.SP) throw malformed("the method is no token");
  return at;
}

// request-target = origin-form / absolute-form / authority-form / asterisk-form (RFC 9112 §3.2): no whitespace in any
function scanTarget(bytes: Uint8Array, start: number, end: number, limit: number): number {
  const at = scan(TARGET_BYTE, bytes, start, end);
  if (at - start > limit) throw targetTooLong(limit);
  if (at === start || at >= end || bytes[at] !== Byte.SP) {
    throw malformed("the target is missing or has a character that it may not have");
  }
  return at;
}

// HTTP-version = HTTP-name "/" DIGIT "." DIGIT (RFC 9112 §2.3), case-sensitive
function parseVersion(bytes: Uint8Array, start: number, end: number): 0 | 1 {
  if (end - start !== VERSION_SIZE) throw malformed("the version is not HTTP/x.y", "§2.3");
  for (let index = 0; index < HTTP_NAME.length; index++) {
    if (bytes[start + index] !== HTTP_NAME[index]) throw malformed("the version is not HTTP/x.y", "§2.3");
  }
  const major = bytes[start + 5]! - 0x30;
  const minor = bytes[start + 7]! - 0x30;
  if (!isDigit(major) || !isDigit(minor) || bytes[start + 6] !== 0x2e) {
    throw malformed("the version is not HTTP/x.y", "§2.3");
  }
  if (major !== 1) throw new HttpError(505, `HTTP/${major}.${minor} is not spoken here (RFC 9110 §15.6.6)`);
  // "SHOULD process the message as if it was in the highest minor version" (RFC 9110 §2.5): 1.2 and above are 1.1 here.
  return minor === 0 ? 0 : 1;
}

function isDigit(value: number): boolean {
  return value >= 0 && value <= 9;
}

function malformed(what: string, section = "§3"): HttpError {
  return new HttpError(400, `Malformed request line: ${what} (RFC 9112 ${section})`);
}

function methodTooLong(): HttpError {
  return new HttpError(501, `The method is longer than ${METHOD_SIZE_LIMIT} bytes (RFC 9112 §3)`);
}

function targetTooLong(limit: number): HttpError {
  return new HttpError(414, `The request target is longer than ${limit} bytes (RFC 9112 §3)`);
}
