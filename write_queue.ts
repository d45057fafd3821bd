/**
 * The bytes that wait to be written to a connection. Bytes that are queued before the next microtask turn, or
 * during a write, go out in one write.
 *
 * All connections of a server flush in the same microtask turn: every request that arrived in one turn of the
 * event loop and is answered synchronously is answered before the first write. This batches the system calls,
 * and a peer on the same machine is woken once instead of once per response.
 *
 * @module
 */

import type { LoopTurns } from "./base/event_loop_share.ts";
import type { Connection } from "./connection.ts";
import { COPIED_WRITE_SIZE } from "./drivers/driver.ts";
import { type Memory, MemoryPool } from "./memory.ts";

// One small buffer for each connection that may be answered in one turn: 4 MiB at most, and 1 MiB of large
// ones.
const SMALL_BUFFER = COPIED_WRITE_SIZE;
const KEPT_SMALL_BUFFERS = 1024;
const LARGE_BUFFER = 16 * 1024; // one record of TLS
const KEPT_LARGE_BUFFERS = 64;

/**
 * How many microtask turns a write waits for the next chunk of a stream. A turn costs a hundredth of a write.
 */
const PATIENCE = 8;

/** A resolved promise. A callback chained to it runs when the running code has ended. */
const TURN = Promise.resolve();

/**
 * Memory and turns that all queues of a server share. Memory for small writes is shared so that an idle queue
 * holds none.
 */
export class WritePool {
  /** Buffers that most responses fit in. */
  readonly small: MemoryPool = new MemoryPool(SMALL_BUFFER, KEPT_SMALL_BUFFERS);
  /** Buffers that gather the chunks of streams and the responses of pipelines. */
  readonly large: MemoryPool = new MemoryPool(LARGE_BUFFER, KEPT_LARGE_BUFFERS);
  #waiting: WriteQueue[] = [];
  readonly #onTurn = () => this.#takeTurn();

  /** Takes a buffer back. */
  give(buffer: Memory): void {
    (buffer.bytes.length === this.small.size ? this.small : this.large).give(buffer);
  }

  /** Schedules the turn of a queue behind the microtasks that wait already. */
  schedule(queue: WriteQueue): void {
    if (this.#waiting.push(queue) === 1) TURN.then(this.#onTurn);
  }

  #takeTurn(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    let taken = 0;
    try {
      while (taken < waiting.length) waiting[taken++]!.takeTurn();
    } finally { // a queue that throws must not cost the other queues their turn
      for (const queue of waiting.slice(taken)) this.schedule(queue);
    }
  }
}

/** The callbacks of a queue. */
export interface WriteObserver {
  /** The connection has taken `count` bytes. */
  onWritten(count: number): void;
  /** The queue has become empty. */
  onEmpty(): void;
  /** The connection failed; nothing further is written. */
  onWriteError(error: unknown): void;
}

/** The parts of a queue. */
export interface WriteQueueParts {
  /** Memory and turns that all queues of the server share. */
  readonly pool: WritePool;
  /** The turns of the event loop that the connection takes. */
  readonly turns: LoopTurns;
  /** Called back when bytes were written, or could not be written. */
  readonly observer: WriteObserver;
}

/** Bytes on their way to one connection, in order. */
export class WriteQueue {
  /** How many bytes wait. */
  size = 0;
  /**
   * Whether more bytes are likely to follow at once, as from a stream. If so, small pieces are gathered for
   * some microtask turns.
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
  #pooled: Memory | null = null; // the buffer that is being written
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

  /**
   * Queues bytes. Up to {@link COPIED_WRITE_SIZE} bytes are copied; a larger array must not change until it
   * was written.
   */
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

  /** Begins to write. The pool calls it when it is the turn of this queue. */
  takeTurn(): void {
    // A stream that has its next chunk ready delivers the chunk within some microtask turns. A stream that
    // does not needs a turn of the event loop, and the write does not wait for it.
    if (this.gathers && this.size < LARGE_BUFFER && this.#gatheredFor++ < PATIENCE) {
      return this.#pool.schedule(this);
    }
    this.#scheduled = false;
    this.#flush();
  }

  /** Drops the bytes that wait. Nothing further is written. */
  end(): void {
    this.#ended = true;
    this.size = 0;
    this.#ready.length = 0;
    this.#tail = null;
    this.#tailSize = 0;
  }

  // Asks for a turn, because a peer that takes bytes as fast as they are made could keep the event loop busy.
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

  /** Replaces a small buffer by a large one if the small one has not enough room for `count` more bytes. */
  #makeRoom(count: number): void {
    const tail = this.#tail;
    if (tail?.bytes.length !== SMALL_BUFFER || this.#tailSize + count <= SMALL_BUFFER) return;
    this.#tail = this.#pool.large.take();
    this.#tail.bytes.set(tail.start(this.#tailSize));
    this.#pool.give(tail);
  }

  // Fills the buffer of a waiting head with the first bytes of the body, so that head and body are never two
  // small writes. The second would wait 40 ms for the acknowledgement of the first (Nagle's algorithm, which
  // Deno's TLS connections cannot turn off).
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
      this.#fail(error); // a custom connection may throw synchronously
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

/** An array that waits, and the buffer of the pool that holds it, if one does. */
interface Waiting {
  readonly data: Uint8Array;
  readonly pooled: Memory | null;
}
