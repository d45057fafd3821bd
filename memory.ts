/**
 * Memory that is used again and again, and its first bytes as an array of their own.
 *
 * @module
 */

/** A piece of memory. */
export class Memory {
  /** All of it; its content is undefined. */
  readonly bytes: Uint8Array;
  #start: Uint8Array;

  /** @param size how many bytes */
  constructor(size: number) {
    this.bytes = this.#start = new Uint8Array(size);
  }

  /** Its first bytes: the same array as the last time where they are as many, since making one takes time and memory. */
  start(size: number): Uint8Array {
    if (this.#start.length !== size) this.#start = this.bytes.subarray(0, size);
    return this.#start;
  }
}

/** Pieces of memory of one size, kept for their next use. */
export class MemoryPool {
  /** How large a piece is, in bytes. */
  readonly size: number;
  readonly #limit: number;
  readonly #free: Memory[] = [];

  /** @param size of a piece, in bytes; @param limit how many that nobody uses are kept */
  constructor(size: number, limit: number) {
    this.size = size;
    this.#limit = limit;
  }

  /** A piece; its content is undefined. */
  take(): Memory {
    return this.#free.pop() ?? new Memory(this.size);
  }

  /** Takes one of its own back: nobody may use it any more. */
  give(memory: Memory): void {
    if (this.#free.length < this.#limit) this.#free.push(memory);
  }
}
