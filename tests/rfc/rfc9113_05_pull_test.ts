/** RFC 9113 §5.2: how much of the streams of responses a connection asks for while its client takes nothing. */

import type { Handler } from "../../mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { steady, until, within } from "../support/deadline.ts";
import { Gate, type Http2Client, Settings } from "../support/http2_client.ts";
import { withHttp2Tcp } from "../support/http2_tcp.ts";

const CAP = 131_072; // softStreamCap, which is the default

/** Makes responses of endless streams, and counts what they were asked for. */
class Source {
  /** How many chunks were asked for. */
  pulled = 0;
  /** How many streams were cancelled. */
  cancelled = 0;

  constructor(readonly chunkSize: number, readonly turnsAtOnce: boolean, readonly ahead: number) {}

  /** Answers with an endless stream. */
  readonly handler: Handler = () => {
    const { chunkSize, turnsAtOnce } = this;
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
      this.pulled++;
      if (!turnsAtOnce) await new Promise((resolve) => setTimeout(resolve, 1));
      controller.enqueue(new Uint8Array(chunkSize));
    };
    const stream = new ReadableStream<Uint8Array>({
      pull,
      cancel: () => void this.cancelled++,
    }, { highWaterMark: this.ahead });
    return new Response(stream);
  };
}

/** Asks a hundred times, and waits until nothing further is asked of the sources. */
async function askAll(client: Http2Client, source: Source): Promise<number[]> {
  const ids = Array.from({ length: 100 }, () => client.request());
  await client.sync();
  for (const id of ids) await client.head(id);
  await steady(() => source.pulled);
  return ids;
}

for (const chunkSize of [65_536, 1_048_576]) {
  const most = Math.ceil(CAP / chunkSize) + 1;
  const chunk = `${chunkSize / 1024} KiB`;
  for (const window of [0, 1]) {
    const how = window === 0 ? "have no window" : "are given one byte";
    Deno.test(`a hundred streams that ${how} are asked for softStreamCap and a chunk, with chunks of ${chunk} (RFC 9113 §5.2.2)`, async () => {
      const source = new Source(chunkSize, true, 0);
      await withHttp2Tcp(source.handler, { unsentLimit: 2 ** 40 }, async ({ connect }) => {
        const client = await connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, window]] });
        const ids = await askAll(client, source);
        // where one has a window, it may ask although the others hold all that may be held
        assert(source.pulled <= most + window, `${source.pulled} chunks, above ${most + window}`);
        for (const id of ids) client.reset(id);
        await until("the end of the streams", () => source.cancelled === 100);
        assert(source.pulled <= 2 * most + 100, `${source.pulled} chunks in all`);
      });
    });
  }

  Deno.test(`the window of the connection holds a hundred streams back, with chunks of ${chunk} (RFC 9113 §5.2.1)`, async () => {
    const source = new Source(chunkSize, true, 0);
    await withHttp2Tcp(source.handler, { unsentLimit: 2 ** 40 }, async ({ connect }) => {
      const client = await connect();
      await askAll(client, source);
      assert(source.pulled <= most + 1, `${source.pulled} chunks, above ${most + 1}`);
    });
  });

  Deno.test(`a hundred streams that give their chunks late hold one each at most, with chunks of ${chunk} (RFC 9113 §5.2.2)`, async () => {
    const source = new Source(chunkSize, false, 0);
    await withHttp2Tcp(source.handler, { unsentLimit: 2 ** 40 }, async ({ connect }) => {
      const client = await connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 0]] });
      await askAll(client, source);
      assert(source.pulled <= 100, `${source.pulled} chunks for a hundred streams`);
    });
  });

  Deno.test(`a stream that makes a chunk ahead by itself is asked for no other, with chunks of ${chunk} (RFC 9113 §5.2.2)`, async () => {
    const source = new Source(chunkSize, true, 1);
    await withHttp2Tcp(source.handler, { unsentLimit: 2 ** 40 }, async ({ connect }) => {
      const client = await connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 0]] });
      await askAll(client, source);
      assert(source.pulled <= 100 + most, `${source.pulled} chunks, above ${100 + most}`);
    });
  });
}

