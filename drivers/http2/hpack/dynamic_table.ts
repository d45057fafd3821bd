/**
 * The dynamic table (RFC 7541 §2.3.2, §4): a ring of the entries that were added last, bounded by their
 * sizes.
 *
 * @module
 */

import { ENTRY_OVERHEAD, type HeaderField } from "./header_field.ts";

const LEAST_SLOTS = 16;

/** The table of one direction of a connection. */
export class DynamicTable {
  #slots: (HeaderField | undefined)[] = [];
  #added = 0; // how many entries were ever added
  #length = 0;
  #size = 0;
  #capacity: number;

  /** @param capacity the largest sum of the entries' sizes, in bytes */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** How many entries there are. */
  get length(): number {
    return this.#length;
  }

  /** The sum of their sizes. */
  get size(): number {
    return this.#size;
  }

  /** The largest sum of their sizes. */
  get capacity(): number {
    return this.#capacity;
  }

  /** How many entries were ever added: the number of the entry that was added last. */
  get added(): number {
    return this.#added;
  }

  /** The entry that was added as number `number`, or `undefined` when it was evicted or never added. */
  byNumber(number: number): HeaderField | undefined {
    if (number > this.#added || number <= this.#added - this.#length) return undefined;
    return this.#slots[number & (this.#slots.length - 1)];
  }

  /**
   * Adds an entry in front, evicting the oldest; one that is larger than the table empties it
   * (RFC 7541 §4.4).
   */
  add(field: HeaderField): void {
    this.#evict(this.#capacity - field.size);
    if (field.size > this.#capacity) return;
    if (this.#length === this.#slots.length) this.#grow();
    this.#added++;
    this.#length++;
    this.#size += field.size;
    this.#slots[this.#added & (this.#slots.length - 1)] = field;
  }

  /** Changes the capacity, evicting what has no room any more (RFC 7541 §4.3). */
  resize(capacity: number): void {
    this.#capacity = capacity;
    this.#evict(capacity);
  }

  #evict(room: number): void {
    while (this.#length > 0 && this.#size > room) {
      const slot = (this.#added - this.#length + 1) & (this.#slots.length - 1);
      this.#size -= this.#slots[slot]!.size;
      this.#slots[slot] = undefined;
      this.#length--;
    }
  }

  // The number of slots is a power of two: a number's low bits are its place. It never exceeds capacity / 32,
  // rounded up.
  #grow(): void {
    const old = this.#slots;
    const slots = new Array<HeaderField | undefined>(Math.max(LEAST_SLOTS, 2 * old.length));
    for (let number = this.#added - this.#length + 1; number <= this.#added; number++) {
      slots[number & (slots.length - 1)] = old[number & (old.length - 1)];
    }
    this.#slots = slots;
  }
}

/** How many entries a table of some capacity has at most. */
export function mostEntries(capacity: number): number {
  return Math.floor(capacity / ENTRY_OVERHEAD);
}
