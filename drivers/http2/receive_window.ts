/**
 * How much the peer may send (RFC 9113 §6.9): on one stream, or on all together. WINDOW_UPDATE lets it send
 * more once half of the window was consumed, so that there is one WINDOW_UPDATE for many frames; or earlier,
 * where nobody reads the rest of the window and what was consumed is more than the peer has left.
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

  /** How many bytes the peer may still send, as far as it was told. */
  get left(): number {
    return this.#left;
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

  /**
   * Records `count` consumed bytes. Returns the increment to send in WINDOW_UPDATE, or 0 while too little is
   * due.
   */
  consume(count: number): number {
    this.#consumed += count;
    if (2 * this.#consumed < this.#size && this.#consumed < this.#left) return 0;
    return this.refill();
  }

  /** Returns the increment that is due, however little it is. */
  refill(): number {
    const increment = this.#consumed;
    this.#consumed = 0;
    this.#left += increment;
    return increment;
  }
}
