/**
 * The head of a request (RFC 9112 §2.1): request line, field lines, empty line, out of bytes that come in any pieces.
 *
 * Plan: a line is looked at when its LF has come, and never again; what framing and routing need is noted by its position
 * on the way, and the whole head becomes one text at the end. Bounded by `headerSizeLimit`, `headerCountLimit` and
 * `targetSizeLimit`.
 *
 * @module
 */

import { HttpError } from "../../errors.ts";
import type { Options } from "../../options.ts";
import {
  checkPartialLine,
  FieldSection,
  scanFieldLine,
  scanName,
  scanValue,
  trimEnd,
  trimStart,
} from "./fields.ts";
import { Byte } from "../grammar.ts";
import { decodeLatin1 } from "../latin1.ts";
import type { InputBuffer } from "../input_buffer.ts";
import {
  checkPartialRequestLine,
  METHOD_SIZE_LIMIT,
  parseRequestLine,
  type RequestLine,
} from "./request_line.ts";

/** The fields that decide how a request is framed and routed. Each value is that of all its lines, joined by `, `. */
export interface ControlFields {
  "host"?: string;
  "connection"?: string;
  "content-length"?: string;
  "transfer-encoding"?: string;
  "expect"?: string;
  "upgrade"?: string;
}

/** A parsed head. */
export interface RequestHead {
  /** The method, its case kept. */
  readonly method: string;
  /** The request target as received. */
  readonly target: string;
  /** The minor version: 0 or 1. */
  readonly minor: 0 | 1;
  /** The header section. */
  readonly fields: FieldSection;
  /** What framing and routing need of it. */
  readonly control: ControlFields;
  /** How many `Host` lines there were. */
  readonly hostCount: number;
}

/** The limits of a head. */
export type HeadLimits = Pick<Options, "headerSizeLimit" | "headerCountLimit" | "targetSizeLimit">;

// "SHOULD ignore at least one empty line (CRLF) received prior to the request-line" (RFC 9112 §2.2): a few, not any number
const EMPTY_LINE_LIMIT = 8;

/** Parses heads, one after another. */
export class HeadParser {
  readonly #limits: HeadLimits;
  #offset = 0; // where the next line begins, from the head's first byte
  #searched = 0; // up to where it holds no LF
  #emptyLines = 0;
  #count = 0;
  readonly #lines: number[] = []; // triples: where a name begins, its colon is, and its value ends
  #line: RequestLine | null = null;
  readonly #noted: number[] = []; // triples: which control field, where its value begins and ends
  #notedCount = 0;
  #hostCount = 0;

  /** @param limits what a head may have */
  constructor(limits: HeadLimits) {
    this.#limits = limits;
  }

  /** Whether some bytes of a head have come. */
  get begun(): boolean {
    return this.#searched > 0 || this.#emptyLines > 0;
  }

  /** The version of the request line, once it is known: an error is answered in it. */
  get minor(): 0 | 1 {
    return this.#line?.minor ?? 1;
  }

  /** What the method seems to be, of a head that was refused: the answer to HEAD has no body. */
  peekMethod(input: InputBuffer): string {
    const start = decodeLatin1(
      input.bytes,
      input.start,
      Math.min(input.end, input.start + METHOD_SIZE_LIMIT),
    );
    return start.slice(0, Math.max(0, start.indexOf(" ")));
  }

