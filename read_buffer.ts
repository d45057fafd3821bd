/**
 * The memory that a connection is read into: small at first, larger while large reads fill it, small again when they do not.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import { Memory } from "./memory.ts";

const SMALLEST = 4096;
const SPARSE = 8; // below this part of the buffer it is too large

/** Reads a connection into memory that is used again for the next read. */
export class ReadBuffer {
  readonly #connection: Connection;
  readonly #largest: number;
  #buffer: Memory;
  #target: Memory;
  #pending: Promise<number | null> | null = null;
  readonly #ahead: Uint8Array[] = []; // what has come while the connection was watched
  #sparse = 0;
  /** How many bytes have come while the connection was watched, and were not taken yet. */
  ahead = 0;

  /** @param connection what is read; @param largest the largest read, in bytes */
  constructor(connection: Connection, largest: number) {
    this.#connection = connection;
    this.#largest = Math.max(largest, 1);
    this.#buffer = this.#target = new Memory(Math.min(SMALLEST, this.#largest));
  }

  /** Whether a read is under way. */
  get isReading(): boolean {
    return this.#pending !== null;
  }

  /** Whether a read is under way, or bytes have come that were not taken yet. */
  get busy(): boolean {
    return this.isReading || this.ahead > 0;
  }

  /**
   * Reads: the number of bytes, for {@link ReadBuffer.take}, or `null` at the end. What has come ahead is first; a read that is
   * under way is joined.
   */
  read(): Promise<number | null> {
    if (this.#ahead.length > 0) return Promise.resolve(this.#ahead[0]!.length);
    if (this.#pending === null) {
      this.#target = this.#buffer;
      this.#pending = this.#connection.read(this.#buffer.bytes);
    }
    return this.#pending;
  }

  /** Reads at most `size` bytes ahead, into memory of their own. Gives how many have come, or `null` at the end. */
  async watch(size: number): Promise<number | null> {
    const memory = this.#target = new Memory(size);
    this.#pending = this.#connection.read(memory.bytes);
    const count = await this.#pending;
    if (count === null) return null; // which the next read gives too
    this.#pending = null;
    this.#ahead.push(memory.start(count));
    this.ahead += count;
    return count;
  }

  /** The bytes of the read that gave `count`; valid until the next read. */
  take(count: number): Uint8Array {
    const ahead = this.#ahead.shift();
    if (ahead !== undefined) {
      this.ahead -= ahead.length;
      return ahead;
    }
    const target = this.#target;
    this.#pending = null;
    if (target === this.#buffer) this.#adapt(count);
    return target.start(count);
  }

  /** Gives up its memory, where no further read is asked for. */
  release(): void {
    this.#buffer = this.#target = new Memory(0);
  }

  #adapt(count: number): void {
    const size = this.#buffer.bytes.length;
    if (count === size) return this.#resize(Math.min(4 * size, this.#largest));
    this.#sparse = size > SMALLEST && count < size / SPARSE ? this.#sparse + 1 : 0;
    if (this.#sparse > 1) this.#resize(Math.max(SMALLEST, size / 4));
  }

  #resize(size: number): void {
    this.#sparse = 0;
    if (size !== this.#buffer.bytes.length) this.#buffer = new Memory(Math.min(size, this.#largest));
  }
}
