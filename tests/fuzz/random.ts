/**
 * Random numbers that are the same for the same seed, and choices made with them.
 *
 * @module
 */

/** A 32-bit hash of numbers and texts (FNV-1a, with the finalizer of MurmurHash3). */
export function hash(...parts: readonly (number | string)[]): number {
  let state = 0x811c9dc5;
  for (const character of parts.join("\n")) {
    state = Math.imul(state ^ character.codePointAt(0)!, 0x01000193);
  }
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}

/** A generator of random numbers (xorshift32). */
export class Random {
  #state: number;

  /** @param seed any 32-bit number */
  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  /** An integer from 0 to below `limit`. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  /** An integer from `least` to `most`. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** Whether something happens that happens `percent` times of a hundred. */
  chance(percent: number): boolean {
    return this.below(1000) < 10 * percent;
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** The result of one of the makers. */
  make<T>(makers: readonly (() => T)[]): T {
    return this.pick(makers)();
  }

  /** The result of one of the makers, each of which is as likely as its weight says. */
  weigh<T>(makers: readonly (readonly [weight: number, make: () => T])[]): T {
    const sum = makers.reduce((weights, [weight]) => weights + weight, 0);
    let at = sum * this.below(1_000_000) / 1_000_000;
    for (const [weight, make] of makers) {
      if (at < weight) return make();
      at -= weight;
    }
    throw new RangeError("no maker has a weight");
  }

  /** A size from 0 to `most`: small ones are likelier. */
  size(most: number): number {
    return this.below(this.below(most + 1) + 1);
  }

  /** As many results as `count` says. */
  times<T>(count: number, make: (index: number) => T): T[] {
    return Array.from({ length: count }, (_, index) => make(index));
  }

  /** A text of so many of the characters. */
  text(length: number, characters: string): string {
    let text = "";
    for (let index = 0; index < length; index++) text += characters[this.below(characters.length)]!;
    return text;
  }

  /** Random bytes, one character each. */
  binary(length: number): string {
    let text = "";
    for (let index = 0; index < length; index++) text += String.fromCharCode(this.below(256));
    return text;
  }

  /** The items in another order. */
  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let index = shuffled.length - 1; index > 0; index--) {
      const other = this.below(index + 1);
      [shuffled[index], shuffled[other]] = [shuffled[other]!, shuffled[index]!];
    }
    return shuffled;
  }
}