  /**
   * The next head, consumed from `input`; `undefined` until its last byte has come.
   *
   * @throws {HttpError} 400, 414, 431, 501, 505
   */
  parse(input: InputBuffer): RequestHead | undefined {
    for (;;) {
      if (this.#line !== null && this.#searched === this.#offset) this.#takeWholeLines(input);
      const lineFeed = input.bytes.indexOf(Byte.LF, input.start + this.#searched);
      if (lineFeed < 0 || lineFeed >= input.end) return this.#wait(input);
      const start = input.start + this.#offset;
      if (lineFeed === start || input.bytes[lineFeed - 1] !== Byte.CR) throw bareLineFeed();
      this.#offset = this.#searched = lineFeed + 1 - input.start;
      if (lineFeed - 1 > start) this.#takeLine(input, start, lineFeed - 1);
      else if (this.#line !== null) return this.#finish(input, start);
      else this.#skipEmptyLine(input);
    }
  }

  // The usual case, in one pass: field lines that are there in full. Any other line, and what is wrong with it, is found by
  // its LF; it is scanned again once, and no line of which a part was waited for comes here.
  #takeWholeLines(input: InputBuffer): void {
    const { bytes, end } = input;
    for (;;) {
      const start = input.start + this.#offset;
      const colon = scanName(bytes, start, end);
      if (colon === start || colon >= end || bytes[colon] !== Byte.COLON) return;
      const stop = scanValue(bytes, colon + 1, end);
      if (stop + 1 >= end || bytes[stop] !== Byte.CR || bytes[stop + 1] !== Byte.LF) return;
      this.#offset = this.#searched = stop + 2 - input.start;
      this.#takeField(input, start, colon, stop);
    }
  }

  #wait(input: InputBuffer): undefined {
    const { targetSizeLimit, headerSizeLimit } = this.#limits;
    const from = input.start + Math.max(this.#offset, this.#searched - 1);
    this.#searched = input.length;
    checkPartialLine(input.bytes, from, input.end);
    if (this.#line === null) {
      checkPartialRequestLine(input.bytes, input.start, input.end, targetSizeLimit);
    }
    if (input.length > headerSizeLimit) throw tooLarge(headerSizeLimit);
    return undefined;
  }

  #takeLine(input: InputBuffer, start: number, end: number): void {
    if (this.#line !== null) {
      return this.#takeField(input, start, scanFieldLine(input.bytes, start, end), end);
    }
    this.#line = parseRequestLine(input.bytes, start, end, this.#limits.targetSizeLimit);
  }

  #takeField(input: InputBuffer, start: number, colon: number, end: number): void {
    const { headerSizeLimit, headerCountLimit } = this.#limits;
    if (this.#offset > headerSizeLimit) throw tooLarge(headerSizeLimit);
    if (++this.#count > headerCountLimit) {
      throw new HttpError(431, `More than ${headerCountLimit} field lines (RFC 6585 §5)`);
    }
    const line = 3 * (this.#count - 1);
    this.#lines[line] = start - input.start;
    this.#lines[line + 1] = colon - input.start;
    this.#lines[line + 2] = end - input.start;
    const field = controlField(input.bytes, start, colon);
    if (field >= 0) this.#note(input, field, colon + 1, end);
  }

  #note(input: InputBuffer, field: number, start: number, end: number): void {
    if (field === HOST) this.#hostCount++;
    const from = trimStart(input.bytes, start, end);
    this.#noted[this.#notedCount++] = field;
    this.#noted[this.#notedCount++] = from - input.start;
    this.#noted[this.#notedCount++] = trimEnd(input.bytes, from, end) - input.start;
  }

  #skipEmptyLine(input: InputBuffer): void {
    if (++this.#emptyLines > EMPTY_LINE_LIMIT) {
      throw new HttpError(
        400,
        `More than ${EMPTY_LINE_LIMIT} empty lines before a request line (RFC 9112 §2.2)`,
      );
    }
    input.consume(this.#offset);
    this.#offset = this.#searched = 0;
  }

  #finish(input: InputBuffer, end: number): RequestHead {
    const { methodEnd, targetEnd, minor } = this.#line!;
    if (this.#offset > this.#limits.headerSizeLimit) throw tooLarge(this.#limits.headerSizeLimit);
    const text = decodeLatin1(input.bytes, input.start, end);
    const head = {
      method: text.slice(0, methodEnd),
      target: text.slice(methodEnd + 1, targetEnd),
      minor,
      fields: new FieldSection(text, this.#lines.slice(0, 3 * this.#count)),
      control: controlFields(text, this.#noted, this.#notedCount),
      hostCount: this.#hostCount,
    };
    input.consume(this.#offset);
    this.#reset();
    return head;
  }

  #reset(): void {
    this.#offset = 0;
    this.#searched = 0;
    this.#emptyLines = 0;
    this.#count = 0;
    this.#notedCount = 0;
    this.#hostCount = 0;
    this.#line = null;
  }
}

const CONTROL_FIELDS = [
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
  "expect",
  "upgrade",
] as const;

const HOST = CONTROL_FIELDS.indexOf("host");
const LONGEST = 17;

/** For each length of a name, the control field of that length: they all differ in it. */
const BY_LENGTH: Int8Array = byLength();

function byLength(): Int8Array {
  const table = new Int8Array(LONGEST + 1).fill(-1);
  CONTROL_FIELDS.forEach((name, index) => table[name.length] = index);
  return table;
}

/** Which control field a name is, whatever its case, or -1. */
function controlField(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > LONGEST) return -1;
  const field = BY_LENGTH[end - start]!;
  if (field < 0) return -1;
  const name = CONTROL_FIELDS[field]!;
  for (let index = 0; index < name.length; index++) {
    const byte = bytes[start + index]!;
    // Upper-case letters only: "|0x20" would make other characters the same too.
    const lower = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
    if (lower !== name.charCodeAt(index)) return -1;
  }
  return field;
}

function controlFields(text: string, noted: readonly number[], count: number): ControlFields {
  const control: ControlFields = {};
  for (let at = 0; at < count; at += 3) {
    const name = CONTROL_FIELDS[noted[at]!]!;
    const value = text.slice(noted[at + 1], noted[at + 2]);
    const before = control[name];
    control[name] = before === undefined ? value : `${before}, ${value}`;
  }
  return control;
}

function bareLineFeed(): HttpError {
  // "a recipient MAY recognize a single LF as a line terminator" (RFC 9112 §2.2): not here, others have been smuggled past
  return new HttpError(400, "A line ends in LF without CR (RFC 9112 §2.2)");
}

function tooLarge(limit: number): HttpError {
  return new HttpError(431, `The head is larger than ${limit} bytes (RFC 6585 §5)`);
}
