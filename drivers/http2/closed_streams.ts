/**
 * Remembers which streams were closed, and how: the frames that may still arrive on a stream depend on it
 * (RFC 9113 §5.1). Only the last streams are remembered, in memory of a fixed size.
 *
 * @module
 */

/** How a stream was closed. */
export const Closing = {
  /** The stream was not closed, or is too long gone to be remembered. */
  Unknown: 0,
  /** Both sides have ended, or the peer has reset it. */
  Ended: 1,
  /** This side has reset it: the peer may not know yet, so that its frames are ignored. */
  Reset: 2,
} as const;

/** A value of {@link Closing}. */
export type Closing = typeof Closing[keyof typeof Closing];

const SLOTS = 256;

/**
 * Remembers the last streams of a connection by their number: each has one slot, which the next but 255 takes
 * over.
 */
export class ClosedStreams {
  readonly #ids = new Int32Array(SLOTS);
  readonly #how = new Uint8Array(SLOTS);

  /** Remembers a stream. */
  add(id: number, how: Closing): void {
    const slot = (id >>> 1) % SLOTS;
    this.#ids[slot] = id;
    this.#how[slot] = how;
  }

  /** How a stream was closed. */
  get(id: number): Closing {
    const slot = (id >>> 1) % SLOTS;
    const how = this.#ids[slot] === id ? this.#how[slot] : Closing.Unknown;
    return how === Closing.Reset ? how : how === Closing.Ended ? how : Closing.Unknown;
  }
}
