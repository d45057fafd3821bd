/**
 * What a socket sends: frames in order, those that are made while a write is under way in the next one.
 *
 * @module
 */

import { ignore } from "../message.ts";
import type { UpgradedConnection } from "../upgraded_connection.ts";

/** Above so many bytes whoever sends is asked to wait, and the socket stops reading. */
const SOFT_CAP = 1024 * 1024;

const NOTHING = new Uint8Array(0);

/** The frames on their way to one peer. */
export class SendQueue {
  readonly #connection: UpgradedConnection;
  #waiting: Uint8Array[] = [];
  #pong: Uint8Array | null = null; // the last ping alone is answered (RFC 6455 §5.5.3)
  #current: Uint8Array = NOTHING;
  #size = 0;
  #writing = false;
  #ended = false;
  #drain: PromiseWithResolvers<void> | null = null;
  #flush: PromiseWithResolvers<void> | null = null;
  readonly #onWritten = (count: number) => this.#written(count);
  readonly #onError = (error: unknown) => this.#fail(error);

  /** @param connection where to */
  constructor(connection: UpgradedConnection) {
    this.#connection = connection;
  }

  /** Bytes that wait. */
  get size(): number {
    return this.#size;
  }

  /** Settles when no more than the cap waits; `null` while that is so. */
  get drained(): Promise<void> | null {
    if (this.#size <= SOFT_CAP || this.#ended) return null;
    this.#drain ??= Promise.withResolvers();
    return this.#drain.promise;
  }

  /** Settles when nothing waits; rejects when the connection fails before. */
  get flushed(): Promise<void> {
    if (!this.#writing || this.#ended) return Promise.resolve();
    if (this.#flush === null) {
      this.#flush = Promise.withResolvers();
      this.#flush.promise.catch(ignore); // whoever waits is told; nobody has to
    }
    return this.#flush.promise;
  }

  /** Sends a frame, whose memory is the queue's from then on. */
  push(frame: Uint8Array): void {
    if (this.#ended) return;
    this.#size += frame.length;
    this.#waiting.push(frame);
    if (!this.#writing) this.#start();
  }

  /** Sends a pong in place of one that waits. */
  pushPong(frame: Uint8Array): void {
    if (!this.#writing) return this.push(frame);
    this.#pong = frame;
  }

  /** Drops what waits; whoever waits goes on. */
  end(): void {
    this.#ended = true;
    this.#waiting = [];
    this.#pong = null;
    this.#size = 0;
    this.#drain?.resolve();
    this.#flush?.resolve();
  }

  // The first write is made at once; what is pushed before it has ended goes out together.
  #start(): void {
    this.#writing = true;
    this.#current = this.#takeFrames();
    this.#connection.write(this.#current).then(this.#onWritten, this.#onError);
  }

  #written(count: number): void {
    if (this.#ended) return;
    this.#size -= count;
    if (this.#size <= SOFT_CAP) {
      this.#drain?.resolve();
      this.#drain = null;
    }
    if (count < this.#current.length) {
      this.#current = this.#current.subarray(count);
      this.#connection.write(this.#current).then(this.#onWritten, this.#onError);
    } else if (this.#waiting.length > 0 || this.#pong !== null) this.#start();
    else this.#rest();
  }

  #rest(): void {
    this.#writing = false;
    this.#current = NOTHING;
    this.#flush?.resolve();
    this.#flush = null;
  }

  #fail(error: unknown): void {
    this.#flush?.reject(error);
    this.end();
  }

  #takeFrames(): Uint8Array {
    if (this.#pong !== null) {
      this.#waiting.push(this.#pong);
      this.#size += this.#pong.length;
      this.#pong = null;
    }
    const frames = this.#waiting;
    this.#waiting = [];
    if (frames.length === 1) return frames[0]!;
    const all = new Uint8Array(frames.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const frame of frames) {
      all.set(frame, at);
      at += frame.length;
    }
    return all;
  }
}
