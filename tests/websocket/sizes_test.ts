/** Messages of every size at which memory, header or compression changes, to and from npm's ws. */

import WsClient from "ws";
import { serve } from "../../mod.ts";
import { upgradeWebSocket } from "../../websocket/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { within } from "../support/deadline.ts";

/**
 * Sizes around the ends of headers, of what is worth compressing, and of the pieces in which Node's zlib
 * gives its output.
 */
const SIZES: readonly number[] = [
  ...[0, 1, 5, 41, 42, 125, 126, 1023, 1024, 1025, 4093, 4096, 8192],
  ...Array.from({ length: 17 }, (_, index) => 16 * 1024 - 8 + index),
  ...[32_767, 32_768, 32_769, 49_152, 65_535, 65_536, 65_537, 300_000],
];

/** What messages are made of: bytes that compress well, and bytes that do not. */
const CONTENTS: Readonly<Record<string, (size: number) => Uint8Array<ArrayBuffer>>> = {
  "alike bytes": (size) => new Uint8Array(size).fill(0x61),
  "random bytes": (size) => {
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
    return bytes;
  },
};

interface Echoed {
  /** What the server's socket was given. */
  readonly given: string | ArrayBuffer | Blob;
  /** What came back. */
  readonly answer: Uint8Array;
}

interface Way {
  readonly compress: boolean;
  readonly binaryType: BinaryType;
}

/** Runs a test with a client of an echo: it sends a message, and gives what became of it. */
async function withEcho(
  { compress, binaryType }: Way,
  run: (echo: (message: string | Uint8Array) => Promise<Echoed>) => Promise<void>,
): Promise<void> {
  let given: string | ArrayBuffer | Blob = "";
  await using server = serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { socket, response } = upgradeWebSocket(request, { compress });
    socket.binaryType = binaryType;
    socket.onmessage = ({ data }) => {
      given = data;
      socket.send(data);
    };
    return response;
  });
  const client = new WsClient(`ws://127.0.0.1:${(server.addr as Deno.NetAddr).port}/`, {
    perMessageDeflate: { threshold: 0 },
  });
  await within("open", new Promise((resolve) => client.once("open", resolve)));
  assertEquals(client.extensions, compress ? "permessage-deflate" : "");
  await run(async (message) => {
    const answer = new Promise<Uint8Array>((resolve) => client.once("message", resolve));
    client.send(message);
    return { answer: await within("the echo", answer), given };
  });
  const end = new Promise((resolve) => client.once("close", resolve));
  client.close();
  await within("close", end);
}

/** What the server's socket was given, as bytes; memory behind them would be somebody else's. */
async function bytesOf(given: string | ArrayBuffer | Blob): Promise<Uint8Array> {
  if (typeof given === "string") return new TextEncoder().encode(given);
  return new Uint8Array(given instanceof Blob ? await given.arrayBuffer() : given);
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

for (const compress of [true, false]) {
  const how = compress ? "compressed" : "as they are";
  for (const [content, make] of Object.entries(CONTENTS)) {
    for (const binaryType of ["arraybuffer", "blob"] as const) {
      Deno.test(`binary messages of ${content}, ${how}, come as ${binaryType} and go back whole (RFC 6455 §5.6)`, async () => {
        await withEcho({ compress, binaryType }, async (echo) => {
          for (const size of SIZES) {
            const message = make(size);
            const { given, answer } = await echo(message);
            assertEquals(given instanceof Blob, binaryType === "blob");
            const bytes = await bytesOf(given);
            assert(same(bytes, message), `${size} bytes came as ${bytes.length}, or differ`);
            assert(same(answer, message), `${size} bytes went back as ${answer.length}, or differ`);
          }
        });
      });
    }
  }
  Deno.test(`texts, ${how}, come and go back whole (RFC 6455 §5.6)`, async () => {
    await withEcho({ compress, binaryType: "arraybuffer" }, async (echo) => {
      for (const size of SIZES) {
        for (const piece of ["a", "é€\u{1f600}x"]) {
          const message = piece.repeat(Math.ceil(size / piece.length)).slice(0, size).toWellFormed();
          const { given, answer } = await echo(message);
          assert(given === message, `a text of ${size} characters came as ${String(given).length}`);
          assert(new TextDecoder("utf-8", { ignoreBOM: true }).decode(answer) === message, `${size}`);
        }
      }
    });
  });
}
