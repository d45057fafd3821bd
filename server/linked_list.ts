/**
 * A queue from which any entry can be removed, in constant time.
 *
 * @module
 */

/** One entry of a {@link LinkedList}. It is the argument that removes the entry. */
export interface Link<T> {
  /** The value that was added. */
  readonly value: T;
  /** The neighbour before this entry. Only the list uses it. */
  previous: Link<T> | null;
  /** The neighbour behind this entry. Only the list uses it. */
  next: Link<T> | null;
}

/** Values in the order in which they were added. Every method takes constant time. */
export class LinkedList<T> {
  #first: Link<T> | null = null;
  #last: Link<T> | null = null;
  #size = 0;

  /** How many values there are. */
  get size(): number {
    return this.#size;
  }

  /** The value that was added first; `null` when there is none. */
  get first(): T | null {
    return this.#first === null ? null : this.#first.value;
  }

  /** Adds a value behind the others. Returns the entry with which the value can be removed. */
  add(value: T): Link<T> {
    const link: Link<T> = { value, previous: this.#last, next: null };
    if (this.#last === null) this.#first = link;
    else this.#last.next = link;
    this.#last = link;
    this.#size++;
    return link;
  }

  /** Removes an entry, which must be in the list. */
  remove(link: Link<T>): void {
    if (link.previous === null) this.#first = link.next;
    else link.previous.next = link.next;
    if (link.next === null) this.#last = link.previous;
    else link.next.previous = link.previous;
    this.#size--;
  }
}
