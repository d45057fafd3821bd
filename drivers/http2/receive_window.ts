/**
 * How much the peer may send (RFC 9113 §6.9): of one stream, or of all together. It is told that it may send more once half of
 * the window was consumed, so that there is one WINDOW_UPDATE for many frames.
 *
 * @module
 */

/** One window of the receiving side. */
export class ReceiveWindow {
  #size: number;
  #left: number;
  #consumed = 0;

  /** @param size how many bytes the peer may have under way */
  constructor(size: number) {
    this.#size = size;
    this.#left = size;
  }

  /** How many bytes the peer may have under way. */
  get size(): number {
    return this.#size;
  }

  /** Changes that; "this could result in a negative window" (RFC 9113 §6.9.2). */
  resize(size: number): void {
    this.#left += size - this.#size;
    this.#size = size;
  }

  /** Bytes have come; says whether the peer was allowed to send them. */
  take(count: number): boolean {
    this.#left -= count;
    return this.#left >= 0;
  }

  /** Bytes were consumed. Gives how many more the peer is to be told that it may send: 0 for not yet. */
  consume(count: number): number {
    this.#consumed += count;
    if (2 * this.#consumed < this.#size) return 0;
    const increment = this.#consumed;
    this.#consumed = 0;
    this.#left += increment;
    return increment;
  }
}
