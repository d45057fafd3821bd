/**
 * The trailer section of a chunked body (RFC 9112 §7.1.2): field lines like those of a head, kept apart from
 * them. Of the fields that may not be trailers (RFC 9110 §6.5.1) those that could mislead a recipient are
 * refused, and the others dropped.
 *
 * @module
 */

import { HttpError } from "../../errors.ts";
import { isTrailerAllowed, isTrailerHarmful } from "../../trailer_fields.ts";
import { decodeLatin1 } from "../latin1.ts";
import { checkPartialLine, FieldSection, scanFieldLine } from "./fields.ts";
import { Byte } from "../grammar.ts";
import type { InputBuffer } from "../input_buffer.ts";

/** The limits of a trailer section. */
export interface TrailerLimits {
  /** Its size in bytes. */
  readonly trailerSizeLimit: number;
  /** How many lines it may have. */
  readonly headerCountLimit: number;
}

/** Parses one trailer section out of bytes that come in any pieces. */
export class TrailerParser {
  readonly #limits: TrailerLimits;
  #offset = 0;
  #searched = 0;
  #count = 0;
  readonly #lines: number[] = []; // triples: where a name begins, its colon is, and its value ends

  /** @param limits what the section may have */
  constructor(limits: TrailerLimits) {
    this.#limits = limits;
  }

  /**
   * The section, consumed from `input` with the empty line behind it; `undefined` until its last byte has come.
   *
   * @throws {HttpError} 400, 431
   */
  parse(input: InputBuffer): FieldSection | undefined {
    for (;;) {
      const lineFeed = input.indexOf(Byte.LF, input.start + this.#searched);
      if (lineFeed < 0) return this.#wait(input);
      const start = input.start + this.#offset;
      if (lineFeed === start || input.bytes[lineFeed - 1] !== Byte.CR) {
        throw new HttpError(400, "A trailer line ends in LF without CR (RFC 9112 §2.2)");
      }
      if (lineFeed - 1 === start) return this.#finish(input, start, lineFeed + 1);
      this.#offset = this.#searched = lineFeed + 1 - input.start;
      this.#takeLine(input, start, lineFeed - 1);
    }
  }

  #wait(input: InputBuffer): undefined {
    const from = input.start + Math.max(this.#offset, this.#searched - 1);
    this.#searched = input.length;
    checkPartialLine(input, from);
    // The CRLF behind the section is not part of it.
    const atEnd = input.bytes[input.start + this.#offset] === Byte.CR;
    if (!atEnd && input.length > this.#limits.trailerSizeLimit) throw this.#tooLarge();
    return undefined;
  }

  #takeLine({ bytes, start: origin }: InputBuffer, start: number, end: number): void {
    if (this.#offset > this.#limits.trailerSizeLimit) throw this.#tooLarge();
    if (++this.#count > this.#limits.headerCountLimit) {
      throw new HttpError(431, `More than ${this.#limits.headerCountLimit} trailer lines (RFC 6585 §5)`);
    }
    const colon = scanFieldLine(bytes, start, end);
    const name = decodeLatin1(bytes, start, colon).toLowerCase();
    if (isTrailerAllowed(name)) this.#lines.push(start - origin, colon - origin, end - origin);
    if (isTrailerHarmful(name)) {
      throw new HttpError(400, `${name} may not stand in a trailer section (RFC 9110 §6.5.1)`);
    }
  }

  #finish(input: InputBuffer, end: number, next: number): FieldSection {
    const text = decodeLatin1(input.bytes, input.start, end);
    input.consume(next - input.start);
    return new FieldSection(text, this.#lines);
  }

  #tooLarge(): HttpError {
    return new HttpError(
      431,
      `The trailer section is larger than ${this.#limits.trailerSizeLimit} bytes (RFC 6585 §5)`,
    );
  }
}
