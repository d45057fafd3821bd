/**
 * The head of a request (RFC 9112 §2.1): request line, field lines, empty line, out of bytes that come in any pieces.
 *
 * Plan: a line is looked at when its LF has come, and never again; what framing and routing need is noted by its position
 * on the way, and the section becomes one text at the end. Most clients send the very same fields with each request, and many the
 * very same line: what was validated is then compared, and not parsed again. Bounded by `headerSizeLimit`, `headerCountLimit`
 * and `targetSizeLimit`.
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
import { decodeLatin1, takePart } from "../latin1.ts";
import type { InputBuffer } from "../input_buffer.ts";
import { METHOD_SIZE_LIMIT, parseRequestLine, PartialRequestLine } from "./request_line.ts";

/** A parsed head; the same object again when the next one is the same. */
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
  /** Whether the connection keeps it, and gives it again when it comes again. */
  readonly kept: boolean;
}

/** The limits of a head. */
export type HeadLimits = Pick<Options, "headerSizeLimit" | "headerCountLimit" | "targetSizeLimit">;

// "SHOULD ignore at least one empty line (CRLF) received prior to the request-line" (RFC 9112 §2.2): a few, not any number
const EMPTY_LINE_LIMIT = 8;

/** A header section, and what was found in it. */
type Section = Pick<RequestHead, "fields" | "control" | "hostCount">;

/** A request line, and what was found in it. */
interface ParsedLine extends Pick<RequestHead, "method" | "target" | "minor"> {
  readonly text: string;
}

/** What a connection keeps for its next request, which may have the very same line, the very same section, or both. */
interface Kept {
  readonly line: ParsedLine;
  readonly head: RequestHead;
}

/** The longest head that a connection keeps, in bytes. */
const LONGEST_KEPT = 2048;

/** Parses heads, one after another. */
export class HeadParser {
  readonly #limits: HeadLimits;
  #begun = false;
  #offset = 0; // where the next line begins, from the head's first byte
  #searched = 0; // up to where it holds no LF
  #emptyLines = 0;
  #count = 0;
  #sectionStart = 0; // where the field lines begin, behind the request line
  readonly #lines: number[] = []; // triples, from there: where a name begins, its colon is, and its value ends
  readonly #partialLine = new PartialRequestLine();
  #line: ParsedLine | null = null;
  readonly #noted: number[] = []; // triples, from there: which control field, where its value begins and ends
  #notedCount = 0;
  #hostCount = 0;
  #last: Kept | null = null;

  /** @param limits what a head may have */
  constructor(limits: HeadLimits) {
    this.#limits = limits;
  }

  /** Whether some bytes of a head have come. */
  get begun(): boolean {
    return this.#begun;
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
   * The next head, consumed from `input`, which has some bytes; `undefined` until its last byte has come.
   *
   * @throws {HttpError} 400, 414, 431, 501, 505
   */
  parse(input: InputBuffer): RequestHead | undefined {
    this.#begun = true;
    if (this.#searched === 0) this.#takeLastLine(input);
    for (;;) {
      if (this.#line !== null && this.#searched === this.#offset) {
        const last = this.#count === 0 ? this.#lastSection(input) : null;
        if (last !== null) return this.#complete(input, last);
        this.#takeWholeLines(input);
      }
      const lineFeed = input.indexOf(Byte.LF, input.start + this.#searched);
      if (lineFeed < 0) return this.#wait(input);
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
    checkPartialLine(input, from);
    if (this.#line === null) this.#partialLine.check(input, targetSizeLimit);
    if (input.length > headerSizeLimit) throw tooLarge(headerSizeLimit);
    return undefined;
  }

  #takeLine(input: InputBuffer, start: number, end: number): void {
    if (this.#line !== null) {
      return this.#takeField(input, start, scanFieldLine(input.bytes, start, end), end);
    }
    const { methodEnd, targetEnd, minor } = parseRequestLine(
      input.bytes,
      start,
      end,
      this.#limits.targetSizeLimit,
    );
    const text = decodeLatin1(input.bytes, start, end);
    const method = takePart(text, 0, methodEnd);
    this.#line = { text, method, target: takePart(text, methodEnd + 1, targetEnd), minor };
    this.#sectionStart = this.#offset;
  }

  #takeLastLine({ bytes, start, end }: InputBuffer): void {
    if (this.#last === null) return;
    const { line } = this.#last;
    const { text } = line;
    const lineEnd = start + text.length;
    if (lineEnd + 1 >= end || bytes[lineEnd] !== Byte.CR || bytes[lineEnd + 1] !== Byte.LF) return;
    for (let index = 0; index < text.length; index++) {
      if (bytes[start + index] !== text.charCodeAt(index)) return;
    }
    this.#line = line;
    this.#offset = this.#searched = this.#sectionStart = text.length + 2;
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
    this.#partialLine.reset();
  }

  #finish(input: InputBuffer, end: number): RequestHead {
    const text = decodeLatin1(input.bytes, input.start + this.#sectionStart, end);
    return this.#complete(input, {
      fields: new FieldSection(text, this.#lines.slice(0, 3 * this.#count)),
      control: controlFields(text, this.#noted, this.#notedCount),
      hostCount: this.#hostCount,
    });
  }

  /** The section of the last head, where this one has it too. */
  #lastSection({ bytes, start: origin, end: inputEnd }: InputBuffer): Section | null {
    if (this.#last === null) return null;
    const { head } = this.#last;
    const { fields } = head;
    const start = origin + this.#sectionStart;
    const end = start + fields.text.length;
    if (end + 1 >= inputEnd || bytes[end] !== Byte.CR || bytes[end + 1] !== Byte.LF) return null;
    if (!fields.isAt(bytes, start)) return null;
    fields.share();
    return head;
  }

  #complete(input: InputBuffer, section: Section): RequestHead {
    const line = this.#line!;
    const { headerSizeLimit } = this.#limits;
    const size = this.#sectionStart + section.fields.text.length + 2;
    if (size > headerSizeLimit) throw tooLarge(headerSizeLimit);
    input.consume(size);
    this.#reset();
    if (this.#last?.head === section && this.#last.line === line) return this.#last.head;
    const { method, target, minor } = line;
    const { fields, control, hostCount } = section;
    const kept = size <= LONGEST_KEPT;
    const head = { method, target, minor, fields, control, hostCount, kept };
    this.#last = kept ? { line, head } : null;
    return head;
  }

  #reset(): void {
    this.#begun = false;
    this.#offset = 0;
    this.#sectionStart = 0;
    this.#searched = 0;
    this.#emptyLines = 0;
    this.#count = 0;
    this.#notedCount = 0;
    this.#hostCount = 0;
    this.#line = null;
    this.#partialLine.reset();
  }
}

function bareLineFeed(): HttpError {
  // "a recipient MAY recognize a single LF as a line terminator" (RFC 9112 §2.2): not here, others have been smuggled past
  return new HttpError(400, "A line ends in LF without CR (RFC 9112 §2.2)");
}

function tooLarge(limit: number): HttpError {
  return new HttpError(431, `The head is larger than ${limit} bytes (RFC 6585 §5)`);
}
