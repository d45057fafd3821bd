/**
 * RST_STREAM (RFC 9113 §6.4): the end of a stream before its time.
 *
 * @module
 */

import {
  Flag,
  type Frame,
  FRAME_HEADER_SIZE,
  FrameType,
  makeFrame,
  readUint32,
  writeUint32,
} from "../frame.ts";

/** The code of a RST_STREAM frame; it may be unknown (RFC 9113 §7). */
export function parseRstStream({ bytes, start }: Frame): number {
  return readUint32(bytes, start);
}

/** Encodes a RST_STREAM frame. */
export function encodeRstStream(streamId: number, code: number): Uint8Array {
  const frame = makeFrame({ length: 4, type: FrameType.RST_STREAM, flags: Flag.NONE, streamId });
  writeUint32(frame, FRAME_HEADER_SIZE, code);
  return frame;
}
