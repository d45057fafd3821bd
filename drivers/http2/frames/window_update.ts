/**
 * WINDOW_UPDATE (RFC 9113 §6.9): how much more may be sent.
 *
 * @module
 */

import { ConnectionError, ErrorCode, StreamError } from "../error_code.ts";
import {
  Flag,
  type Frame,
  FRAME_HEADER_SIZE,
  FrameType,
  makeFrame,
  readUint31,
  writeUint32,
} from "../frame.ts";

/**
 * The increment of a WINDOW_UPDATE frame. "A receiver MUST treat the receipt of a WINDOW_UPDATE frame with a
 * flow-control window increment of 0 as a stream error of type PROTOCOL_ERROR; errors on the connection
 * flow-control window MUST be treated as a connection error."
 *
 * @throws {StreamError | ConnectionError} PROTOCOL_ERROR
 */
export function parseWindowUpdate({ bytes, start, streamId }: Frame): number {
  const increment = readUint31(bytes, start);
  if (increment > 0) return increment;
  const message = "A WINDOW_UPDATE by 0 (RFC 9113 §6.9)";
  if (streamId === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, message);
  throw new StreamError(streamId, ErrorCode.PROTOCOL_ERROR, message);
}

/** Encodes a WINDOW_UPDATE frame; stream 0 is the connection. */
export function encodeWindowUpdate(streamId: number, increment: number): Uint8Array {
  const frame = makeFrame({ length: 4, type: FrameType.WINDOW_UPDATE, flags: Flag.NONE, streamId });
  writeUint32(frame, FRAME_HEADER_SIZE, increment);
  return frame;
}
