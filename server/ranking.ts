/**
 * A binary heap, which finds the first of many entries while the ranks of single entries change all the time.
 *
 * @module
 */

/**
 * An entry of a {@link Ranking}. After a change of `rank` or `turn`, {@link Ranking.update} must be called.
 */
export interface Ranked {
  /** The entry with the lowest rank is first. */
  rank: number;
  /** Among entries of the same rank, the entry with the lowest turn is first. */
  turn: number;
  /** The index in the heap, or -1 outside of a ranking. Only the ranking uses it. */
  position: number;
}

/**
 * Entries in the order of their ranks. A change takes as many steps as the number of entries has binary
 * digits.
 */
export class Ranking<T extends Ranked> {
  readonly #entries: T[] = [];

  /** How many entries there are. */
  get size(): number {
    return this.#entries.length;
  }

  /** The entry that comes first; `null` when there is none. */
  get first(): T | null {
    return this.#entries[0] ?? null;
  }

  /** Adds an entry, which must not be in a ranking. */
  add(entry: T): void {
    this.#put(entry, this.#entries.length);
    this.#rise(entry);
  }

  /** Moves an entry to its new place after its rank or turn has changed. */
  update(entry: T): void {
    this.#rise(entry);
    this.#sink(entry);
  }

  /** Removes an entry, which must be in the ranking. */
  remove(entry: T): void {
    const last = this.#entries.pop()!;
    const at = entry.position;
    entry.position = -1;
    if (last === entry) return;
    this.#put(last, at);
    this.update(last);
  }

  #rise(entry: T): void {
    while (entry.position > 0) {
      const parent = this.#entries[(entry.position - 1) >> 1]!;
      if (!isBefore(entry, parent)) return;
      this.#swap(entry, parent);
    }
  }

  #sink(entry: T): void {
    for (;;) {
      const child = this.#firstChild(2 * entry.position + 1);
      if (child === null || !isBefore(child, entry)) return;
      this.#swap(entry, child);
    }
  }

  /** Returns the first of the entries at `left` and `left + 1`, or `null`. */
  #firstChild(left: number): T | null {
    const first = this.#entries[left];
    const second = this.#entries[left + 1];
    if (first === undefined) return null;
    return second !== undefined && isBefore(second, first) ? second : first;
  }

  #swap(one: T, other: T): void {
    const at = one.position;
    this.#put(one, other.position);
    this.#put(other, at);
  }

  #put(entry: T, position: number): void {
    this.#entries[position] = entry;
    entry.position = position;
  }
}

function isBefore(one: Ranked, other: Ranked): boolean {
  return one.rank === other.rank ? one.turn < other.turn : one.rank < other.rank;
}
