/**
 * Timers and a clock that move only when a test says so, so that a limit is met to the millisecond. The harness must have real
 * time again for its end: a test makes it inside.
 *
 * @module
 */

const real = { setTimeout, clearTimeout, setInterval, clearInterval };
const realNow = performance.now;

/** Lets everything that is ready run, by timers of the system. */
async function realTurns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => real.setTimeout(resolve, 0));
}

/** Takes the place of the timers and of `performance.now()` until it is disposed of. */
export class FakeTime {
  /** Lets everything that is ready run, while no time passes. */
  readonly settle: () => Promise<void>;
  readonly #timers = new Map<number, { readonly run: () => void; readonly at: number }>();
  #now = 1_000;
  #lastId = 1_000_000_000; // no timer of the system has such an id

  /**
   * Time stands still from here on.
   *
   * @param settle lets everything that is ready run
   */
  constructor(settle: () => Promise<void> = realTurns) {
    this.settle = settle;
    const clear = (id?: number) => void this.#timers.delete(id ?? 0);
    Object.assign(globalThis, {
      setTimeout: (run: () => void, delay = 0) => this.#set(++this.#lastId, run, delay),
      setInterval: (run: () => void, delay = 0) => this.#repeat(++this.#lastId, run, delay),
      clearTimeout: clear,
      clearInterval: clear,
    });
    performance.now = () => this.#now;
  }

  #set(id: number, run: () => void, delay: number): number {
    this.#timers.set(id, { run, at: this.#now + delay });
    return id;
  }

  #repeat(id: number, run: () => void, delay: number): number {
    const runAgain = () => {
      this.#repeat(id, run, delay);
      run();
    };
    return this.#set(id, runAgain, delay);
  }

  /** How many timers are set. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** The time, in milliseconds. */
  get now(): number {
    return this.#now;
  }

  /** Passes `milliseconds`, with all that is due in them. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    await this.settle();
    for (;;) {
      const [next] = [...this.#timers].sort(([, first], [, second]) => first.at - second.at);
      if (next === undefined || next[1].at > end) break;
      this.#timers.delete(next[0]);
      this.#now = Math.max(this.#now, next[1].at);
      next[1].run();
      await this.settle();
    }
    this.#now = Math.max(this.#now, end);
  }

  /** Passes `milliseconds` in which the code under way works, so that no timer fires. */
  work(milliseconds: number): void {
    this.#now += milliseconds;
  }

  /** Passes `milliseconds` at once, as for a machine that was suspended: what is due in them runs once, at their end. */
  async leap(milliseconds: number): Promise<void> {
    await this.settle();
    this.#now += milliseconds;
    for (const [id, { run, at }] of [...this.#timers]) {
      if (at > this.#now || !this.#timers.delete(id)) continue;
      run();
      await this.settle();
    }
  }

  /** Real time again. */
  [Symbol.dispose](): void {
    Object.assign(globalThis, real);
    performance.now = realNow;
  }
}
