/** Random frames against a whole server in memory: whatever they are, nothing escapes, leaks or grows. */

import type { Handler } from "../../mod.ts";
import { CONNECTION_PREFACE } from "../../drivers/http2/preface.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { turns, until, within } from "../support/deadline.ts";
import { type ServerOptions, withServer } from "../support/server.ts";
import type { RawClient } from "../support/raw_client.ts";

/** Numbers that look random and are the same each time. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed * 2654435761 >>> 0 || 1;
  }

  /** An integer from 0 to below `limit`. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

function frame(type: number, flags: number, streamId: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const head = [length >>> 16, length >>> 8, length, type, flags];
  const id = [streamId >>> 24, streamId >>> 16, streamId >>> 8, streamId];
  return Uint8Array.from([...head, ...id, ...payload]);
}

/** A literal without indexing. */
function literal(name: string, value: string): number[] {
  const bytes = [...new TextEncoder().encode(name)];
  const valueBytes = [...new TextEncoder().encode(value)];
  return [0, bytes.length, ...bytes, valueBytes.length, ...valueBytes];
}

// GET or POST, http, and a path that says what the handler does.
function block(random: Random): Uint8Array {
  const path = random.pick(["/", "/echo", "/slow", "/stream", "/push", "/large", "/throw", "/ignore"]);
  const extra = random.below(9) === 0
    ? literal(
      random.pick(["x-a", "X-A", "te", "cookie", "connection", "content-length"]),
      random.pick(["1", "", "b"]),
    )
    : [];
  return Uint8Array.from([
    random.pick([0x82, 0x83]),
    0x86,
    ...literal(":path", path),
    0x41,
    1,
    0x61,
    ...extra,
  ]);
}

const MAKERS: readonly ((random: Random, streamId: number) => Uint8Array)[] = [
  (random, id) => frame(1, random.pick([4, 5, 5, 5, 0, 1]), id, block(random)),
  (random, id) => frame(1, random.pick([4, 5]), id, block(random)),
  (random, id) => frame(0, random.below(2), id, random.bytes(random.below(2000))),
  (random, id) => frame(0, 8, id, random.bytes(1 + random.below(300))),
  (random, id) => frame(3, 0, id, random.bytes(4)),
  (random, id) =>
    frame(
      8,
      0,
      random.pick([0, id]),
      Uint8Array.of(0, random.below(2), random.below(256), random.below(256)),
    ),
  (random) =>
    frame(
      4,
      0,
      0,
      Uint8Array.of(0, random.pick([1, 2, 3, 4, 5, 6, 9]), 0, 0, random.below(256), random.below(256)),
    ),
  (random) => frame(6, random.below(2), 0, random.bytes(8)),
  (random, id) => frame(2, 0, id, random.bytes(5)),
  (random, id) => frame(9, random.pick([0, 4]), id, block(random)),
  (random) =>
    frame(16, 0, 0, Uint8Array.of(0, 0, 0, 1 + 2 * random.below(20), ...new TextEncoder().encode("u=1, i"))),
  (random, id) =>
    frame(random.below(256), random.below(256), random.pick([0, id]), random.bytes(random.below(40))),
  (random) => random.bytes(random.below(30)),
];

/** Those that break no rule, most of the time. */
const TAME = [1, 1, 1, 2, 4, 5, 7, 8, 10].map((index) => MAKERS[index]!);

/** Frames of every kind, legal ones most of the time. */
function makeInput(random: Random): Uint8Array {
  const parts = [frame(4, 0, 0, new Uint8Array(0))];
  let nextId = 1;
  for (let count = 3 + random.below(60); count > 0; count--) {
    const opens = random.below(2) === 0;
    const id = opens ? nextId : Math.max(1, nextId - 2 * (1 + random.below(4)));
    if (opens) nextId += 2;
    const makers = opens ? MAKERS.slice(1, 2) : random.below(20) > 0 ? TAME : MAKERS;
    parts.push(random.pick(makers)(random, id));
  }
  return Uint8Array.from([...CONNECTION_PREFACE, ...parts.flatMap((part) => [...part])]);
}

/** Sends the input in pieces, reading what comes or not. */
async function attack(raw: RawClient, random: Random): Promise<void> {
  const input = makeInput(random);
  try {
    for (let at = 0; at < input.length;) {
      const size = random.pick([1, 7, 100, 5000, 100_000]);
      await within("the server to read", raw.send(input.subarray(at, at + size)), 5_000);
      at += size;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset)) {
      throw error;
    }
  }
}

const OPTIONS: ServerOptions = {
  concurrentStreamLimit: 8,
  streamTimeout: 300,
  headerTimeout: 300,
  http2Timeout: 300,
  lingerTimeout: 100,
};

Deno.test("random frames end in nothing worse than GOAWAY, whatever they are (RFC 9113 §5.4)", async () => {
  let running = 0;
  let most = 0;
  const perClient = new Map<number, number>();
  const handler: Handler = async (request, exchange) => {
    const { id } = exchange.client;
    const mine = (perClient.get(id) ?? 0) + 1;
    perClient.set(id, mine);
    running++;
    // promised responses have a limit of their own, of the same size
    most = Math.max(most, mine);
    try {
      switch (new URL(request.url).pathname) {
        case "/echo":
          return new Response(request.body);
        case "/slow":
          await turns(3);
          return new Response(await request.text());
        case "/stream":
          return new Response(ReadableStream.from([new Uint8Array(10), new Uint8Array(70_000)]));
        case "/push":
          exchange.push("/large");
          return new Response("pushed");
        case "/large":
          return new Response(new Uint8Array(200_000));
        case "/throw":
          throw new Error("thrown on purpose");
        default:
          return new Response("fine");
      }
    } finally {
      running--;
      perClient.set(id, perClient.get(id)! - 1);
    }
  };
  await withServer(handler, OPTIONS, async ({ server, log, connect }) => {
    for (let seed = 1; seed <= 400; seed++) {
      const raw = connect();
      await attack(raw, new Random(seed));
      await turns(1); // memory needs none, and the server rests between its spells of work
      if (seed % 3 === 0) raw.client.close();
    }
    await until("all connections to end", () => server.clients.size === 0, 20_000);
    await until("all handlers to end", () => server.stats.runningHandlers === 0);
    const unexpected = log.filter(([error]) => (error as Error).message !== "thrown on purpose");
    assertEquals(unexpected.map(([error]) => String((error as Error).stack)), []);
    assert(server.stats.requests > 1000, `only ${server.stats.requests} requests got through`);
    assertEquals(running, 0);
    assert(most <= 16, `${most} handlers ran at once on one connection`);
  });
});
