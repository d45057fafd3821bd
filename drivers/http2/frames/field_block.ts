/**
 * Field blocks on their way out: HEADERS or PUSH_PROMISE, and CONTINUATION where one frame is not enough
 * (RFC 9113 §4.3, §6.10).
 *
 * @module
 */

import {
  Flag,
  FRAME_HEADER_SIZE,
  FRAME_SIZE_LIMIT,
  FrameType,
  writeFrameHead,
  writeUint32,
} from "../frame.ts";

/** Where a block is, and how it is sent. */
export interface FieldBlock {
  /**
   * The memory; the block has {@link FRAME_HEADER_SIZE} bytes of room before it, and 4 more for a promise.
   */
  readonly room: Uint8Array;
  /** Where that room begins. */
  readonly start: number;
  /** Where the block ends. */
  readonly end: number;
  /** The stream. */
  readonly streamId: number;
  /** Whether the stream ends with it. */
  readonly endStream: boolean;
  /** The stream that is promised, for a PUSH_PROMISE. */
  readonly promised?: number;
}

/** Writes the header before a block that fits one frame; says whether it did. */
export function sealFieldBlock(block: FieldBlock): boolean {
  const { room, start, end, streamId, endStream, promised } = block;
  const length = end - start - FRAME_HEADER_SIZE;
  if (length > FRAME_SIZE_LIMIT) return false;
  const flags = Flag.END_HEADERS | (endStream ? Flag.END_STREAM : Flag.NONE);
  const type = promised === undefined ? FrameType.HEADERS : FrameType.PUSH_PROMISE;
  const at = writeFrameHead(room, start, { length, type, flags, streamId });
  if (promised !== undefined) writeUint32(room, at, promised);
  return true;
}

/**
 * Encodes a block that needs several frames. "This sequence [...] MUST NOT be interleaved" (RFC 9113 §4.3).
 */
export function splitFieldBlock({ room, start, end, streamId, endStream, promised }: FieldBlock): Uint8Array {
  const payload = room.subarray(start + FRAME_HEADER_SIZE, end);
  if (promised !== undefined) writeUint32(payload, 0, promised);
  const count = Math.ceil(payload.length / FRAME_SIZE_LIMIT);
  const frames = new Uint8Array(payload.length + FRAME_HEADER_SIZE * count);
  let at = 0;
  for (let offset = 0; offset < payload.length; offset += FRAME_SIZE_LIMIT) {
    const part = payload.subarray(offset, offset + FRAME_SIZE_LIMIT);
    const first = promised === undefined ? FrameType.HEADERS : FrameType.PUSH_PROMISE;
    const isLast = offset + FRAME_SIZE_LIMIT >= payload.length;
    const flags = (isLast ? Flag.END_HEADERS : Flag.NONE) |
      (offset === 0 && endStream ? Flag.END_STREAM : Flag.NONE);
    const type = offset === 0 ? first : FrameType.CONTINUATION;
    at = writeFrameHead(frames, at, { length: part.length, type, flags, streamId });
    frames.set(part, at);
    at += part.length;
  }
  return frames;
}
