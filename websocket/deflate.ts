/**
 * permessage-deflate (RFC 7692): the negotiation, and the compression of single messages.
 *
 * Neither side keeps its context from message to message (RFC 7692 §7.1.1). Messages are compressed a little
 * less, but no socket holds two windows of memory, which would be the main cost of compression for a server.
 *
 * @module
 */

import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { CloseCode, tooBig, WebSocketFault } from "./frame.ts";

/** The extension field with which the server accepts an offer. */
export const DEFLATE_RESPONSE = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/** The last bytes of each compressed message, which are left out on the wire (RFC 7692 §7.2.1). */
const TAIL = Uint8Array.of(0x00, 0x00, 0xff, 0xff);

const PARAMETERS: Readonly<Record<string, RegExp | null>> = {
  server_no_context_takeover: null,
  client_no_context_takeover: null,
  client_max_window_bits: /^(?:8|9|1[0-5])?$/,
  server_max_window_bits: /^15$/, // an offer that asks for a smaller window is declined
};

/** Whether the server can accept one of the offers of `Sec-WebSocket-Extensions` (RFC 7692 §5.1, §7.1). */
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
 * Inflates a message. The result is a part of larger memory, so bytes that a handler gets must be copied.
 *
 * @throws {WebSocketFault} 1009 as soon as the message is larger than `limit`, 1007 when it cannot be
 * inflated
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
