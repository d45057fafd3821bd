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
