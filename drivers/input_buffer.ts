/**
 * The bytes that were received and are not parsed yet. A chunk is borrowed as long as the parser works on it; what is left
 * when it asks for more is copied, once, into memory of its own.
 *
 * @module
 */

const NOTHING = new Uint8Array(0);
const SMALLEST = 512;

/** So many bytes, or fewer, are searched by a loop: a view of them takes longer to make. */
const LOOPED_SEARCH = 64;

/** Received bytes: those between {@link InputBuffer.start} and {@link InputBuffer.end} of {@link InputBuffer.bytes}. */
export class InputBuffer {
  /** The memory; valid until the next {@link InputBuffer.push}. */
  bytes: Uint8Array = NOTHING;
  /** Where the unparsed bytes begin. */
  start = 0;
  /** Where they end. */
  end = 0;
  #borrowed = false;

  /** How many bytes are not parsed yet. */
  get length(): number {
    return this.end - this.start;
  }

  /**
   * Finds a byte from `start` on: its index, or -1. Only received bytes are looked at, and no memory behind
   * them.
   */
  indexOf(byte: number, start: number): number {
    const { bytes, end } = this;
    if (end === bytes.length) return bytes.indexOf(byte, start);
    if (end - start > LOOPED_SEARCH) {
      const found = bytes.subarray(start, end).indexOf(byte);
      return found < 0 ? -1 : start + found;
    }
    for (let at = start; at < end; at++) {
      if (bytes[at] === byte) return at;
    }
    return -1;
  }

  /** Marks `count` bytes as parsed. */
  consume(count: number): void {
    this.start += count;
  }

  /** Keeps what is left: to be called before more is asked for, while the borrowed chunk is still valid. */
  retain(): void {
    const length = this.end - this.start;
    if (!this.#borrowed && length > 0) return;
    this.#borrowed = false;
    const rest = this.bytes;
    this.bytes = length === 0 ? NOTHING : new Uint8Array(Math.max(SMALLEST, 2 * length)); // none while it is idle
    if (length > 0) this.bytes.set(rest.subarray(this.start, this.end));
    this.start = 0;
    this.end = length;
  }

  /** Adds the next chunk; it is borrowed when nothing is left of the one before. */
  push(chunk: Uint8Array): void {
    this.retain();
    if (this.start === this.end) {
      this.bytes = chunk;
      this.start = 0;
      this.end = chunk.length;
      this.#borrowed = true;
      return;
    }
    this.#makeRoom(chunk.length);
    this.bytes.set(chunk, this.end);
    this.end += chunk.length;
  }

  /** The unparsed bytes, copied. */
  toBytes(): Uint8Array {
    return this.bytes.slice(this.start, this.end);
  }

  /** Gives up the unparsed bytes, copied, and all memory. */
  release(): Uint8Array {
    const rest = this.toBytes();
    this.bytes = NOTHING;
    this.start = this.end = 0;
    this.#borrowed = false;
    return rest;
  }

  #makeRoom(count: number): void {
    if (this.end + count <= this.bytes.length) return;
    const length = this.length;
    const large = new Uint8Array(2 * (length + count));
    large.set(this.bytes.subarray(this.start, this.end));
    this.bytes = large;
    this.start = 0;
    this.end = length;
  }
}
