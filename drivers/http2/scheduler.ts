/**
 * Decides which stream sends next (RFC 9218 §10): the most urgent first. Within one urgency, non-incremental
 * responses are sent one after another and incremental ones share in turn. Every eighth frame goes to the
 * stream that has waited longest, so that nobody starves.
 *
 * @module
 */

import type { Priority } from "./priority.ts";

const URGENCIES = 8;
const FAIR_TURN = 8;

/** What is scheduled. */
export interface Schedulable {
  /** Its priority; {@link Scheduler.remove} it before it is changed. */
  readonly priority: Priority;
  /** Whether it is in the scheduler, and when it had its turn: for the scheduler alone. */
  turn: number;
}

/** The streams that could send something. */
export class Scheduler<T extends Schedulable> {
  readonly #queues: T[][] = Array.from({ length: URGENCIES }, () => []);
  #count = 0;
  #turn = 0;

  /** How many there are. */
  get size(): number {
    return this.#count;
  }

  /** All of them, in no order that matters. */
  *[Symbol.iterator](): Generator<T> {
    for (const queue of this.#queues) yield* queue;
  }

  /** Adds one, unless it is there. */
  add(item: T): void {
    if (item.turn !== 0) return;
    item.turn = ++this.#turn;
    this.#queues[item.priority.urgency]!.push(item);
    this.#count++;
  }

  /** Removes one, if it is there. */
  remove(item: T): void {
    if (item.turn === 0) return;
    item.turn = 0;
    const queue = this.#queues[item.priority.urgency]!;
    queue.splice(queue.indexOf(item), 1);
    this.#count--;
  }

  /** Who sends one frame now; `undefined` when there is nobody. */
  next(): T | undefined {
    if (this.#count === 0) return undefined;
    this.#turn++;
    const item = this.#count > 1 && this.#turn % FAIR_TURN === 0
      ? this.#longestWaiting()
      : this.#mostUrgent();
    item.turn = this.#turn;
    if (item.priority.incremental) this.#moveBack(item);
    return item;
  }

  /** The first, by urgency, of which something holds; it stays where it is. */
  find(holds: (item: T) => boolean): T | undefined {
    for (const queue of this.#queues) {
      const found = queue.find(holds);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #mostUrgent(): T {
    return this.#queues.find((queue) => queue.length > 0)![0]!;
  }

  #longestWaiting(): T {
    let found: T | undefined;
    for (const queue of this.#queues) {
      for (const item of queue) if (found === undefined || item.turn < found.turn) found = item;
    }
    return found!;
  }

  #moveBack(item: T): void {
    const queue = this.#queues[item.priority.urgency]!;
    if (queue.length === 1) return;
    queue.splice(queue.indexOf(item), 1);
    queue.push(item);
  }
}
