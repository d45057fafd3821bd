/**
 * HEADERS (RFC 9113 §6.2): the beginning of a field block that opens a stream or ends its body.
 *
 * @module
 */

import { ConnectionError, ErrorCode } from "../error_code.ts";
import { Flag, type Frame, readUint31 } from "../frame.ts";
import { removePadding } from "./padding.ts";

const PRIORITY_SIZE = 5;

/**
 * Narrows a HEADERS frame to its fragment of the field block. Of the priority that the frame may have only
 * the stream that it depends on is looked at: the signal is deprecated (RFC 9113 §5.3.2), and this server's
 * settings say that it ignores it (RFC 9218 §2.1).
 *
 * @returns whether the frame says that its stream depends on itself
 * @throws {ConnectionError} PROTOCOL_ERROR, FRAME_SIZE_ERROR
 */
export function parseHeaders(frame: Frame): boolean {
  const hasPriority = frame.has(Flag.PRIORITY);
  removePadding(frame, hasPriority ? PRIORITY_SIZE : 0);
  if (!hasPriority) return false;
  if (frame.end - frame.start < PRIORITY_SIZE) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "No room for the priority (RFC 9113 §6.2)");
  }
  const dependency = readUint31(frame.bytes, frame.start);
  frame.start += PRIORITY_SIZE;
  return dependency === frame.streamId;
}
