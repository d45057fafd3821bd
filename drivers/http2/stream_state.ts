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
 * "idle" and "closed" streams have no object: which of the two a stream is, its number says, and `closed_streams.ts`.
 *
 * @module
 */

/** Where a stream stands. */
export type StreamState =
  | "idle"
  | "reserved-local"
  | "open"
  | "half-closed-local"
  | "half-closed-remote"
  | "closed";

/** The frames on a stream that a client may send; CONTINUATION is part of HEADERS. */
export type ReceivedType = "DATA" | "HEADERS" | "PRIORITY" | "RST_STREAM" | "WINDOW_UPDATE";

/**
 * What receiving a frame in some state is: allowed, or a fault.
 *
 * - `protocol-error`: a connection error of type PROTOCOL_ERROR
 * - `stream-closed`: a stream error of type STREAM_CLOSED
 * - `connection-closed`: a connection error of type STREAM_CLOSED
 */
export type Verdict = "allowed" | "protocol-error" | "stream-closed" | "connection-closed";

/** Whether a frame may be received in a state. */
export function judge(state: StreamState, type: ReceivedType): Verdict {
  if (type === "PRIORITY") return "allowed"; // "can be sent [...] in any stream state" (RFC 9113 §6.3)
  switch (state) {
    case "idle":
      // "Receiving any frame other than HEADERS or PRIORITY on a stream in this state MUST be treated as a connection error"
      return type === "HEADERS" ? "allowed" : "protocol-error";
    case "reserved-local":
      // "Receiving any type of frame other than RST_STREAM, PRIORITY, or WINDOW_UPDATE on a stream in this state MUST be treated
      // as a connection error of type PROTOCOL_ERROR."
      return type === "DATA" || type === "HEADERS" ? "protocol-error" : "allowed";
    case "open":
    case "half-closed-local":
      return "allowed";
    case "half-closed-remote":
      // "If an endpoint receives additional frames, other than WINDOW_UPDATE, PRIORITY, or RST_STREAM, for a stream that is in
      // this state, it MUST respond with a stream error of type STREAM_CLOSED."
      return type === "DATA" || type === "HEADERS" ? "stream-closed" : "allowed";
    case "closed":
      // "WINDOW_UPDATE or RST_STREAM frames can be received in this state for a short period"; others "MUST be treated as a
      // connection error of type STREAM_CLOSED", unless this side has reset the stream, of which the driver knows
      return type === "DATA" || type === "HEADERS" ? "connection-closed" : "allowed";
    default:
      return state satisfies never;
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
