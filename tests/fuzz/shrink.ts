/**
 * Makes inputs smaller: parts are left out, the largest first, and simpler parts take the place of others.
 *
 * @module
 */

/** The list without some run of its items: halves first, single items last. */
export function* withoutRuns<T>(items: readonly T[]): Generator<T[]> {
  for (let size = items.length; size >= 1; size = Math.floor(size / 2)) {
    for (let start = 0; start + size <= items.length; start += size) {
      yield [...items.slice(0, start), ...items.slice(start + size)];
    }
  }
}

/** The list with one of its items made smaller. */
export function* withSmallerItem<T>(
  items: readonly T[],
  shrink: (item: T) => Iterable<T>,
): Generator<T[]> {
  for (let index = 0; index < items.length; index++) {
    for (const item of shrink(items[index]!)) yield items.with(index, item);
  }
}

/** The text without some run of its characters. */
export function* shorterTexts(text: string): Generator<string> {
  for (let size = text.length; size >= 1; size = Math.floor(size / 2)) {
    for (let start = 0; start + size <= text.length; start += size) {
      yield text.slice(0, start) + text.slice(start + size);
    }
  }
}

/** The list with one item left out, or smaller. */
export function* smallerLists<T>(
  items: readonly T[],
  shrink: (item: T) => Iterable<T> = () => [],
): Generator<T[]> {
  yield* withoutRuns(items);
  yield* withSmallerItem(items, shrink);
}

/** What `shrink` makes of one member, in a copy of the rest. */
export function* smallerMember<T extends object, K extends keyof T>(
  input: T,
  key: K,
  shrink: (value: T[K]) => Iterable<T[K]>,
): Generator<T> {
  for (const value of shrink(input[key])) yield { ...input, [key]: value };
}
