/**
 * A queue whose entries can leave from any place at once.
 *
 * @module
 */

/** One entry of a {@link LinkedList}, by which it is removed. */
export interface Link<T> {
  /** What was added. */
  readonly value: T;
  /** The neighbours; for the list alone. */
  previous: Link<T> | null;
  /** @inheritdoc */
  next: Link<T> | null;
}

/** Values in the order in which they were added. Every method takes the same time, however many there are. */
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

  /** Adds a value behind the others, and returns what removes it. */
  add(value: T): Link<T> {
    const link: Link<T> = { value, previous: this.#last, next: null };
    if (this.#last === null) this.#first = link;
    else this.#last.next = link;
    this.#last = link;
    this.#size++;
    return link;
  }

  /** Removes a value. It must be in the list. */
  remove(link: Link<T>): void {
    if (link.previous === null) this.#first = link.next;
    else link.previous.next = link.next;
    if (link.next === null) this.#last = link.previous;
    else link.next.previous = link.previous;
    this.#size--;
  }
}
