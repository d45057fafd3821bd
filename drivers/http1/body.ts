/**
 * The two ways in which a request's body is delimited: by its length (RFC 9112 §6.2) and by chunks (RFC 9112 §7.1).
 *
 * A chunk of at most `streamThreshold` is handed on when it is complete, since whoever made it meant it to be one: its parts
 * cost a handler no turns of their own. What is gathered stays in the input buffer, bounded by that.
 *
 * @module
 */

import { HttpError } from "../../errors.ts";
import type { FieldSection } from "./fields.ts";
import { Byte, HEX_VALUE, isNotHex } from "../grammar.ts";
import { checkChunkExtensions } from "./chunk_extensions.ts";
import type { InputBuffer } from "../input_buffer.ts";
import { type TrailerLimits, TrailerParser } from "./trailers.ts";

/** Takes a body out of the input, piece by piece. */
export interface BodyDecoder {
  /**
   * The next bytes of the body, as a view of the input that is valid until more is asked for; `undefined` when more is
   * needed; `null` at the end.
   *
   * @throws {HttpError} 400, 431
   */
  next(input: InputBuffer): Uint8Array | undefined | null;
  /** How many bytes of the body are still to come, as far as that is known. */
  readonly remaining: number;
  /** The trailer section, at the end of a body that has one. */
  readonly trailers: FieldSection | null;
}

/** The limits of a chunked body. */
export interface ChunkLimits extends TrailerLimits {
  /** The longest line with a chunk's size and extensions, in bytes. */
  readonly chunkLineSizeLimit: number;
  /** How many bytes of framing a body may have beyond the size of its content. */
  readonly chunkOverheadLimit: number;
  /** Chunks up to this size are gathered, in bytes. */
  readonly streamThreshold: number;
}

/** A body of known length (RFC 9112 §6.2). */
export class LengthDecoder implements BodyDecoder {
  /** How many bytes are still to come. */
  remaining: number;
  /** Such a body has none. */
  readonly trailers = null;

  /** @param length its length */
  constructor(length: number) {
    this.remaining = length;
  }

  /** The next piece. */
  next(input: InputBuffer): Uint8Array | undefined | null {
    if (this.remaining === 0) return null;
    const piece = takePiece(input, this.remaining, 1);
    if (piece !== undefined) this.remaining -= piece.length;
    return piece;
  }
}

/**
 * Where a chunked body stands:
 *
 * ```text
 *           size > 0          all of it           CRLF
 *  ▶ size ──────────▶ data ──────────▶ data-end ──────▶ size
 *      │ size = 0               empty line
 *      └──────────▶ trailers ──────────────▶ done
 * ```
 */
type ChunkState = "size" | "data" | "data-end" | "trailers" | "done";

/** A chunked body (RFC 9112 §7.1). */
export class ChunkedDecoder implements BodyDecoder {
  /** Unknown until the last chunk. */
  readonly remaining = Infinity;
  /** The trailer section, at the end. */
  trailers: FieldSection | null = null;
  readonly #limits: ChunkLimits;
  readonly #trailerParser: TrailerParser;
  #state: ChunkState = "size";
  #chunkLeft = 0;
  #searched = 0;
  #content = 0;
  #overhead = 0;

  /** @param limits what the framing may cost */
  constructor(limits: ChunkLimits) {
    this.#limits = limits;
    this.#trailerParser = new TrailerParser(limits);
  }

  /** The next piece. */
  next(input: InputBuffer): Uint8Array | undefined | null {
    for (;;) {
      switch (this.#state) {
        case "size":
          if (!this.#takeSize(input)) return undefined;
          break;
        case "data":
          return this.#takeData(input);
        case "data-end":
          if (!this.#takeDataEnd(input)) return undefined;
          break;
        case "trailers":
          if (!this.#takeTrailers(input)) return undefined;
          break;
        case "done":
          return null;
        default:
          return this.#state satisfies never;
      }
    }
  }

  // chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
  #takeSize(input: InputBuffer): boolean {
    const { bytes, start } = input;
    const lineFeed = input.indexOf(Byte.LF, start + this.#searched);
    const complete = lineFeed >= 0;
    const length = complete ? lineFeed + 1 - start : input.length;
    if (length > this.#limits.chunkLineSizeLimit) {
      throw bad(`A chunk line is longer than ${this.#limits.chunkLineSizeLimit} bytes`, "§7.1.1");
    }
    this.#searched = complete ? 0 : length;
    if (!complete) return false;
    if (length < 2 || bytes[lineFeed - 1] !== Byte.CR) throw bad("A chunk line ends in LF without CR");
    this.#chunkLeft = parseChunkLine(bytes, start, lineFeed - 1);
    input.consume(length);
    this.#countOverhead(length);
    this.#state = this.#chunkLeft === 0 ? "trailers" : "data";
    return true;
  }

  #takeData(input: InputBuffer): Uint8Array | undefined {
    const piece = takePiece(input, this.#chunkLeft, this.#limits.streamThreshold);
    if (piece === undefined) return undefined;
    this.#chunkLeft -= piece.length;
    this.#content += piece.length;
    if (this.#chunkLeft === 0) this.#state = "data-end";
    return piece;
  }

  #takeDataEnd(input: InputBuffer): boolean {
    const { bytes, start, length } = input;
    const wrong = (length > 0 && bytes[start] !== Byte.CR) || (length > 1 && bytes[start + 1] !== Byte.LF);
    if (wrong) throw bad("Chunk data is not followed by CRLF");
    if (length < 2) return false;
    input.consume(2);
    this.#countOverhead(2);
    this.#state = "size";
    return true;
  }

  #takeTrailers(input: InputBuffer): boolean {
    const section = this.#trailerParser.parse(input);
    if (section === undefined) return false;
    this.trailers = section;
    this.#state = "done";
    return true;
  }

  // "a recipient ought to limit the total length of chunk extensions received in a request" (RFC 9112 §7.1.1): together
  // with the rest of the framing, so that single-byte chunks are bounded too.
  #countOverhead(bytes: number): void {
    this.#overhead += bytes;
    if (this.#overhead > this.#limits.chunkOverheadLimit + this.#content) {
      throw bad("The chunks have more framing than content", "§7.1.1");
    }
  }
}

function takePiece(input: InputBuffer, wanted: number, threshold: number): Uint8Array | undefined {
  const { bytes, start, length } = input;
  if (length === 0 || length < Math.min(wanted, threshold)) return undefined;
  const count = Math.min(wanted, length);
  input.consume(count);
  return bytes.subarray(start, start + count);
}

// 13 digits stay below 2^52: "recipients MUST anticipate potentially large hexadecimal numerals and prevent parsing errors
// due to integer conversion overflows" (RFC 9112 §7.1)
const HEX_DIGITS_LIMIT = 13;

// chunk-size = 1*HEXDIG
function parseChunkLine(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  let size = 0;
  let significant = 0;
  for (; at < end; at++) {
    const digit = HEX_VALUE[bytes[at]!]!;
    if (isNotHex(digit)) break;
    if (size > 0 || digit > 0) significant++;
    if (significant > HEX_DIGITS_LIMIT) throw bad("A chunk size is beyond any limit");
    size = size * 16 + digit;
  }
  if (at === start) throw bad("A chunk size is no hexadecimal number");
  if (at < end) checkChunkExtensions(bytes, at, end);
  return size;
}

function bad(what: string, section = "§7.1"): HttpError {
  return new HttpError(400, `${what} (RFC 9112 ${section})`);
}
