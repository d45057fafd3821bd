/**
 * The states of a stream as a server sees them (RFC 9113 §5.1).
 *
 * ```text
 *                                +--------+
 *              send PUSH_PROMISE |        | receive HEADERS
 *              ,-----------------|  idle  |----------------.
 *             v                  |        |                 v
 *      +-------------+           +--------+             +--------+
 *      |  reserved   |                   ,--------------|        |--------------.
 *      |   (local)   |    receive END_STREAM            |  open  |       send END_STREAM
 *      +-------------+                   v              |        |              v
 *             | send HEADERS     +-------------+        +--------+       +-------------+
 *             `----------------->| half-closed |             |           | half-closed |
 *                                |  (remote)   |     either RST_STREAM   |   (local)   |
 *                                +-------------+             |           +-------------+
 *                       send END_STREAM  |                   v                  | receive END_STREAM
 *                    or either RST_STREAM `-----------> +--------+ <-----------' or either RST_STREAM
 *                                                       | closed |
 *                                                       +--------+
 * ```
 *
 * "idle" and "closed" streams have no object: the number of a stream tells which of the two it is, and
 * `closed_streams.ts` how it was closed.
 *
 * @module
 */

import { Closing } from "./closed_streams.ts";

/** Where a stream stands. */
export type StreamState =
  | "idle"
  | "reserved-local"
  | "open"
  | "half-closed-local"
  | "half-closed-remote"
  | "closed";

/**
 * The frames on a stream that a client may send, and that depend on its state; CONTINUATION is part of
 * HEADERS. PRIORITY "can be sent [...] in any stream state" (RFC 9113 §6.3).
 */
export type ReceivedType = "DATA" | "HEADERS" | "RST_STREAM" | "WINDOW_UPDATE";

/**
 * What follows from receiving a frame.
 *
 * - `allowed`: the frame is for a stream that is open or promised, or HEADERS open one
 * - `ignored`: the stream is closed, and the peer may not have known
 * - `protocol-error`: a connection error of type PROTOCOL_ERROR
 * - `stream-closed`: a stream error of type STREAM_CLOSED
 * - `connection-closed`: a connection error of type STREAM_CLOSED
 */
export type Verdict = "allowed" | "ignored" | "protocol-error" | "stream-closed" | "connection-closed";

/**
 * Judges a received frame by the state of its stream.
 *
 * @param closing how a stream that is closed was closed; of no account in any other state
 */
export function judge(state: StreamState, type: ReceivedType, closing: Closing): Verdict {
  const isMessage = type === "DATA" || type === "HEADERS";
  switch (state) {
    case "idle":
      // "Receiving any frame other than HEADERS or PRIORITY on a stream in this state MUST be treated as a
      // connection error"
      return type === "HEADERS" ? "allowed" : "protocol-error";
    case "reserved-local":
      // "Receiving any type of frame other than RST_STREAM, PRIORITY, or WINDOW_UPDATE on a stream in this
      // state MUST be treated as a connection error of type PROTOCOL_ERROR."
      return isMessage ? "protocol-error" : "allowed";
    case "open":
    case "half-closed-local":
      return "allowed";
    case "half-closed-remote":
      // "If an endpoint receives additional frames, other than WINDOW_UPDATE, PRIORITY, or RST_STREAM, for a
      // stream that is in this state, it MUST respond with a stream error of type STREAM_CLOSED."
      return isMessage ? "stream-closed" : "allowed";
    case "closed":
      return isMessage ? judgeMessageOnClosed(closing) : "ignored";
    default:
      return state satisfies never;
  }
}

/**
 * Judges DATA or HEADERS on a closed stream. Other frames "can be received in this state for a short period".
 */
function judgeMessageOnClosed(closing: Closing): Verdict {
  switch (closing) {
    case Closing.Reset:
      // "An endpoint that sends a RST_STREAM frame on a stream [...] MUST be prepared to receive additional
      // frames"
      return "ignored";
    case Closing.Ended:
      // "Receiving other frames [...] MUST be treated as a connection error of type STREAM_CLOSED."
      return "connection-closed";
    case Closing.Unknown:
      // A stream that was passed over is closed and was never used: "The identifier of a newly established
      // stream MUST be numerically greater than all streams that the initiating endpoint has opened"
      // (RFC 9113 §5.1.1)
      return "protocol-error";
    default:
      return closing satisfies never;
  }
}

/** The state once the peer has ended its side. */
export function afterPeerEnded(state: StreamState): StreamState {
  return state === "half-closed-local" ? "closed" : "half-closed-remote";
}

/** The state once this side has ended. */
export function afterWeEnded(state: StreamState): StreamState {
  return state === "half-closed-remote" || state === "reserved-local" ? "closed" : "half-closed-local";
}
