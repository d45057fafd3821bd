/**
 * Priorities that came before their request: "servers SHOULD buffer the most recent" (RFC 9218 §7.1), within
 * a bound.
 *
 * @module
 */

import type { Priority } from "./priority.ts";

/** The priorities of idle streams. */
export class EarlyPriorities {
  readonly #priorities = new Map<number, Priority>();

  /**
   * Keeps one; those of streams up to `lastId`, which will not come, make room.
   *
   * @param room how many streams the peer may still open
   * @returns whether there was room: a peer must not prioritize more than it may open
   */
  keep(streamId: number, priority: Priority, { lastId, room }: { lastId: number; room: number }): boolean {
    if (this.#priorities.size >= room) {
      for (const id of this.#priorities.keys()) if (id <= lastId) this.#priorities.delete(id);
    }
    if (this.#priorities.size >= room && !this.#priorities.has(streamId)) return false;
    this.#priorities.set(streamId, priority);
    return true;
  }

  /** Takes that of a stream out, if there is one: it counts more than the request's `priority` field. */
  take(streamId: number): Priority | undefined {
    if (this.#priorities.size === 0) return undefined;
    const priority = this.#priorities.get(streamId);
    this.#priorities.delete(streamId);
    return priority;
  }
}
