/** What a handler keeps of a body keeps nothing else alive. */

import { assert, assertEquals } from "@std/assert";
import type { Handler } from "../../mod.ts";
import { turns, within } from "../support/deadline.ts";
import { withServer } from "../support/server.ts";

async function chunksOf({ body }: Request): Promise<Uint8Array[]> {
  return await Array.fromAsync(body!);
}

const WAYS: Readonly<Record<string, (request: Request) => Promise<readonly Uint8Array[]>>> = {
  "chunks of the stream": chunksOf,
  "chunks of a clone": (request) => chunksOf(request.clone()),
  "chunks of a copy": (request) => chunksOf(new Request("http://b/", request)),
  "bytes()": async (request) => [await request.bytes()],
  "bytes() of a clone": async (request) => [await request.clone().bytes()],
  "arrayBuffer()": async (request) => [new Uint8Array(await request.arrayBuffer())],
  "blob()": async (request) => [await (await request.blob()).bytes()],
};

const SMALL = 20;
const LARGE = 60_000;

/** Where a small body comes from: the bytes that the server reads at once hold much more. */
const ARRIVALS: Readonly<Record<string, (offer: (text: string) => void) => Promise<void>>> = {
  "with its head, before another request": async (offer) => {
    const [small, large] = ["s".repeat(SMALL), "l".repeat(LARGE)];
    offer(
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${SMALL}\r\n\r\n${small}` +
        `POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: ${LARGE}\r\n\r\n${large}`,
    );
    await turns(1);
  },
  "behind its head, before another request": async (offer) => {
    offer(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${SMALL}\r\n\r\n`);
    await turns();
    offer(
      `${"s".repeat(SMALL)}POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: ${LARGE}\r\n\r\n${
        "l".repeat(LARGE)
      }`,
    );
  },
  "in chunks of a byte": async (offer) => {
    const chunks = "1\r\ns\r\n".repeat(SMALL);
    offer(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`);
    offer(`POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: ${LARGE}\r\n\r\n${"l".repeat(LARGE)}`);
    await turns(1);
  },
};

for (const [way, read] of Object.entries(WAYS)) {
  for (const [arrival, send] of Object.entries(ARRIVALS)) {
    Deno.test(`a small body owns its memory, whatever came with it: ${way}, ${arrival}`, async () => {
      const kept = Promise.withResolvers<readonly Uint8Array[]>();
      const handler: Handler = async (request) => {
        if (request.url.endsWith("/large")) await request.bytes();
        else await read(request).then(kept.resolve, kept.reject);
        return new Response();
      };
      await withServer(handler, {}, async ({ connect }) => {
        const raw = connect();
        await send((text) => raw.offer(text));
        const chunks = await within("the body", kept.promise);
        assertEquals(chunks.reduce((sum, { length }) => sum + length, 0), SMALL);
        for (const { buffer, length } of chunks) {
          assert(buffer.byteLength <= 2 * length, `${length} bytes keep ${buffer.byteLength} alive`);
        }
        await raw.readResponse();
        await raw.readResponse();
      });
    });
  }
}
