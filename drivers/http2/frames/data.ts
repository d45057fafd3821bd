/**
 * DATA (RFC 9113 §6.1): bytes of a body.
 *
 * @module
 */

import { Flag, type Frame, FrameType, writeFrameHead } from "../frame.ts";
import { removePadding } from "./padding.ts";

/**
 * Narrows a DATA frame to its data: from `frame.start` to `frame.end`.
 *
 * @throws {ConnectionError} PROTOCOL_ERROR, FRAME_SIZE_ERROR
 */
export function parseData(frame: Frame): void {
  removePadding(frame);
}

/** What a DATA frame says of itself. */
export interface DataHead {
  /** The stream. */
  readonly streamId: number;
  /** Bytes of data. */
  readonly length: number;
  /** Whether the body ends with it. */
  readonly endStream: boolean;
}

/** Writes the header of a DATA frame without padding at `at`, and gives where the data begins. */
export function writeDataHead(
  room: Uint8Array,
  at: number,
  { streamId, length, endStream }: DataHead,
): number {
  const flags = endStream ? Flag.END_STREAM : Flag.NONE;
  return writeFrameHead(room, at, { length, type: FrameType.DATA, flags, streamId });
}
