/** What several connections write in one turn: after the code under way, in one write each, and each for itself. */

import { assertEquals } from "@std/assert";
import { connectionPair } from "../testing.ts";
import { turns } from "./support/deadline.ts";
import { EventLoopShare, LoopTurns } from "../base/event_loop_share.ts";
import { type WriteObserver, WritePool, WriteQueue } from "../write_queue.ts";

const QUIET: WriteObserver = { onWritten() {}, onEmpty() {}, onWriteError() {} };

/** A queue whose writes are noted down. */
function makeQueue(name: string, pool: WritePool, log: string[], observer = QUIET): WriteQueue {
  const connection = connectionPair().server;
  const underlying = connection.write.bind(connection);
  const write = (data: Uint8Array) => {
    log.push(`${name}: ${new TextDecoder().decode(data)}`);
    if (name === "faulty") throw new TypeError("It cannot be written to");
    return underlying(data);
  };
  return new WriteQueue(Object.assign(connection, { write }), {
    pool,
    turns: new LoopTurns(new EventLoopShare()),
    observer,
  });
}

function push(queue: WriteQueue, text: string): void {
  queue.push(new TextEncoder().encode(text));
}

Deno.test("WriteQueue: what is answered without waiting is answered before the first write, in one write for each connection", async () => {
  const log: string[] = [];
  const pool = new WritePool();
  const [a, b] = [makeQueue("a", pool, log), makeQueue("b", pool, log)];
  const read = Promise.resolve();
  // three connections whose bytes came in the same turn of the event loop
  const answered = [a, b, a].map(async (queue, index) => {
    await read;
    push(queue, `${index}`);
    log.push(`answered ${index}`);
  });
  await Promise.all(answered);
  await turns();
  assertEquals(log, ["answered 0", "answered 1", "answered 2", "a: 02", "b: 1"]);
  push(a, "3");
  await turns();
  assertEquals(log.slice(5), ["a: 3"]);
});

Deno.test("WriteQueue: a connection that throws does not take the others' turn", async () => {
  const log: string[] = [];
  const pool = new WritePool();
  const unhandled: unknown[] = [];
  const onUnhandled = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", onUnhandled);
  try {
    const failure = new Error("nor can it be closed");
    const observer: WriteObserver = {
      ...QUIET,
      onWriteError() {
        throw failure;
      },
    };
    push(makeQueue("faulty", pool, log, observer), "1");
    push(makeQueue("a", pool, log), "2");
    push(makeQueue("b", pool, log), "3");
    await turns();
    assertEquals(log, ["faulty: 1", "a: 2", "b: 3"]);
    assertEquals(unhandled, [failure]);
  } finally {
    globalThis.removeEventListener("unhandledrejection", onUnhandled);
  }
});

const GATHERED: readonly (readonly [pieces: readonly number[], writes: readonly number[]])[] = [
  [[150, 4096], [4246]],
  [[150, 4097], [4247]],
  [[150, 8192], [8342]],
  [[150, 16_234], [16_384]],
  [[150, 16_235], [16_384, 1]],
  [[150, 50_000], [16_384, 33_766]],
  [[50_000], [50_000]],
  [[4096, 1], [4097]],
  [[4096, 4096, 4096, 4096], [16_384]],
  [[4096, 4096, 4096, 4096, 1], [16_384, 1]],
  [[5, 8192, 2, 5, 8192, 2], [16_384, 14]],
  [[100, 5000, 100, 20_000, 7], [16_384, 8816, 7]],
];

for (const [pieces, expected] of GATHERED) {
  Deno.test(`WriteQueue: pieces of ${pieces} bytes in one turn are writes of ${expected}, in their order`, async () => {
    const log: string[] = [];
    const queue = makeQueue("a", new WritePool(), log);
    const texts = pieces.map((size, index) => `${index}`.repeat(size));
    for (const text of texts) push(queue, text);
    await turns();
    const writes = log.map((line) => line.slice("a: ".length));
    assertEquals(writes.join(""), texts.join(""));
    assertEquals(writes.map(({ length }) => length), expected);
    assertEquals(queue.size, 0);
  });
}

Deno.test("WriteQueue: a turn of many connections takes the memory of the one before", async () => {
  const pool = new WritePool();
  const memory = new Set<ArrayBufferLike>();
  let writes = 0;
  const queues = Array.from({ length: 500 }, () => {
    const connection = connectionPair().server;
    const write = (data: Uint8Array) => {
      writes++;
      memory.add(data.buffer);
      return Promise.resolve(data.length);
    };
    return new WriteQueue(Object.assign(connection, { write }), {
      pool,
      turns: new LoopTurns(new EventLoopShare()),
      observer: QUIET,
    });
  });
  for (let turn = 0; turn < 3; turn++) {
    for (const queue of queues) push(queue, "HTTP/1.1 200 OK\r\n\r\n");
    await turns();
  }
  assertEquals([writes, memory.size], [1500, 500]);
});
