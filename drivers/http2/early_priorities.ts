/**
 * Priorities that came before their request: "servers SHOULD buffer the most recent" (RFC 9218 §7.1), within a bound.
 *
 * @module
 */

import type { Priority } from "./priority.ts";

/** The priorities of idle streams. */
export class EarlyPriorities {
  readonly #limit: number;
  readonly #priorities = new Map<number, Priority>();

  /** @param limit of how many streams they are kept */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Keeps one; when there are too many, those of streams up to `lastId`, which will not come, make room, or it is not kept. */
  keep(streamId: number, priority: Priority, lastId: number): void {
    if (this.#priorities.size >= this.#limit) {
      for (const id of this.#priorities.keys()) if (id <= lastId) this.#priorities.delete(id);
    }
    if (this.#priorities.size < this.#limit || this.#priorities.has(streamId)) {
      this.#priorities.set(streamId, priority);
    }
  }

  /** Takes that of a stream out, if there is one: it counts more than the request's `priority` field. */
  take(streamId: number): Priority | undefined {
    if (this.#priorities.size === 0) return undefined;
    const priority = this.#priorities.get(streamId);
    this.#priorities.delete(streamId);
    return priority;
  }
}
