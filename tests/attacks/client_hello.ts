/**
 * ClientHello messages as bytes (RFC 8446 §4.1.2), to be sent in parts, in pieces, or wrong.
 *
 * @module
 */

import { assert } from "../support/assert.ts";
import { concat } from "../support/bytes.ts";

/** What a real client sends first: one record with a ClientHello. */
export async function captureClientHello(): Promise<Uint8Array> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const [accepted, client] = await Promise.all([
    listener.accept(),
    Deno.connectTls({ hostname: "127.0.0.1", port, alpnProtocols: ["http/1.1"] }),
  ]);
  const failing = client.handshake().catch((error) => error);
  const buffer = new Uint8Array(16_384);
  const count = await accepted.read(buffer);
  assert(count !== null && count > 100 && buffer[0] === 0x16, "the client says hello");
  accepted.close();
  await failing;
  client.close();
  return buffer.slice(0, count);
}

/** The same handshake message, in records of one byte each (RFC 8446 §5.1). */
export function fragment(record: Uint8Array): Uint8Array {
  const pieces = [...record.subarray(5)].map((byte) => new Uint8Array([0x16, 3, 1, 0, 1, byte]));
  return concat(pieces);
}

/** A ClientHello of TLS 1.1, which RFC 8996 retired. */
export function oldClientHello(): Uint8Array {
  const random = new Uint8Array(32).fill(7);
  const suites = [0x00, 0x06, 0xc0, 0x13, 0x00, 0x2f, 0x00, 0x35];
  const body = concat([
    new Uint8Array([3, 2]),
    random,
    new Uint8Array([0, ...suites, 1, 0]),
  ]);
  const message = concat([new Uint8Array([1, 0, 0, body.length]), body]);
  return concat([new Uint8Array([0x16, 3, 1, 0, message.length]), message]);
}
