/**
 * What a socket sends: frames in order, those that are made while a write is under way in the next one.
 *
 * @module
 */

import { ignore } from "../message.ts";
import { UpgradedConnection } from "../upgraded_connection.ts";
import { type WriteObserver, WritePool, WriteQueue } from "../write_queue.ts";

/** Above so many bytes whoever sends is asked to wait, and the socket stops reading. */
const SOFT_CAP = 1024 * 1024;

// What they write with is the process's: a socket that is silent holds no memory.
const WRITES = new WritePool();

/** The frames on their way to one peer. */
export class SendQueue implements WriteObserver {
  readonly #queue: WriteQueue;
  readonly #connection: UpgradedConnection;
  #pong: Uint8Array | null = null; // the last ping alone is answered (RFC 6455 §5.5.3)
  #ended = false;
  #drain: PromiseWithResolvers<void> | null = null;
  #flush: PromiseWithResolvers<void> | null = null;

  /** @param connection where to */
  constructor(connection: UpgradedConnection) {
    this.#connection = connection;
    this.#queue = new WriteQueue(UpgradedConnection.underlying(connection), {
      pool: WRITES,
      turns: UpgradedConnection.turnsOf(connection),
      observer: this,
    });
  }

  /** Bytes that wait. */
  get size(): number {
    return this.#queue.size;
  }

  /** Settles when no more than the cap waits; `null` while that is so. */
  get drained(): Promise<void> | null {
    if (this.size <= SOFT_CAP || this.#ended) return null;
    this.#drain ??= Promise.withResolvers();
    return this.#drain.promise;
  }

  /** Settles when nothing waits; rejects when the connection fails before. */
  get flushed(): Promise<void> {
    if (this.size === 0 || this.#ended) return Promise.resolve();
    if (this.#flush === null) {
      this.#flush = Promise.withResolvers();
      this.#flush.promise.catch(ignore); // whoever waits is told; nobody has to
    }
    return this.#flush.promise;
  }

  /** Sends a frame: a small one is copied, a large one is the queue's from then on. */
  push(frame: Uint8Array): void {
    this.#queue.push(frame);
  }

  /** Sends a pong in place of one that waits. */
  pushPong(frame: Uint8Array): void {
    if (this.size === 0) this.push(frame);
    else this.#pong = frame;
  }

  /** Drops what waits; whoever waits goes on. */
  end(): void {
    this.#ended = true;
    this.#queue.end();
    this.#pong = null;
    this.#drain?.resolve();
    this.#flush?.resolve();
  }

  /** Some bytes were taken by the connection. */
  onWritten(): void {
    if (this.#pong !== null) {
      this.#queue.push(this.#pong);
      this.#pong = null;
    }
    if (this.size > SOFT_CAP) return;
    this.#drain?.resolve();
    this.#drain = null;
  }

  /** All of it was. */
  onEmpty(): void {
    this.#flush?.resolve();
    this.#flush = null;
  }

  /** The connection failed. */
  onWriteError(error: unknown): void {
    this.#flush?.reject(error);
    this.end();
    this.#connection.close();
  }
}
