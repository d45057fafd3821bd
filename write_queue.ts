/**
 * The bytes that wait to be written to a connection. What is queued before the next turn of the microtask queue, and while a
 * write is in flight, goes out in one write.
 *
 * The connections of a server take that turn together: what was read at once, and is answered without waiting, is answered before
 * the first write of it. Then neither the processor changes between JavaScript and system calls with each request, nor does a
 * peer on the same machine wake up for each response.
 *
 * @module
 */

import type { LoopTurns } from "./base/event_loop_share.ts";
import type { Connection } from "./connection.ts";
import { COPIED_WRITE_SIZE } from "./drivers/driver.ts";
import { type Memory, MemoryPool } from "./memory.ts";

// As many small buffers are kept as connections that may be answered in one turn: 4 MiB at most, and 1 MiB of large ones.
const SMALL_BUFFER = COPIED_WRITE_SIZE;
const KEPT_SMALL_BUFFERS = 1024;
const LARGE_BUFFER = 16 * 1024; // one record of TLS
const KEPT_LARGE_BUFFERS = 64;

/** How many turns of the microtask queue a stream is given to go on. Each costs a hundredth of a write. */
const PATIENCE = 8;

/** What is chained to it runs when the code under way has come to its end. */
const TURN = Promise.resolve();

/** What the queues of a server share: memory for small writes, so that an idle one holds none, and the turn to write. */
export class WritePool {
  /** What most responses fit in. */
  readonly small: MemoryPool = new MemoryPool(SMALL_BUFFER, KEPT_SMALL_BUFFERS);
  /** What streams and pipelines are gathered in. */
  readonly large: MemoryPool = new MemoryPool(LARGE_BUFFER, KEPT_LARGE_BUFFERS);
  #waiting: WriteQueue[] = [];
  readonly #onTurn = () => this.#takeTurn();

  /** Takes a buffer back. */
  give(buffer: Memory): void {
    (buffer.bytes.length === this.small.size ? this.small : this.large).give(buffer);
  }

  /** Gives a queue its turn in the microtask queue, behind what is in it already. */
  schedule(queue: WriteQueue): void {
    if (this.#waiting.push(queue) === 1) TURN.then(this.#onTurn);
  }

  #takeTurn(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    let taken = 0;
    try {
      while (taken < waiting.length) waiting[taken++]!.takeTurn();
    } finally { // one that throws does not take the others' turn
      for (const queue of waiting.slice(taken)) this.schedule(queue);
    }
  }
}

/** Who is told what becomes of queued bytes. */
export interface WriteObserver {
  /** The connection has taken `count` bytes. */
  onWritten(count: number): void;
  /** The queue has become empty. */
  onEmpty(): void;
  /** The connection failed; nothing further is written. */
  onWriteError(error: unknown): void;
}

/** What a queue works with. */
export interface WriteQueueParts {
  /** What it shares with the other queues of the server. */
  readonly pool: WritePool;
  /** The turns of the event loop that its connection takes. */
  readonly turns: LoopTurns;
  /** Is called back when bytes were written, or could not be. */
  readonly observer: WriteObserver;
}

/** Bytes on their way to one connection, in order. */
export class WriteQueue {
  /** How many bytes wait. */
  size = 0;
  /**
   * Whether more is likely to follow at once, as from a stream: then small pieces are gathered as long as the code under way
   * goes on to make some.
   */
  gathers = false;
  readonly #connection: Connection;
  readonly #pool: WritePool;
  readonly #turns: LoopTurns;
  readonly #observer: WriteObserver;
  readonly #ready: Waiting[] = [];
  #tail: Memory | null = null;
  #tailSize = 0;
  #writing: Uint8Array | null = null;
  #pooled: Memory | null = null; // where what is written lies
  #scheduled = false;
  #gatheredFor = 0; // turns of the microtask queue
  #ended = false;
  readonly #onWritten = (count: number) => this.#written(count);
  readonly #onError = (error: unknown) => this.#fail(error);

  /** @param connection takes the bytes; @param parts what the queue works with */
  constructor(connection: Connection, { pool, turns, observer }: WriteQueueParts) {
    this.#connection = connection;
    this.#pool = pool;
    this.#turns = turns;
    this.#observer = observer;
  }

