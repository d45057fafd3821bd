/**
 * CONTINUATION (RFC 9113 §6.10): the rest of a field block. A block is gathered before anything of it is
 * decoded, bounded in bytes and in frames (CVE-2024-27316 and its kin: an endless block).
 *
 * @module
 */

import { ConnectionError, ErrorCode } from "../error_code.ts";
import type { Frame } from "../frame.ts";

/** What a block may have. */
export interface FieldBlockLimits {
  /** Bytes of the whole block, encoded. */
  readonly headerSizeLimit: number;
  /** CONTINUATION frames. */
  readonly continuationFrameLimit: number;
}

/** A field block whose end has not come. */
export class PartialFieldBlock {
  /** The stream that it is on; no frame of another may come before its end. */
  readonly streamId: number;
  /** Whether the stream ends with it. */
  readonly endStream: boolean;
  readonly #limits: FieldBlockLimits;
  readonly #fragments: Uint8Array[] = [];
  #size = 0;
  #count = 0;

  /** Begins with the fragment of a HEADERS frame, which is copied. */
  constructor(frame: Frame, endStream: boolean, limits: FieldBlockLimits) {
    this.streamId = frame.streamId;
    this.endStream = endStream;
    this.#limits = limits;
    this.#push(frame);
  }

  /**
   * Adds the fragment of a CONTINUATION frame.
   *
   * @throws {ConnectionError} ENHANCE_YOUR_CALM beyond the limits
   */
  add(frame: Frame): void {
    const { continuationFrameLimit } = this.#limits;
    if (++this.#count > continuationFrameLimit) {
      throw new ConnectionError(
        ErrorCode.ENHANCE_YOUR_CALM,
        `More than ${continuationFrameLimit} CONTINUATION frames (RFC 9113 §10.5.1)`,
      );
    }
    this.#push(frame);
  }

  #push({ bytes, start, end }: Frame): void {
    this.#size += end - start;
    checkBlockSize(this.#size, this.#limits.headerSizeLimit);
    this.#fragments.push(bytes.slice(start, end));
  }

  /** The whole block. */
  join(): Uint8Array {
    const block = new Uint8Array(this.#size);
    let at = 0;
    for (const fragment of this.#fragments) {
      block.set(fragment, at);
      at += fragment.length;
    }
    return block;
  }
}

/**
 * A block is refused before it is decoded when it is larger encoded than its list may be decoded.
 *
 * @throws {ConnectionError} ENHANCE_YOUR_CALM
 */
export function checkBlockSize(size: number, limit: number): void {
  if (size <= limit) return;
  throw new ConnectionError(
    ErrorCode.ENHANCE_YOUR_CALM,
    `A field block of more than ${limit} bytes (RFC 9113 §10.5.1)`,
  );
}
