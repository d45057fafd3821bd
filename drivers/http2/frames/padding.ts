/**
 * Padding, which DATA, HEADERS and PUSH_PROMISE frames may have (RFC 9113 §6.1).
 *
 * @module
 */

import { ConnectionError, ErrorCode } from "../error_code.ts";
import { Flag, type Frame } from "../frame.ts";

/**
 * Leaves the padding of a frame out of what is to be parsed. "The total number of padding octets is
 * determined by the value of the Pad Length field. If the length of the padding is the length of the frame
 * payload or greater, the recipient MUST treat this as a connection error of type PROTOCOL_ERROR."
 *
 * @param frame its `start` and `end` are moved
 * @param needed how many bytes the type needs beside the padding
 * @throws {ConnectionError} PROTOCOL_ERROR, or FRAME_SIZE_ERROR where there is no room for the length of the
 * padding
 */
export function removePadding(frame: Frame, needed = 0): void {
  if (!frame.has(Flag.PADDED)) return;
  if (frame.end - frame.start < 1 + needed) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "A padded frame that is too short (RFC 9113 §4.2)");
  }
  const padding = frame.bytes[frame.start++]!;
  if (padding > frame.end - frame.start - needed) {
    throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "More padding than payload (RFC 9113 §6.1)");
  }
  frame.end -= padding;
}
