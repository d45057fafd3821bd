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
import { controlField, type ControlFields, controlFields, HOST } from "./control_fields.ts";
import { Byte } from "../grammar.ts";
import { decodeLatin1 } from "../latin1.ts";
import type { InputBuffer } from "../input_buffer.ts";
import {
  checkPartialRequestLine,
  METHOD_SIZE_LIMIT,
  parseRequestLine,
  type RequestLine,
} from "./request_line.ts";

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

/** A header section, and what was found in it: shared by the heads that have the very same one. */
type Section = Pick<RequestHead, "fields" | "control" | "hostCount">;

/** The longest section that a connection keeps for its next request, in bytes. */
const LONGEST_KEPT = 2048;

/** Parses heads, one after another. */
export class HeadParser {
  readonly #limits: HeadLimits;
  #offset = 0; // where the next line begins, from the head's first byte
  #searched = 0; // up to where it holds no LF
  #emptyLines = 0;
  #count = 0;
  #sectionStart = 0; // where the field lines begin, behind the request line
  readonly #lines: number[] = []; // triples, from there: where a name begins, its colon is, and its value ends
  #line: RequestLine | null = null;
  readonly #noted: number[] = []; // triples, from there: which control field, where its value begins and ends
  #notedCount = 0;
  #hostCount = 0;
  #last: Section | null = null;

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
      if (this.#line !== null && this.#searched === this.#offset) {
        if (this.#count === 0 && this.#isLast(input, this.#last)) return this.#repeat(input, this.#last);
        this.#takeWholeLines(input);
      }
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
    this.#sectionStart = this.#offset;
  }

  #takeField(input: InputBuffer, start: number, colon: number, end: number): void {
    const { headerSizeLimit, headerCountLimit } = this.#limits;
    if (this.#offset > headerSizeLimit) throw tooLarge(headerSizeLimit);
    if (++this.#count > headerCountLimit) {
      throw new HttpError(431, `More than ${headerCountLimit} field lines (RFC 6585 §5)`);
    }
    const line = 3 * (this.#count - 1);
    const origin = input.start + this.#sectionStart;
    this.#lines[line] = start - origin;
    this.#lines[line + 1] = colon - origin;
    this.#lines[line + 2] = end - origin;
    const field = controlField(input.bytes, start, colon);
    if (field >= 0) this.#note(input, field, colon + 1, end);
  }

  #note(input: InputBuffer, field: number, start: number, end: number): void {
    if (field === HOST) this.#hostCount++;
    const from = trimStart(input.bytes, start, end);
    const origin = input.start + this.#sectionStart;
    this.#noted[this.#notedCount++] = field;
    this.#noted[this.#notedCount++] = from - origin;
    this.#noted[this.#notedCount++] = trimEnd(input.bytes, from, end) - origin;
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
    const text = decodeLatin1(input.bytes, input.start + this.#sectionStart, end);
    const section = {
      fields: new FieldSection(text, this.#lines.slice(0, 3 * this.#count)),
      control: controlFields(text, this.#noted, this.#notedCount),
      hostCount: this.#hostCount,
    };
    this.#last = text.length <= LONGEST_KEPT ? section : null;
    return this.#complete(input, section);
  }

  // Most clients send the very same fields with each request: what was validated is then compared, and not parsed again.
  #isLast({ bytes, start: origin, end: inputEnd }: InputBuffer, last: Section | null): last is Section {
    if (last === null) return false;
    const start = origin + this.#sectionStart;
    const end = start + last.fields.text.length;
    if (end + 1 >= inputEnd || bytes[end] !== Byte.CR || bytes[end + 1] !== Byte.LF) return false;
    return decodeLatin1(bytes, start, end) === last.fields.text;
  }

  #repeat(input: InputBuffer, section: Section): RequestHead {
    section.fields.keepValues();
    return this.#complete(input, section);
  }

  #complete(input: InputBuffer, { fields, control, hostCount }: Section): RequestHead {
    const { methodEnd, targetEnd, minor } = this.#line!;
    const { headerSizeLimit } = this.#limits;
    const size = this.#sectionStart + fields.text.length + 2;
    if (size > headerSizeLimit) throw tooLarge(headerSizeLimit);
    const line = decodeLatin1(input.bytes, input.start, input.start + targetEnd);
    input.consume(size);
    this.#reset();
    const method = line.slice(0, methodEnd);
    return { method, target: line.slice(methodEnd + 1), minor, fields, control, hostCount };
  }

  #reset(): void {
    this.#offset = 0;
    this.#sectionStart = 0;
    this.#searched = 0;
    this.#emptyLines = 0;
    this.#count = 0;
    this.#notedCount = 0;
    this.#hostCount = 0;
    this.#line = null;
  }
}

function bareLineFeed(): HttpError {
  // "a recipient MAY recognize a single LF as a line terminator" (RFC 9112 §2.2): not here, others have been smuggled past
  return new HttpError(400, "A line ends in LF without CR (RFC 9112 §2.2)");
}

function tooLarge(limit: number): HttpError {
  return new HttpError(431, `The head is larger than ${limit} bytes (RFC 6585 §5)`);
}
