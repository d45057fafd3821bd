/** Peers that read slowly: who reads on at `minimumResponseRate` is not cut, whatever the systems hold. */

import {
  type Client,
  ClientStatus,
  type Connection,
  type Handler,
  HttpServer,
  type OptionsInit,
} from "../../mod.ts";
import { connectionPair } from "../../testing.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { latin1 } from "../support/bytes.ts";
import { within } from "../support/deadline.ts";
import { FakeTime } from "../support/fake_time.ts";
import { withTcpServer } from "../support/server.ts";

const MEBIBYTE = 1024 * 1024;
const get = latin1("GET / HTTP/1.1\r\nHost: a\r\n\r\n");

const endless: Handler = () => {
  const piece = new Uint8Array(16_384);
  return new Response(new ReadableStream({ pull: (controller) => controller.enqueue(piece.slice()) }));
};

/** A connection with a send buffer as Linux has it: once it is full, it takes more when a third of it is free. */
class Buffered {
  readonly server: Connection;
  readonly client: Connection;
  readonly #capacity: number;
  #held = 0;
  #room = Promise.withResolvers<void>();
  #ended = false;

  constructor(capacity: number) {
    this.#capacity = capacity;
    const { server, client } = connectionPair();
    this.client = client;
    this.server = Object.assign(server, {
      write: (data: Uint8Array) => this.#write(data),
      close: () => {
        this.#ended = true;
        this.#room.resolve();
        client.close();
      },
    });
  }

  async #write(data: Uint8Array): Promise<number> {
    if (this.#held === this.#capacity) await this.#room.promise;
    if (this.#ended) throw new Deno.errors.Interrupted();
    const count = Math.min(data.length, this.#capacity - this.#held);
    this.#held += count;
    return count;
  }

  /** The peer reads so many bytes, if they are there. */
  read(count: number): void {
    this.#held = Math.max(0, this.#held - count);
    if (this.#held > 2 * this.#capacity / 3) return;
    this.#room.resolve();
    this.#room = Promise.withResolvers();
  }
}

/** Lets everything in memory run, and no timer: hours pass in seconds. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 40; turn++) await null;
}

/** Gives one peer a response, and says how many seconds of reading at a rate it is left its connection. */
async function secondsOf(
  { capacity, rate, most, ...options }: OptionsInit & { capacity: number; rate: number; most: number },
): Promise<number> {
  using time = new FakeTime(settle);
  const server = new HttpServer(endless, { log: () => {}, ...options });
  const buffered = new Buffered(capacity);
  const client = server.accept(buffered.server);
  await buffered.client.write(get);
  let seconds = 0;
  for (; seconds < most && client.status === ClientStatus.Open; seconds++) {
    await time.pass(1000);
    buffered.read(rate);
  }
  const stopping = server.stop(0);
  await time.pass(1000);
  await stopping;
  return seconds;
}

const HOUR = 3600;

Deno.test("a peer that reads 3 kB a second of an endless response is not cut, though its system holds 4 MB", async () => {
  assertEquals(await secondsOf({ capacity: 4 * MEBIBYTE, rate: 3000, most: HOUR }), HOUR);
});

Deno.test("a peer that reads more slowly than minimumResponseRate is cut after what its system holds lasts at it", async () => {
  const seconds = await secondsOf({ capacity: 4 * MEBIBYTE, rate: 1000, most: HOUR });
  assertEquals(Math.abs(seconds - 4 * MEBIBYTE / 3 / 2048) < 3, true, `${seconds} s`);
});

Deno.test("a peer that reads nothing is cut after streamTimeout, where its system holds little", async () => {
  const seconds = await secondsOf({ capacity: 65_536, rate: 0, most: HOUR });
  assertEquals(seconds, 16);
});

Deno.test("with a large minimumResponseRate, streamTimeout alone decides", async () => {
  const options = { minimumResponseRate: 2 ** 40, streamTimeout: 5000 };
  assertEquals(await secondsOf({ ...options, capacity: 4 * MEBIBYTE, rate: 3000, most: HOUR }), 6);
});

Deno.test("with a minimumResponseRate of 0, a peer may read as slowly as it wants", async () => {
  const options = { minimumResponseRate: 0, streamTimeout: 5000 };
  assertEquals(await secondsOf({ ...options, capacity: 65_536, rate: 1, most: HOUR }), HOUR);
});

Deno.test("beyond 100 slow readers of a server, streamTimeout alone decides, until one of them is gone", async () => {
  using time = new FakeTime(settle);
  const server = new HttpServer(endless, { log: () => {}, softStreamCap: 1, connectionsPerIpLimit: null });
  const open = (clients: readonly Client[]) =>
    clients.filter(({ status }) => status === ClientStatus.Open).length;
  const connect = async (count: number) => {
    const all = Array.from({ length: count }, () => new Buffered(MEBIBYTE));
    const clients = all.map((buffered) => server.accept(buffered.server));
    for (const { client } of all) await client.write(get);
    return clients;
  };
  const first = await connect(103);
  await time.pass(20_000);
  assertEquals(open(first), 100);
  first.find(({ status }) => status === ClientStatus.Open)?.close();
  const second = await connect(2);
  await time.pass(20_000);
  assertEquals([open(first), open(second)], [99, 1]);
  const stopping = server.stop(0);
  await time.pass(1000);
  await stopping;
});

Deno.test("what was taken of earlier responses gives a peer no time", async () => {
  using time = new FakeTime(settle);
  let asked = 0;
  const server = new HttpServer(() => new Response(new Uint8Array(asked++ < 9 ? 400_000 : 100_000)), {
    log: () => {},
  });
  const buffered = new Buffered(65_536);
  const client = server.accept(buffered.server);
  for (let count = 0; count < 10; count++) {
    await buffered.client.write(get);
    for (let turn = 0; turn < 20 && count < 9; turn++) {
      await time.settle();
      buffered.read(65_536);
    }
  }
  await time.pass(16_000);
  assertEquals([asked, client.status], [10, ClientStatus.Closed]);
  const stopping = server.stop(0);
  await time.pass(1000);
  await stopping;
});

Deno.test("a peer that reads on slowly is not cut, over a real socket", async () => {
  const options = { streamTimeout: 200, minimumResponseRate: 100_000 };
  await withTcpServer(endless, options, async ({ port, server }) => {
    using peer = await Deno.connect({ hostname: "127.0.0.1", port });
    await peer.write(get);
    const buffer = new Uint8Array(50_000);
    let read = 0;
    const start = performance.now();
    while (performance.now() - start < 5000) {
      read += await within("the next bytes", peer.read(buffer)) ?? 0;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const [client] = server.clients;
    assert(read > 2 * MEBIBYTE && client?.status === ClientStatus.Open, `it has read ${read} bytes`);
  });
});
