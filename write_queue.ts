/**
 * The bytes that wait to be written to a connection. What is queued before the next turn of the microtask queue, and while a
 * write is in flight, goes out in one write.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import { COPIED_WRITE_SIZE } from "./drivers/driver.ts";

const BUFFER_SIZE = 16 * 1024;
const KEPT_BUFFERS = 64;

/** How many turns of the microtask queue a stream is given to go on. Each costs a hundredth of a write. */
const PATIENCE = 8;

/** What is chained to it runs when the code under way has come to its end. */
const TURN = Promise.resolve();

/** Memory for small writes, shared by the connections of a server: an idle connection holds none. */
export class BufferPool {
  readonly #free: Uint8Array[] = [];

  /** A buffer of 16 KiB, its content undefined. */
  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(BUFFER_SIZE);
  }

  /** Gives one back. */
  give(buffer: Uint8Array): void {
    if (this.#free.length < KEPT_BUFFERS) this.#free.push(buffer);
  }
}

/** Who is told what becomes of queued bytes. */
export interface WriteObserver {
  /** Some bytes were taken by the connection. */
  onWritten(): void;
  /** The queue has become empty. */
  onEmpty(): void;
  /** The connection failed; nothing further is written. */
  onWriteError(error: unknown): void;
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
  readonly #pool: BufferPool;
  readonly #observer: WriteObserver;
  #ready: Uint8Array[] = [];
  #pooled: Uint8Array[] = []; // the buffers that the views in #ready belong to, until they are written
  #tail: Uint8Array | null = null;
  #tailSize = 0;
  #flushing = false;
  #ended = false;
  #turns = 0;
  readonly #turn = () => this.#takeTurn();

  /** @param connection where to; @param pool memory for small writes; @param observer who is told */
  constructor(connection: Connection, pool: BufferPool, observer: WriteObserver) {
    this.#connection = connection;
    this.#pool = pool;
    this.#observer = observer;
  }

  /** Queues bytes: up to {@link COPIED_WRITE_SIZE} are copied, a larger array must not change until it was written. */
  push(data: Uint8Array): void {
    if (this.#ended || data.length === 0) return;
    this.size += data.length;
    this.#turns = 0;
    if (data.length <= COPIED_WRITE_SIZE) this.#copy(data);
    else this.#refer(data);
    if (this.#flushing) return;
    this.#flushing = true;
    TURN.then(this.#turn);
  }

  // A stream that has its next chunk at hand needs some turns of the microtask queue to give it; one that has not needs a turn
  // of the event loop, and is not waited for.
  #takeTurn(): void {
    if (!this.gathers || this.size >= BUFFER_SIZE || this.#turns++ >= PATIENCE) this.#flush();
    else TURN.then(this.#turn);
  }

  /** Drops what waits; nothing further is written. */
  end(): void {
    this.#ended = true;
    this.size = 0;
    this.#ready = [];
    this.#tail = null;
    this.#tailSize = 0;
  }

  #copy(data: Uint8Array): void {
    if (this.#tail !== null && this.#tailSize + data.length > BUFFER_SIZE) this.#seal();
    this.#tail ??= this.#pool.take();
    this.#tail.set(data, this.#tailSize);
    this.#tailSize += data.length;
  }

  // A head that waits is filled up with the first bytes of its body: they are never two small writes.
  #refer(data: Uint8Array): void {
    let rest = data;
    if (this.#tail !== null) {
      const room = Math.min(BUFFER_SIZE - this.#tailSize, data.length);
      this.#tail.set(data.subarray(0, room), this.#tailSize);
      this.#tailSize += room;
      rest = data.subarray(room);
      this.#seal();
    }
    if (rest.length > 0) this.#ready.push(rest);
  }

  #seal(): void {
    if (this.#tail === null) return;
    this.#ready.push(this.#tail.subarray(0, this.#tailSize));
    this.#pooled.push(this.#tail);
    this.#tail = null;
    this.#tailSize = 0;
  }

  async #flush(): Promise<void> {
    try {
      while (this.size > 0) {
        this.#seal();
        let rest = this.#ready.shift()!;
        const { buffer } = rest;
        for (;;) {
          const written = await this.#connection.write(rest);
          if (written <= 0) throw new TypeError("The connection took no bytes");
          if (this.#ended) return;
          this.size -= written;
          this.#observer.onWritten();
          if (written === rest.length) break;
          rest = rest.subarray(written);
        }
        if (buffer === this.#pooled[0]?.buffer) this.#pool.give(this.#pooled.shift()!);
      }
      this.#flushing = false;
      this.#observer.onEmpty();
    } catch (error) {
      const ended = this.#ended;
      this.end();
      if (!ended) this.#observer.onWriteError(error);
    }
  }
}
