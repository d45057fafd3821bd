/**
 * What is fuzzed: a target makes inputs out of random numbers, judges what becomes of them, and makes smaller ones of those
 * that show a fault. An input is plain JSON, its bytes one character each, so that it can be printed and kept as a test.
 *
 * @module
 */

import type { Random } from "./random.ts";

/** A fault that an input has shown. */
export class Finding extends Error {
  /** The name of the class. */
  override readonly name: string = "Finding";
}

/** What became of one input that has shown no fault. */
export interface Outcome {
  /** How many messages were accepted. */
  readonly accepted: number;
  /** How many messages were refused. */
  readonly refused: number;
  /** The status codes, error codes and the like that were reached. */
  readonly labels: readonly string[];
}

/** How deep a target's inputs must reach. */
export interface Depth {
  /** The least and the greatest share of accepted messages, in percent. */
  readonly accepted: readonly [least: number, most: number];
  /** How many different labels are reached at least. */
  readonly labels: number;
}

/** One thing that is fuzzed. */
export interface Target<Input> {
  /** Its name, as the command line takes it. */
  readonly name: string;
  /** How deep its inputs must reach. */
  readonly depth: Depth;
  /** Makes an input. */
  make(random: Random): Input;
  /**
   * Judges an input. Must not depend on the inputs before it.
   *
   * @throws {Finding} or any other error, which is a finding too
   */
  run(input: Input): Outcome | Promise<Outcome>;
  /** Smaller inputs, those that leave out most first. */
  shrink(input: Input): Iterable<Input>;
  /** Why it cannot run here, or `null`. */
  skip?(): string | null;
  /** Gets ready for the inputs that are judged next: for a target that asks another process. */
  prepare?(inputs: readonly Input[]): Promise<void>;
  /** Lets go of what it holds. */
  stop?(): Promise<void>;
}

/**
 * Fails unless both have the same JSON form.
 *
 * @throws {Finding}
 */
export function same(what: string, one: unknown, other: unknown): void {
  const first = JSON.stringify(one) ?? "undefined";
  const second = JSON.stringify(other) ?? "undefined";
  if (first === second) return;
  throw new Finding(`${what} differ${difference(first, second)}`);
}

function difference(first: string, second: string): string {
  let at = 0;
  while (at < first.length && first[at] === second[at]) at++;
  const start = Math.max(0, at - 120);
  return `\n    ${first.slice(start, at + 200)}\n    ${second.slice(start, at + 200)}`;
}

/** Fails unless it holds. */
export function demand(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Finding(message);
}
