/**
 * PUSH_PROMISE (RFC 9113 §6.6): the request that a pushed response answers.
 *
 * @module
 */

import { ConnectionError, ErrorCode } from "../error_code.ts";
import { type Frame, readUint31 } from "../frame.ts";
import { removePadding } from "./padding.ts";

const PROMISED_ID_SIZE = 4;

/**
 * Parses the promised stream, and narrows the frame to its fragment of the field block.
 *
 * @throws {ConnectionError} PROTOCOL_ERROR for padding, and for a stream that no server can promise
 * (RFC 9113 §5.1.1)
 */
export function parsePushPromise(frame: Frame): number {
  removePadding(frame, PROMISED_ID_SIZE);
  const promised = readUint31(frame.bytes, frame.start);
  frame.start += PROMISED_ID_SIZE;
  if (promised !== 0 && promised % 2 === 0) return promised;
  throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `A promise of stream ${promised} (RFC 9113 §6.6)`);
}
