/**
 * Field blocks on their way in: HEADERS, the CONTINUATION frames behind it, and the list that the whole block
 * is decoded to (RFC 9113 §4.3).
 *
 * @module
 */

import { ConnectionError, ErrorCode } from "./error_code.ts";
import { interrupted } from "./faults.ts";
import { Flag, type Frame, FRAME_SIZE_LIMIT, FrameType } from "./frame.ts";
import { checkBlockSize, type FieldBlockLimits, PartialFieldBlock } from "./frames/continuation.ts";
import { parseHeaders } from "./frames/headers.ts";
import { type HeaderList, HpackDecoder } from "./hpack/decoder.ts";

/** What the options say of field blocks. */
export interface FieldBlockOptions {
  /** The largest list, in bytes. */
  readonly headerSizeLimit: number;
  /** The longest list, in fields. */
  readonly headerCountLimit: number;
  /** CONTINUATION frames behind one HEADERS frame. */
  readonly continuationFrameLimit: number;
}

/** Reads the field blocks of one connection. */
export class FieldBlocks {
  /** The stream of the block that was read last. */
  streamId = 0;
  /** Whether the stream ends with that block. */
  endStream = false;
  /** Whether its HEADERS frame says that the stream depends on itself. */
  dependsOnItself = false;
  readonly #decoder: HpackDecoder;
  readonly #limits: FieldBlockLimits;
  #partial: PartialFieldBlock | null = null;

  /** @param options the limits */
  constructor(options: FieldBlockOptions) {
    this.#decoder = new HpackDecoder(options);
    // A list that is somewhat too large is answered 431; only of a block that is far too large nothing is
    // decoded.
    this.#limits = {
      headerSizeLimit: Math.max(FRAME_SIZE_LIMIT, 2 * options.headerSizeLimit),
      continuationFrameLimit: options.continuationFrameLimit,
    };
  }

  /** Whether a block has begun and not ended: then only CONTINUATION may come. */
  get isPartial(): boolean {
    return this.#partial !== null;
  }

  /**
   * Takes a HEADERS frame. Returns the list, or `null` while the block has not ended.
   *
   * @throws {ConnectionError | CompressionError} what is wrong with the frame or the block
   */
  onHeaders(frame: Frame): HeaderList | null {
    // "An endpoint that receives an unexpected stream identifier MUST respond with a connection error"
    // (RFC 9113 §5.1.1)
    if (frame.streamId % 2 === 0) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "A client's streams are odd (RFC 9113 §5.1.1)");
    }
    this.streamId = frame.streamId;
    this.endStream = frame.has(Flag.END_STREAM);
    this.dependsOnItself = parseHeaders(frame);
    if (!frame.has(Flag.END_HEADERS)) {
      this.#partial = new PartialFieldBlock(frame, this.endStream, this.#limits);
      return null;
    }
    checkBlockSize(frame.end - frame.start, this.#limits.headerSizeLimit);
    return this.#decoder.decode(frame.bytes, frame.start, frame.end);
  }

  // "A receiver MUST treat the receipt of any other type of frame or a frame on a different stream as a
  // connection error of type PROTOCOL_ERROR." (RFC 9113 §6.10)
  /**
   * Takes the frame behind a block that has not ended. Returns the list, or `null` while the block has not
   * ended.
   *
   * @throws {ConnectionError | CompressionError} where it is no CONTINUATION of that block, and as
   * `onHeaders` does
   */
  onContinuation(frame: Frame): HeaderList | null {
    const partial = this.#partial;
    if (partial === null || frame.type !== FrameType.CONTINUATION || frame.streamId !== partial.streamId) {
      throw interrupted();
    }
    partial.add(frame);
    if (!frame.has(Flag.END_HEADERS)) return null;
    this.#partial = null;
    return this.#decoder.decode(partial.join());
  }
}
