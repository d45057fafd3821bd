/**
 * One attack under way: where it goes, how long it lasts, how large it is, and what was answered.
 *
 * @module
 */

import { pass } from "../support/deadline.ts";
import { tell } from "./lines.ts";

/** What an attack is told. */
export interface AttackInit {
  /** The ports of the server. */
  readonly port: number;
  readonly tlsPort: number;
  /** Whether it goes to the port with TLS. */
  readonly tls: boolean;
  /** The authority that signed the server's certificate, in PEM; `null` without TLS. */
  readonly authority: string | null;
  /** How long it lasts. */
  readonly seconds: number;
  /** How many peers, requests and so on there are, by the attack's own meaning. */
  readonly scale: number;
  /** The seed of what is random in it. */
  readonly seed: number;
}

/** How often an answer came, and when it came first, in milliseconds since the attack began. */
export interface Answers {
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** What is done to a server. */
export type AttackBody = (attack: Attack) => Promise<void>;

/** One attack. */
export class Attack {
  readonly port: number;
  readonly tls: boolean;
  readonly authority: string | null;
  readonly scale: number;
  readonly seed: number;
  readonly #looked = Promise.withResolvers<void>();
  readonly #start = performance.now();
  readonly #end: number;
  readonly #answers = new Map<string, { count: number; firstAt: number; lastAt: number }>();

  constructor(init: AttackInit) {
    this.port = init.tls ? init.tlsPort : init.port;
    this.tls = init.tls;
    this.authority = init.authority;
    this.scale = init.scale;
    this.seed = init.seed;
    this.#end = this.#start + init.seconds * 1000;
  }

  /** Milliseconds until it is over; 0 then. */
  get left(): number {
    return Math.max(0, this.#end - performance.now());
  }

  /** Whether its time is up. */
  get isOver(): boolean {
    return this.left === 0;
  }

  /** Counts an answer of the server, or whatever else is to be counted. */
  count(answer: string, times = 1): void {
    const at = performance.now() - this.#start;
    const known = this.#answers.get(answer);
    if (known === undefined) this.#answers.set(answer, { count: times, firstAt: at, lastAt: at });
    else {
      known.count += times;
      known.lastAt = at;
    }
  }

  /** How often an answer was counted. */
  counted(answer: string): number {
    return this.#answers.get(answer)?.count ?? 0;
  }

  /** All that was counted. */
  get answers(): Record<string, Answers> {
    return Object.fromEntries(this.#answers);
  }

  /** Tells that everything that is to be held is held, by so many peers; resolves when the server was looked at. */
  async built(peers: number): Promise<void> {
    tell("built", peers);
    await this.#looked.promise;
  }

  /** Called when the server was looked at. */
  onLook(): void {
    this.#looked.resolve();
  }

  /** Passes time, but not beyond the end. */
  async pass(milliseconds: number): Promise<void> {
    if (milliseconds > 0) await pass(Math.min(milliseconds, this.left));
  }

  /** Waits for the end. */
  async rest(): Promise<void> {
    await pass(this.left);
  }

  /**
   * Calls `make` so often, at most `atOnce` at a time and `perSecond` a second, until the attack is over.
   *
   * @returns what the calls gave, without those that gave `null`
   */
  async crowd<T>(
    count: number,
    make: (index: number) => Promise<T | null>,
    { atOnce = 64, perSecond = Infinity }: CrowdOptions = {},
  ): Promise<T[]> {
    const made: T[] = [];
    const start = performance.now();
    let next = 0;
    await Promise.all(Array.from({ length: Math.min(atOnce, count) }, async () => {
      while (next < count && !this.isOver) {
        const index = next++;
        await this.pass(start + index * 1000 / perSecond - performance.now());
        const one = await make(index);
        if (one !== null) made.push(one);
      }
    }));
    return made;
  }
}

/** How fast a crowd comes. */
export interface CrowdOptions {
  readonly atOnce?: number;
  readonly perSecond?: number;
}

/** So many a second come where the attack is that they are there, not that they come. */
export const UNHURRIED: CrowdOptions = { perSecond: 600 };
