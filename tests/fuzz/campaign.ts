/**
 * Runs a target for some time, makes the input of a finding small, and counts what was reached.
 *
 * @module
 */

import { hash, Random } from "./random.ts";
import type { Outcome, Target } from "./target.ts";
import { limited, quickTurns, realNow } from "./turns.ts";

/** Which cases are run. */
export interface CampaignOptions {
  /** Where the random numbers come from. */
  readonly seed: number;
  /** How long. */
  readonly seconds: number;
  /** The only case, or `null` for as many as there is time for. */
  readonly only?: number | null;
  /** How long the input of a finding is made smaller, in seconds. */
  readonly shrinkSeconds?: number;
}

/** A fault that was found. */
export interface Found {
  /** The number of the case. */
  readonly case: number;
  /** What is wrong. */
  readonly error: Error;
  /** The smallest input that shows it. */
  readonly input: unknown;
}

/** What a campaign has come to. */
export interface Report {
  readonly name: string;
  readonly cases: number;
  /** How long it took, in milliseconds. */
  readonly time: number;
  readonly accepted: number;
  readonly refused: number;
  /** How often each label was reached. */
  readonly labels: ReadonlyMap<string, number>;
  /** The longest case, in milliseconds. */
  readonly longest: number;
  /** By how many bytes the heap has grown since a fifth of the time was over; `null` where garbage cannot be collected at will. */
  readonly growth: number | null;
  readonly found: Found | null;
  /** What was not reached, and what has grown. */
  readonly shallow: readonly string[];
}

/** How many inputs are made before they are judged. */
const BATCH = 256;

/** How long one case may take, in milliseconds. */
const CASE_LIMIT = 30_000;

/** How many cases must have run before their depth is judged. */
const ENOUGH_CASES = 400;

/** By how many bytes the heap may grow. */
const GROWTH_LIMIT = 24 * 1024 * 1024;

/** Looks how large the heap is, after a fifth of the time and at the end. */
class HeapWatch {
  readonly #at: number;
  #before: number | null = null;

  /** @param start when the campaign began; @param seconds how long it takes */
  constructor(start: number, seconds: number) {
    this.#at = start + 200 * seconds;
  }

