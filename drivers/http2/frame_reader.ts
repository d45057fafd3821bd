/**
 * Takes frames out of received bytes. What a frame header may say is checked when its nine bytes are there: a
 * payload that is too large for its type is refused before it is waited for (RFC 9113 §4.2).
 *
 * @module
 */

import type { InputBuffer } from "../input_buffer.ts";
import { ConnectionError, ErrorCode, StreamError } from "./error_code.ts";
import { Frame, FRAME_HEADER_SIZE, FRAME_SIZE_LIMIT, FrameType, readUint31 } from "./frame.ts";

/** What a type of frame is sent on, and how large it is. */
interface Rule {
  readonly name: string;
  readonly section: string;
  readonly on: "stream" | "connection" | "either";
  /** The least length. */
  readonly least: number;
  /** The greatest length. */
  readonly most: number;
  /** What the length is a multiple of. */
  readonly unit: number;
}

const ANY_SIZE = { least: 0, most: FRAME_SIZE_LIMIT, unit: 1 } as const;

const RULES: ReadonlyMap<number, Rule> = new Map<number, Rule>([
  [FrameType.DATA, { name: "DATA", section: "6.1", on: "stream", ...ANY_SIZE }],
  [FrameType.HEADERS, { name: "HEADERS", section: "6.2", on: "stream", ...ANY_SIZE }],
  [FrameType.PRIORITY, { name: "PRIORITY", section: "6.3", on: "stream", least: 5, most: 5, unit: 1 }],
  [FrameType.RST_STREAM, { name: "RST_STREAM", section: "6.4", on: "stream", least: 4, most: 4, unit: 1 }],
  [FrameType.SETTINGS, { name: "SETTINGS", section: "6.5", on: "connection", ...ANY_SIZE, unit: 6 }],
  [FrameType.PUSH_PROMISE, { name: "PUSH_PROMISE", section: "6.6", on: "stream", ...ANY_SIZE, least: 4 }],
  [FrameType.PING, { name: "PING", section: "6.7", on: "connection", least: 8, most: 8, unit: 1 }],
  [FrameType.GOAWAY, { name: "GOAWAY", section: "6.8", on: "connection", ...ANY_SIZE, least: 8 }],
  [
    FrameType.WINDOW_UPDATE,
    { name: "WINDOW_UPDATE", section: "6.9", on: "either", least: 4, most: 4, unit: 1 },
  ],
  [FrameType.CONTINUATION, { name: "CONTINUATION", section: "6.10", on: "stream", ...ANY_SIZE }],
]);

/** Rules by type, for a lookup without a hash. */
const RULE_OF: readonly (Rule | undefined)[] = Array.from({ length: 16 }, (_, type) => RULES.get(type));

/** Reads the frames of one connection. */
export class FrameReader {
  readonly #frame = new Frame();

  /**
   * The next frame, consumed from `input` and valid until the next call; `undefined` until all of it has
   * come.
   *
   * @throws {ConnectionError} PROTOCOL_ERROR on a stream that the type is not for, FRAME_SIZE_ERROR
   * @throws {StreamError} FRAME_SIZE_ERROR for a PRIORITY frame, which is then consumed
   */
  read(input: InputBuffer): Frame | undefined {
    if (input.length < FRAME_HEADER_SIZE) return undefined;
    const { bytes, start } = input;
    const frame = this.#frame;
    frame.length = (bytes[start]! << 16) | (bytes[start + 1]! << 8) | bytes[start + 2]!;
    frame.type = bytes[start + 3]!;
    frame.flags = bytes[start + 4]!;
    frame.streamId = readUint31(bytes, start + 5);
    const rule = RULE_OF[frame.type];
    if (frame.length > FRAME_SIZE_LIMIT) throw tooLarge(frame);
    if (rule !== undefined) checkHead(frame, rule);
    if (input.length < FRAME_HEADER_SIZE + frame.length) return undefined;
    input.consume(FRAME_HEADER_SIZE + frame.length);
    if (frame.type === FrameType.PRIORITY) checkPrioritySize(frame);
    frame.bytes = bytes;
    frame.start = start + FRAME_HEADER_SIZE;
    frame.end = frame.start + frame.length;
    return frame;
  }
}

// "If a [...] frame is received whose Stream Identifier field is 0x00, the recipient MUST respond with a
// connection error of type PROTOCOL_ERROR", and the like for each type (RFC 9113 §6). "An endpoint MUST send
// an error code of FRAME_SIZE_ERROR if a frame exceeds [...] any limit defined for the frame type, or is too
// small to contain mandatory frame data" (§4.2)
function checkHead({ length, type, streamId }: Frame, rule: Rule): void {
  if (rule.on !== "either" && (rule.on === "stream") !== (streamId !== 0)) {
    throw new ConnectionError(
      ErrorCode.PROTOCOL_ERROR,
      `${rule.name} on stream ${streamId} (RFC 9113 §${rule.section})`,
    );
  }
  if (length >= rule.least && length <= rule.most && length % rule.unit === 0) return;
  if (type !== FrameType.PRIORITY) throw wrongSize(rule);
}

const PRIORITY_SIZE = 5;

// "A PRIORITY frame with a length other than 5 octets MUST be treated as a stream error of type
// FRAME_SIZE_ERROR" (RFC 9113 §6.3): the connection lives on, so that the frame has to be passed over first.
function checkPrioritySize({ length, streamId }: Frame): void {
  if (length === PRIORITY_SIZE) return;
  throw new StreamError(
    streamId,
    ErrorCode.FRAME_SIZE_ERROR,
    "A PRIORITY frame not of 5 bytes (RFC 9113 §6.3)",
  );
}

function wrongSize(rule: Rule): ConnectionError {
  return new ConnectionError(
    ErrorCode.FRAME_SIZE_ERROR,
    `A ${rule.name} frame of a size that it cannot have (RFC 9113 §${rule.section})`,
  );
}

function tooLarge({ length }: Frame): ConnectionError {
  return new ConnectionError(
    ErrorCode.FRAME_SIZE_ERROR,
    `A frame of ${length} bytes, above the ${FRAME_SIZE_LIMIT} allowed (RFC 9113 §4.2)`,
  );
}
