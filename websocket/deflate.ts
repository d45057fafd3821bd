/**
 * permessage-deflate (RFC 7692): its negotiation, and the compression of single messages.
 *
 * Neither side keeps its context from message to message: that costs some of the ratio, and saves the memory
 * of two windows for each socket, which is what makes compression dear for a server (RFC 7692 §7.1.1).
 *
 * @module
 */

import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { CloseCode, tooBig, WebSocketFault } from "./frame.ts";

/** What the server answers to an offer that it takes. */
export const DEFLATE_RESPONSE = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/** What a compressed message ends in, left out on the wire (RFC 7692 §7.2.1). */
const TAIL = Uint8Array.of(0x00, 0x00, 0xff, 0xff);

const PARAMETERS: Readonly<Record<string, RegExp | null>> = {
  server_no_context_takeover: null,
  client_no_context_takeover: null,
  client_max_window_bits: /^(?:8|9|1[0-5])?$/,
  server_max_window_bits: /^15$/, // a smaller window is not offered: an offer that asks for one is declined
};

/** Whether one of the offers of `Sec-WebSocket-Extensions` can be taken (RFC 7692 §5.1, §7.1). */
export function acceptsDeflate(offers: string | null): boolean {
  return (offers ?? "").split(",").some((offer) => {
    const [name = "", ...parameters] = offer.split(";").map((part) => part.trim());
    if (name.toLowerCase() !== "permessage-deflate") return false;
    const seen = new Set<string>();
    return parameters.every((parameter) => {
      const [key = "", value] = parameter.split("=").map((part) => part.trim());
      if (!Object.hasOwn(PARAMETERS, key) || seen.has(key)) return false;
      seen.add(key);
      const allowed = PARAMETERS[key]!;
      if (allowed === null) return value === undefined;
      if (value === undefined) return key === "client_max_window_bits";
      return allowed.test(value.replace(/^"(.*)"$/, "$1"));
    });
  });
}

/** Compresses a message. */
export function deflate(message: Uint8Array): Uint8Array {
  const compressed = deflateRawSync(message, { finishFlush: constants.Z_SYNC_FLUSH });
  return compressed.subarray(0, compressed.length - TAIL.length);
}

/**
 * Restores a message. The bytes are a part of larger memory: what is handed out must be copied.
 *
 * @throws {WebSocketFault} 1009 as soon as it is larger than `limit`, 1007 when it is no compressed data
 */
export function inflate(message: Uint8Array, limit: number): Uint8Array {
  const whole = new Uint8Array(message.length + TAIL.length);
  whole.set(message);
  whole.set(TAIL, message.length);
  try {
    const { buffer, byteOffset, byteLength } = inflateRawSync(whole, {
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: Math.max(1, limit),
    });
    // Not as a `Buffer`, because the `slice()` of a `Buffer` does not copy.
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch (error) {
    if (error instanceof RangeError) throw tooBig(limit); // ERR_BUFFER_TOO_LARGE
    throw new WebSocketFault(
      CloseCode.INVALID_PAYLOAD,
      "A message that cannot be inflated (RFC 7692 §7.2.2)",
    );
  }
}
