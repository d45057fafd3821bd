/**
 * Options whose limit no other test meets exactly: each at the limit and one beyond, with values that are nobody's default.
 */

import type { Client, Connection, DriverClient, Handler, OptionsInit } from "../mod.ts";
import { ClientStatus, HttpServer, Response } from "../mod.ts";
import { connectionPair } from "../testing.ts";
import { assertEquals } from "./support/assert.ts";
import { turns, until } from "./support/deadline.ts";
import { FakeTime } from "./support/fake_time.ts";
import { RawClient } from "./support/raw_client.ts";
import { disguise, withServer, withTcpServer } from "./support/server.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const hello: Handler = () => new Response("Hello");
const endless: Handler = () => new Promise<Response>(() => {});
const counting: Handler = async (request) => new Response(`${(await request.arrayBuffer()).byteLength}`);
const postHead = (length: number) => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;

// shutdownTimeout

for (const shutdownTimeout of [700, 4_000]) {
  Deno.test(`HttpServer.stop() cuts what is left after a shutdownTimeout of ${shutdownTimeout} ms, and not before`, async () => {
    await withServer(endless, { shutdownTimeout }, async ({ connect, server }) => {
      using time = new FakeTime();
      const raw = connect();
      await raw.send(get);
      await time.settle();
      let stopped = false;
      const stopping = server.stop().then(() => stopped = true);
      await time.pass(shutdownTimeout - 1);
      assertEquals([raw.client.status, stopped], [ClientStatus.Open, false], "one millisecond before");
      await time.pass(1);
      assertEquals([raw.client.status, stopped], [ClientStatus.Closed, true], "at the timeout");
      assertEquals(await raw.readToEnd(), "");
      await stopping;
    });
  });
}

// Connections that note what is done with them.

interface Noted {
  readonly raw: RawClient;
  /** What `raw` reads and writes. */
  readonly peer: Connection;
  readonly client: Client;
  /** How large the buffer of each read is, in bytes. */
  readonly asked: readonly number[];
  /** How many bytes the server has read. */
  readonly taken: () => number;
}

/** Runs a test with one connection, of which each read is noted. */
async function withNoted(
  handler: Handler,
  options: OptionsInit & { readonly capacity?: number },
  run: (noted: Noted) => Promise<void>,
): Promise<void> {
  const { capacity, ...limits } = options;
  await using server = new HttpServer(handler, { shutdownTimeout: 20, ...limits }); // some handlers never end
  const pair = connectionPair({ capacity });
  const asked: number[] = [];
  let taken = 0;
  const client = server.accept(Object.assign(disguise(pair.server, { step: Infinity }), {
    read: async (buffer: Uint8Array) => {
      asked.push(buffer.length);
      const count = await pair.server.read(buffer);
      taken += count ?? 0;
      return count;
    },
  }));
  const raw = new RawClient(pair.client);
  try {
    await run({ raw, peer: pair.client, client, asked, taken: () => taken });
  } finally {
    client.close();
    await raw.close();
  }
}

// chunkSize

for (const chunkSize of [1_000, 5_000, 100_000]) {
  Deno.test(`chunkSize bounds each read: an upload is read in pieces of up to ${chunkSize} bytes`, async () => {
    const size = 1_000_000;
    await withNoted(counting, { chunkSize, capacity: 200_000 }, async ({ raw, asked }) => {
      raw.offer(postHead(size) + "x".repeat(size));
      assertEquals((await raw.readResponse()).text, `${size}`);
      assertEquals(Math.max(...asked), chunkSize, "the largest read");
    });
  });
}

// softStreamCap

Deno.test("client.drained is null at exactly softStreamCap, and a promise at one byte more", async () => {
  // The connection takes one byte ahead of what the peer reads.
  await withNoted(endless, { softStreamCap: 1_000, capacity: 1 }, async ({ raw, peer, client }) => {
    raw.offer(get);
    await until("the request", () => client.pendingResponseCount === 1);
    const writer = client as DriverClient & { write(data: Uint8Array): Promise<null> | null };
    assertEquals(writer.write(new Uint8Array(1_000)), null);
    assertEquals([writer.bufferSize, writer.drained], [1_000, null]);
    const held = writer.write(new Uint8Array(1));
    assertEquals([held !== null, held === writer.drained, writer.bufferSize], [true, true, 1_001]);
    let drained = false;
    writer.write(new Uint8Array(1))?.then(() => drained = true, () => {});
    await turns();
    assertEquals([writer.bufferSize, drained], [1_001, false], "one byte above the cap");
    await peer.read(new Uint8Array(1));
    await turns();
    assertEquals([writer.bufferSize, drained, writer.drained], [1_000, true, null], "at the cap again");
  });
});