Deno.test("streams of which little was asked go on when their windows open, and all of them end (RFC 9113 §6.9)", async () => {
  const body = () => {
    let left = 5;
    return new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(65_536));
        if (--left === 0) controller.close();
      },
    });
  };
  await withHttp2Tcp(() => new Response(body()), {}, async ({ connect }) => {
    const client = await connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 0]] });
    const ids = Array.from({ length: 40 }, () => client.request());
    for (const id of ids) await client.head(id);
    client.grant(0, 2 ** 30);
    for (const id of [...ids].reverse()) client.grant(id, 2 ** 20);
    for (const id of ids) assertEquals((await client.response(id)).size, 5 * 65_536);
  });
});

Deno.test("stalled streams that hold all that may be held do not stop another (RFC 9113 §5.2.2)", async () => {
  const stalled = new Source(200_000, true, 0);
  const handler: Handler = (request, exchange) => {
    return exchange.target === "/blob"
      ? new Response(new Blob([new Uint8Array(3_000_000)]).stream())
      : stalled.handler(request, exchange);
  };
  await withHttp2Tcp(handler, {}, async ({ connect }) => {
    const client = await connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 0]] });
    client.grant(0, 2 ** 30);
    for (let count = 0; count < 5; count++) await client.head(client.request());
    const ids = [client.request({ path: "/blob" }), client.request({ path: "/blob" })];
    for (const id of ids) client.grant(id, 2 ** 24);
    for (const id of ids) assertEquals((await client.response(id)).size, 3_000_000);
    assert(stalled.pulled <= 2, `${stalled.pulled} chunks of stalled streams`);
  });
});

Deno.test("streams that are idle do not hold up one that has data (RFC 9113 §5.2.2)", async () => {
  const never = Promise.withResolvers<void>();
  const handler: Handler = (_, exchange) => {
    if (exchange.target === "/blob") return new Response(new Blob([new Uint8Array(500_000)]).stream());
    return new Response(new ReadableStream({ pull: () => never.promise }, { highWaterMark: 0 }));
  };
  await withHttp2Tcp(handler, {}, async ({ connect }) => {
    const client = await connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 2 ** 24]] });
    client.grant(0, 2 ** 30);
    const idle = Array.from({ length: 80 }, () => client.request({ path: "/idle" }));
    for (const id of idle) await client.head(id);
    const ids = Array.from({ length: 10 }, () => client.request({ path: "/blob" }));
    for (const id of ids) assertEquals((await client.response(id)).size, 500_000);
    never.resolve();
  });
});

Deno.test("a stream that waits to be asked is reset with the others when its window stays shut (RFC 9113 §10.5)", async () => {
  const source = new Source(200_000, true, 0);
  await withHttp2Tcp(source.handler, { streamTimeout: 300, unsentLimit: 2 ** 40 }, async ({ connect }) => {
    const client = await connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 0]] });
    const ids = Array.from({ length: 5 }, () => client.request());
    for (const id of ids) await client.resetCode(id);
    await until("the end of the streams", () => source.cancelled === 5);
    await client.expectAlive();
  });
});

Deno.test("an error ahead of the first chunk is a 500 where the stream had to wait for its turn (RFC 9113 §8.1)", async () => {
  const gate = new Gate();
  const stalled = new Source(200_000, true, 0);
  const handler: Handler = (request, exchange) => {
    if (exchange.target !== "/fails") return stalled.handler(request, exchange);
    return new Response(
      new ReadableStream({
        pull() {
          throw new Error("the source fails");
        },
      }, { highWaterMark: 0 }),
    );
  };
  await withHttp2Tcp(handler, { log: () => {} }, async ({ connect }) => {
    const client = await connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 0]] });
    const ids = [client.request({ path: "/stalled" }), client.request({ path: "/fails" })];
    client.grant(ids[1] ?? 0, 1_000_000);
    assertEquals((await within("the answer", client.response(ids[1] ?? 0))).status, 500);
    assertEquals(gate.targets, []);
  });
});
