/** Every pair of a stream's state and a frame that a client may send. */

import { assertEquals } from "@std/assert";
import { Closing } from "../../../drivers/http2/closed_streams.ts";
import {
  judge,
  type ReceivedType,
  type StreamState,
  type Verdict,
} from "../../../drivers/http2/stream_state.ts";

type Row = readonly [state: StreamState, closing: keyof typeof Closing, verdicts: readonly Verdict[]];

const TYPES: readonly ReceivedType[] = ["HEADERS", "DATA", "RST_STREAM", "WINDOW_UPDATE"];

const TABLE: readonly Row[] = [
  ["idle", "Unknown", ["allowed", "protocol-error", "protocol-error", "protocol-error"]],
  ["reserved-local", "Unknown", ["protocol-error", "protocol-error", "allowed", "allowed"]],
  ["open", "Unknown", ["allowed", "allowed", "allowed", "allowed"]],
  ["half-closed-local", "Unknown", ["allowed", "allowed", "allowed", "allowed"]],
  ["half-closed-remote", "Unknown", ["stream-closed", "stream-closed", "allowed", "allowed"]],
  ["closed", "Ended", ["connection-closed", "connection-closed", "ignored", "ignored"]],
  ["closed", "Reset", ["ignored", "ignored", "ignored", "ignored"]],
  ["closed", "Unknown", ["protocol-error", "protocol-error", "ignored", "ignored"]],
];

for (const [state, closing, verdicts] of TABLE) {
  const how = state === "closed" ? ` (${closing})` : "";
  Deno.test(`judge() knows what may be received on a stream that is ${state}${how} (RFC 9113 §5.1)`, () => {
    assertEquals(TYPES.map((type) => judge(state, type, Closing[closing])), verdicts);
  });
}