  /** Queues bytes: up to {@link COPIED_WRITE_SIZE} are copied, a larger array must not change until it was written. */
  push(data: Uint8Array): void {
    if (this.#ended || data.length === 0) return;
    this.size += data.length;
    this.#gatheredFor = 0;
    if (data.length <= COPIED_WRITE_SIZE) this.#copy(data);
    else this.#refer(data);
    if (this.#scheduled || this.#writing !== null) return;
    this.#scheduled = true;
    this.#pool.schedule(this);
  }

  /** Begins to write what waits. For the pool, when it is this one's turn. */
  takeTurn(): void {
    // A stream that has its next chunk at hand needs some turns of the microtask queue to give it; one that has not needs a turn
    // of the event loop, and is not waited for.
    if (this.gathers && this.size < LARGE_BUFFER && this.#gatheredFor++ < PATIENCE) {
      return this.#pool.schedule(this);
    }
    this.#scheduled = false;
    this.#flush();
  }

  /** Drops what waits; nothing further is written. */
  end(): void {
    this.#ended = true;
    this.size = 0;
    this.#ready.length = 0;
    this.#tail = null;
    this.#tailSize = 0;
  }

  // A peer that takes bytes as fast as they are made would keep the event loop, as one that sends them would.
  #flush(): void {
    if (this.#writing !== null || this.size === 0) return;
    const held = this.#turns.onWrite(this.size);
    if (held === null) return this.#writeNext();
    this.#scheduled = true;
    held.then(() => this.#writeAfterTurn());
  }

  #writeAfterTurn(): void {
    this.#scheduled = false;
    if (this.#writing === null && this.size > 0) this.#writeNext();
  }

  #writeNext(): void {
    if (this.#ready.length > 0) {
      const { data, pooled } = this.#ready.shift()!;
      this.#writing = data;
      this.#pooled = pooled;
    } else {
      this.#writing = this.#tail!.start(this.#tailSize);
      this.#pooled = this.#tail;
      this.#tail = null;
      this.#tailSize = 0;
    }
    this.#write(this.#writing);
  }

  #copy(data: Uint8Array): void {
    this.#makeRoom(data.length);
    if (this.#tail !== null && this.#tailSize + data.length > this.#tail.bytes.length) this.#seal();
    this.#tail ??= this.#pool.small.take();
    this.#tail.bytes.set(data, this.#tailSize);
    this.#tailSize += data.length;
  }

  /** Exchanges a small buffer that has not enough room for a large one. */
  #makeRoom(count: number): void {
    const tail = this.#tail;
    if (tail?.bytes.length !== SMALL_BUFFER || this.#tailSize + count <= SMALL_BUFFER) return;
    this.#tail = this.#pool.large.take();
    this.#tail.bytes.set(tail.start(this.#tailSize));
    this.#pool.give(tail);
  }

  // A head that waits is filled up with the first bytes of its body: they are never two small writes, of which the second would
  // wait 40 ms for the acknowledgement of the first (Nagle's algorithm, which Deno's TLS connections cannot turn off).
  #refer(data: Uint8Array): void {
    let rest = data;
    this.#makeRoom(data.length);
    if (this.#tail !== null) {
      const room = Math.min(this.#tail.bytes.length - this.#tailSize, data.length);
      this.#tail.bytes.set(data.subarray(0, room), this.#tailSize);
      this.#tailSize += room;
      rest = data.subarray(room);
    }
    if (rest.length === 0) return;
    this.#seal();
    if (rest.length > COPIED_WRITE_SIZE) this.#ready.push({ data: rest, pooled: null });
    else this.#copy(rest);
  }

  #seal(): void {
    if (this.#tail === null) return;
    this.#ready.push({ data: this.#tail.start(this.#tailSize), pooled: this.#tail });
    this.#tail = null;
    this.#tailSize = 0;
  }

  #write(data: Uint8Array): void {
    try {
      this.#connection.write(data).then(this.#onWritten, this.#onError);
    } catch (error) {
      this.#fail(error); // a connection of somebody's own may throw at once
    }
  }

  #written(count: number): void {
    if (this.#ended) return;
    if (count <= 0) return this.#fail(new TypeError("The connection took no bytes"));
    this.size -= count;
    this.#observer.onWritten(count);
    if (count < this.#writing!.length) {
      this.#writing = this.#writing!.subarray(count);
      return this.#write(this.#writing);
    }
    if (this.#pooled !== null) this.#pool.give(this.#pooled);
    this.#writing = this.#pooled = null;
    if (this.size > 0) this.#flush();
    else if (!this.#ended) this.#observer.onEmpty();
  }

  #fail(error: unknown): void {
    const ended = this.#ended;
    this.end();
    if (!ended) this.#observer.onWriteError(error);
  }
}

/** One array that waits, and the buffer of the pool that it lies in. */
interface Waiting {
  readonly data: Uint8Array;
  readonly pooled: Memory | null;
}
