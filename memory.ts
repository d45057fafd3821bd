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

  /** Its first bytes. Making an array costs more than reading 100 bytes: where they are as many as the last time, it is the same. */
  start(size: number): Uint8Array {
    if (this.#start.length !== size) this.#start = this.bytes.subarray(0, size);
    return this.#start;
  }
}