  /** A case is over. */
  async tick(now: number): Promise<void> {
    if (this.#before === null && now > this.#at) this.#before = await heapSize();
  }

  /** By how much it has grown. */
  async growth(): Promise<number | null> {
    const after = this.#before === null ? null : await heapSize();
    return after === null ? null : after - this.#before!;
  }
}

/** The size of what is in use; what native code holds is let go of in turns of the event loop. */
async function heapSize(): Promise<number | null> {
  const collect: unknown = Reflect.get(globalThis, "gc");
  if (typeof collect !== "function") return null;
  for (let round = 0; round < 3; round++) {
    collect();
    await quickTurns(20);
  }
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** Watches for rejections that nobody has handled. */
class Escapes implements Disposable {
  readonly #escaped: unknown[] = [];
  readonly #listener = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    this.#escaped.push(event.reason);
  };

  constructor() {
    globalThis.addEventListener("unhandledrejection", this.#listener);
  }

  take(): Error | null {
    const reasons = this.#escaped.splice(0);
    return reasons.length === 0 ? null : new Error("an unhandled rejection", { cause: reasons[0] });
  }

  [Symbol.dispose](): void {
    globalThis.removeEventListener("unhandledrejection", this.#listener);
  }
}

/** Judges inputs of one target. */
export class Judge<Input> implements Disposable {
  readonly #target: Target<Input>;
  readonly #escapes = new Escapes();

  /** @param target what they are for */
  constructor(target: Target<Input>) {
    this.#target = target;
  }

  /** What became of an input, or what is wrong with it. */
  async judge(input: Input): Promise<Outcome | Error> {
    try {
      const outcome = this.#target.run(input);
      if (!(outcome instanceof Promise)) return outcome;
      const late = () => new Error(`the case did not end within ${CASE_LIMIT} ms`);
      const settled = await limited<Outcome | Error>(outcome, CASE_LIMIT, late);
      await quickTurns(1);
      return this.#escapes.take() ?? settled;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** The smallest input, found within some seconds, that is judged to be wrong in the same way. */
  async shrink(input: Input, error: Error, seconds: number): Promise<{ input: Input; error: Error }> {
    const end = realNow() + 1000 * seconds;
    let smallest = { input, error };
    for (let found = true; found;) {
      found = false;
      for (const smaller of this.#target.shrink(smallest.input)) {
        if (realNow() > end) return smallest;
        const verdict = await this.judge(smaller);
        if (!(verdict instanceof Error) || !isAlike(verdict, error)) continue;
        smallest = { input: smaller, error: verdict };
        found = true;
        break;
      }
    }
    return smallest;
  }

  /** Lets go of what it holds. */
  [Symbol.dispose](): void {
    this.#escapes[Symbol.dispose]();
  }
}

/** Whether two errors are of one kind: their first words are the same. */
function isAlike(one: Error, other: Error): boolean {
  const words = ({ message }: Error) => message.split("\n")[0]!.replace(/[0-9]+|"[^"]*"/g, "").slice(0, 40);
  return one.name === other.name && words(one) === words(other);
}

/** The input of one case. */
export function makeCase<Input>(target: Target<Input>, seed: number, index: number): Input {
  return target.make(new Random(hash(seed, target.name, index)));
}

/** Runs a target. */
export async function campaign<Input>(target: Target<Input>, options: CampaignOptions): Promise<Report> {
  using judge = new Judge(target);
  const counts = new Counts();
  const start = realNow();
  const heap = new HeapWatch(start, options.seconds);
  const end = start + 1000 * options.seconds;
  let found: Found | null = null;
  let index = options.only ?? 0;
  const only = (options.only ?? null) !== null;
  try {
    while (found === null && (only ? index === options.only : realNow() < end)) {
      const inputs = batch(target, options.seed, index, only ? 1 : BATCH);
      await target.prepare?.(inputs);
      for (const input of inputs) {
        const began = realNow();
        const verdict = await judge.judge(input);
        counts.longest = Math.max(counts.longest, realNow() - began);
        if (verdict instanceof Error) {
          found = { case: index, ...await judge.shrink(input, verdict, options.shrinkSeconds ?? 20) };
        } else counts.add(verdict);
        index++;
        await heap.tick(realNow());
        if (found !== null || realNow() > end) break;
      }
    }
  } finally {
    await target.stop?.();
  }
  const growth = found === null ? await heap.growth() : null;
  const counted = counts.report(target);
  const shallow = [...counted.shallow, ...judgeGrowth(growth)];
  return { name: target.name, time: realNow() - start, growth, found, ...counted, shallow };
}

function batch<Input>(target: Target<Input>, seed: number, first: number, count: number): Input[] {
  return Array.from({ length: count }, (_, index) => makeCase(target, seed, first + index));
}

/** Counts what was reached. */
class Counts {
  longest = 0;
  #cases = 0;
  #accepted = 0;
  #refused = 0;
  readonly #labels = new Map<string, number>();

  add({ accepted, refused, labels }: Outcome): void {
    this.#cases++;
    this.#accepted += accepted;
    this.#refused += refused;
    for (const label of labels) this.#labels.set(label, (this.#labels.get(label) ?? 0) + 1);
  }

  report(
    { depth }: { readonly depth: Target<unknown>["depth"] },
  ): Omit<Report, "name" | "time" | "growth" | "found"> {
    return {
      cases: this.#cases,
      accepted: this.#accepted,
      refused: this.#refused,
      labels: this.#labels,
      longest: this.longest,
      shallow: this.#cases < ENOUGH_CASES ? [] : this.#judgeDepth(depth),
    };
  }

  #judgeDepth({ accepted: [least, most], labels }: Target<unknown>["depth"]): string[] {
    const share = 100 * this.#accepted / (this.#accepted + this.#refused);
    const shallow: string[] = [];
    if (!(share >= least && share <= most)) {
      shallow.push(`${share.toFixed(1)} % of the messages were accepted, not ${least} to ${most} %`);
    }
    if (this.#labels.size < labels) {
      shallow.push(
        `${this.#labels.size} outcomes were reached, not ${labels}: ${[...this.#labels.keys()].join(", ")}`,
      );
    }
    return shallow;
  }
}

function judgeGrowth(growth: number | null): string[] {
  if (growth === null || growth <= GROWTH_LIMIT) return [];
  return [`the heap has grown by ${(growth / 2 ** 20).toFixed(1)} MiB`];
}
