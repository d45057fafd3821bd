/**
 * Memory in which frames of data are put together, shared by the connections of a server.
 *
 * @module
 */

/** How large a batch is, in bytes: the larger, the fewer writes. */
export const BATCH_SIZE: number = 112 * 1024;
const KEPT = 16;

/** Buffers of {@link BATCH_SIZE}: one is out only while its bytes are being written. */
export class BatchPool {
  readonly #free: Uint8Array[] = [];

  /** A buffer, its content undefined. */
  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(BATCH_SIZE);
  }

  /** Gives one back. */
  give(buffer: Uint8Array): void {
    if (this.#free.length < KEPT) this.#free.push(buffer);
  }
}