// Beside its bytes, a piece of a body that waits costs as many as these.
const pieceCost = 256;

for (const [what, excess] of [["exactly", 0], ["one byte more than", 1]] as const) {
  const holds = excess > 0;
  Deno.test(`a request body of which ${what} softStreamCap waits ${holds ? "holds the parser back" : "is read on"}`, async () => {
    const opened = Promise.withResolvers<void>();
    const handler: Handler = (request, exchange) => opened.promise.then(() => counting(request, exchange));
    using time = new FakeTime(); // a parser that is held for long would be watched, by a read
    await withNoted(handler, { softStreamCap: 1_000 }, async ({ raw, taken }) => {
      const first = 1_000 - pieceCost + excess;
      const head = postHead(first + 500);
      await raw.send(head + "x".repeat(first));
      await time.settle();
      assertEquals(taken(), head.length + first);
      await raw.send("y".repeat(500));
      await time.settle();
      assertEquals(taken(), head.length + first + (holds ? 0 : 500), "what was read of the connection");
      opened.resolve();
      assertEquals((await raw.readResponse()).text, `${first + 500}`);
    });
  });
}

// minimumBodyRate, minimumBodyRateGrace

/** Sends a body in pieces, one every `milliseconds`, and gives the status of its response. */
async function upload(
  options: OptionsInit,
  { pieces, size, milliseconds }: { pieces: number; size: number; milliseconds: number },
): Promise<number> {
  return await withServer(counting, options, async ({ connect }) => {
    using time = new FakeTime();
    const raw = connect({ deadline: 1_000_000 });
    await raw.send(postHead(pieces * size));
    await time.settle();
    for (let piece = 0; piece < pieces; piece++) {
      await time.pass(milliseconds);
      raw.offer("x".repeat(size));
      await time.settle();
    }
    return (await raw.readResponse()).status;
  });
}

const rate = { minimumBodyRate: 1_000, minimumBodyRateGrace: 1_999 };
const none = { ...rate, minimumBodyRate: 0 };
const graceOf = (minimumBodyRateGrace: number) => ({ ...rate, minimumBodyRateGrace });

for (
  const [name, options, pieces, size, milliseconds, status] of [
    ["minimumBodyRate: a body of exactly the rate is accepted", rate, 1, 2_000, 2_000, 200],
    ["minimumBodyRate: a body one byte below the rate is answered 408", rate, 1, 1_999, 2_000, 408],
    ["minimumBodyRate: a body that drips at the rate is accepted", rate, 20, 200, 200, 200],
    ["minimumBodyRate: a body that drips just below the rate is answered 408", rate, 20, 199, 200, 408],
    ["minimumBodyRate: a body of any rate is accepted where it is 0", none, 2, 1, 5_000, 200],
    ["minimumBodyRateGrace: a slow body is accepted within it", graceOf(6_000), 1, 1, 6_000, 200],
    ["minimumBodyRateGrace: a slow body is answered 408 behind it", graceOf(5_999), 1, 1, 6_000, 408],
  ] as const
) {
  Deno.test(`${name} (RFC 9110 §15.5.9)`, async () => {
    assertEquals(await upload(options, { pieces, size, milliseconds }), status);
  });
}

for (const [first, status] of [[1_990, 200], [1_989, 408]] as const) {
  Deno.test(`minimumBodyRate: ${first} of 2000 bytes that come with the head count (RFC 9110 §15.5.9)`, async () => {
    await withServer(counting, rate, async ({ connect }) => {
      using time = new FakeTime();
      const raw = connect({ step: Infinity, deadline: 1_000_000 });
      await raw.send(postHead(first + 10) + "x".repeat(first));
      await time.pass(2_000);
      raw.offer("x".repeat(10));
      await time.settle();
      assertEquals((await raw.readResponse()).status, status);
    });
  });
}

Deno.test("chunkSize bounds the read that looks out for a peer while a handler runs, too", async () => {
  const gate = Promise.withResolvers<void>();
  const handler: Handler = async () => {
    await gate.promise;
    return new Response();
  };
  await withNoted(handler, { chunkSize: 500 }, async ({ raw, asked }) => {
    using time = new FakeTime();
    await raw.send(get);
    await time.pass(500);
    gate.resolve();
    await time.settle();
    assertEquals((await raw.readResponse()).status, 200);
    assertEquals([asked.length > 1, Math.max(...asked)], [true, 500]);
  });
});

