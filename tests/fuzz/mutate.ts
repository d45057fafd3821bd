/**
 * Changes bytes at random, and cuts them at random. Bytes are a text of one character each.
 *
 * @module
 */

import type { Random } from "./random.ts";

/** Changes a text once: a bit, a byte, a run of bytes, or a word of the dictionary. */
function mutateOnce(random: Random, text: string, dictionary: readonly string[]): string {
  const at = random.below(text.length + 1);
  const end = Math.min(text.length, at + random.size(30));
  const before = text.slice(0, at);
  return random.weigh([
    [3, () => before + random.pick(dictionary) + text.slice(at)],
    [3, () => before + random.pick(dictionary) + text.slice(end)],
    [2, () => before + random.binary(1) + text.slice(at + 1)],
    [2, () => before + flipped(random, text, at) + text.slice(at + 1)],
    [2, () => before + text.slice(end)],
    [2, () => before + text.slice(at, end) + text.slice(at)],
    [1, () => before + random.binary(1 + random.below(4)) + text.slice(at)],
    [1, () => before],
    [1, () => moved(random, text, at, end)],
  ]);
}

function flipped(random: Random, text: string, at: number): string {
  return at < text.length ? String.fromCharCode(text.charCodeAt(at) ^ (1 << random.below(8))) : "";
}

function moved(random: Random, text: string, at: number, end: number): string {
  const rest = text.slice(0, at) + text.slice(end);
  const to = random.below(rest.length + 1);
  return rest.slice(0, to) + text.slice(at, end) + rest.slice(to);
}

/** Changes a text a few times. */
export function mutate(random: Random, text: string, dictionary: readonly string[]): string {
  let mutated = text;
  for (let count = 1 + random.size(4); count > 0; count--) {
    mutated = mutateOnce(random, mutated, dictionary);
  }
  return mutated;
}

/**
 * Where bytes are cut: the lengths of the pieces, of which the last is what remains. Of no use to whoever knows the format, so
 * that pieces end anywhere: in the middle of a line end, of a number, of a length.
 */
export function cutsFor(random: Random, length: number): number[] {
  const most = random.pick([1, 2, 3, 8, 40, 200, 2000, 70_000]);
  const cuts: number[] = [];
  for (let at = 0; at < length && cuts.length < 600;) {
    const cut = random.chance(10) ? 1 : random.between(1, most);
    cuts.push(cut);
    at += cut;
  }
  return cuts;
}

/** Views of the pieces of some bytes, by their lengths; the last has what remains. */
export function piecesOf(whole: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const cut of cuts) {
    if (at >= whole.length) break;
    pieces.push(whole.subarray(at, at + cut));
    at += cut;
  }
  if (at < whole.length) pieces.push(whole.subarray(at));
  return pieces;
}

/** The pieces of one byte each. */
export function singleBytes(length: number): number[] {
  return new Array<number>(length).fill(1);
}
