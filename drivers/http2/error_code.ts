/**
 * Error codes (RFC 9113 §7), and the two errors of a peer that carry one.
 *
 * @module
 */

/** The codes of RST_STREAM and GOAWAY. */
export const ErrorCode = {
  NO_ERROR: 0x0,
  PROTOCOL_ERROR: 0x1,
  INTERNAL_ERROR: 0x2,
  FLOW_CONTROL_ERROR: 0x3,
  SETTINGS_TIMEOUT: 0x4,
  STREAM_CLOSED: 0x5,
  FRAME_SIZE_ERROR: 0x6,
  REFUSED_STREAM: 0x7,
  CANCEL: 0x8,
  COMPRESSION_ERROR: 0x9,
  CONNECT_ERROR: 0xa,
  ENHANCE_YOUR_CALM: 0xb,
  INADEQUATE_SECURITY: 0xc,
  HTTP_1_1_REQUIRED: 0xd,
} as const;

/** One of the codes that are known; a peer may send others (RFC 9113 §7). */
export type ErrorCode = typeof ErrorCode[keyof typeof ErrorCode];

/** A fault of the peer that ends the connection (RFC 9113 §5.4.1): answered with GOAWAY. */
export class ConnectionError extends Error {
  /** The name of the class. */
  override readonly name: string = "ConnectionError";
  /** The code of the GOAWAY. */
  readonly code: ErrorCode;

  /**
   * Says what is wrong.
   *
   * @param code the code that answers it
   * @param message sent as debug text; ends in its section
   */
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A fault of the peer that ends one stream (RFC 9113 §5.4.2): answered with RST_STREAM. */
export class StreamError extends Error {
  /** The name of the class. */
  override readonly name: string = "StreamError";
  /** The stream. */
  readonly streamId: number;
  /** The code of the RST_STREAM. */
  readonly code: ErrorCode;

  /**
   * Says what is wrong.
   *
   * @param streamId the stream that ends
   * @param code the code that answers it
   * @param message ends in its section
   */
  constructor(streamId: number, code: ErrorCode, message: string) {
    super(message);
    this.streamId = streamId;
    this.code = code;
  }
}