// drainLimit, behind an error

const errors = [
  ["400", "BAD\r\n\r\n", 0],
  ["408", "GET / HTTP/1.1\r\n", 500], // the read that was under way is the first whose bytes are dropped
] as const;

for (const [status, bytes, milliseconds] of errors) {
  for (const drainLimit of [0, 1_000, 300_000]) {
    Deno.test(`drainLimit: behind ${status}, nothing is read beyond ${drainLimit} bytes (RFC 9112 §9.6)`, async () => {
      const options = { drainLimit, headerTimeout: 200, lingerTimeout: 60_000 };
      using time = new FakeTime(); // from before the connection on, for its deadlines
      await withNoted(hello, options, async ({ raw, client, taken }) => {
        await raw.send(bytes);
        await time.pass(milliseconds);
        const response = await raw.readResponse();
        assertEquals(`${response.status}`, status);
        await raw.expectClosedAfter(response);
        await raw.send("x".repeat(drainLimit));
        await raw.send("x"); // the limit is met, and this one is beyond it
        await time.settle();
        const most = bytes.length + drainLimit + 1;
        assertEquals(taken(), most);
        await raw.send("x");
        await time.pass(30_000);
        assertEquals([taken(), client.status], [most, ClientStatus.ClosedWrite], "one byte beyond the limit");
        await time.pass(30_200);
        assertEquals([taken(), client.status], [most, ClientStatus.Closed], "behind lingerTimeout");
      });
    });
  }
}

// setNoDelay()

for (
  const [name, has, alpn] of [
    ["calls setNoDelay(true) once on a connection that has it", true, undefined],
    ["calls setNoDelay(true) once on an encrypted connection that has it", true, "http/1.1"],
    ["does without setNoDelay() where a connection has none", false, undefined],
  ] as const
) {
  Deno.test(`client ${name}`, async () => {
    const calls: unknown[][] = [];
    const setNoDelay = (...given: unknown[]) => void calls.push(given);
    await using server = new HttpServer(hello);
    const pair = connectionPair();
    server.accept(Object.assign(disguise(pair.server, { step: Infinity, alpn }), has ? { setNoDelay } : {}));
    const raw = new RawClient(pair.client);
    for (let count = 0; count < 2; count++) assertEquals((await raw.request(get)).text, "Hello");
    await raw.close();
    assertEquals(calls, has ? [[true]] : []);
  });
}

Deno.test("client calls setNoDelay(true) once on a TCP connection of a listener", async () => {
  await withTcpServer(hello, {}, async ({ port, connect }) => {
    const first = await Deno.connect({ hostname: "127.0.0.1", port });
    await new RawClient(first).request(get);
    const { prototype } = first.constructor; // that of the server's connections too
    const { setNoDelay } = prototype;
    const calls: unknown[][] = [];
    prototype.setNoDelay = (...given: unknown[]) => void calls.push(given);
    try {
      const raw = await connect();
      for (let count = 0; count < 2; count++) assertEquals((await raw.request(get)).text, "Hello");
      assertEquals(calls, [[true]]);
    } finally {
      prototype.setNoDelay = setNoDelay;
      first.close();
    }
  });
});

// streamThreshold

for (
  const [name, parts, pieces] of [
    ["of exactly streamThreshold is handed on when it is complete", [99, 1], [100]],
    ["of one byte more is handed on once streamThreshold bytes are there", [100, 1], [100, 1]],
    ["of one byte more is gathered up to streamThreshold", [99, 1, 1], [100, 1]],
    ["of many times streamThreshold comes in pieces as large", [60, 60, 60, 60], [120, 120]],
  ] as const
) {
  Deno.test(`streamThreshold: a chunk ${name} (RFC 9112 §7.1)`, async () => {
    const seen: number[] = [];
    const handler: Handler = async (request) => {
      for await (const piece of request.body!) seen.push(piece.length);
      return new Response("read");
    };
    await withServer(handler, { streamThreshold: 100 }, async ({ connect }) => {
      const raw = connect();
      const size = parts.reduce<number>((sum, part) => sum + part, 0);
      const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
      await raw.send(`${head}${size.toString(16)}\r\n`);
      for (const part of parts) {
        await turns(2);
        await raw.send("x".repeat(part));
      }
      await turns(2);
      await raw.send("\r\n0\r\n\r\n");
      assertEquals((await raw.readResponse()).text, "read");
      assertEquals(seen, [...pieces]);
    });
  });
}
