/** What a route of the testbed is given, and what it may count. */
import { type Exchange, HttpError, type ServerStats } from "../../mod.ts";

/** What the routes count beside the server's own figures; `GET /counters` shows them. */
export interface Counters {
  /** Handlers of `/stubborn` and `/hang` that run now, and the most there ever were at once. */
  running: number;
  peak: number;
  /** Handlers that ended early because `request.signal` aborted. */
  aborted: number;
  /** Response streams that were cancelled. */
  cancelled: number;
}

/** One process' testbed, as its routes see it. */
export interface Testbed {
  readonly counters: Counters;
  readonly compress: boolean;
  stats(): ServerStats;
}

/** One request to a route. */
export class Call {
  readonly request: Request;
  readonly exchange: Exchange;
  readonly testbed: Testbed;
  readonly #query: string;
  #params: URLSearchParams | null = null;

  constructor(
    request: Request,
    exchange: Exchange,
    { testbed, query }: { testbed: Testbed; query: string },
  ) {
    this.request = request;
    this.exchange = exchange;
    this.testbed = testbed;
    this.#query = query;
  }

  get params(): URLSearchParams {
    this.#params ??= new URLSearchParams(this.#query);
    return this.#params;
  }

  /**
   * A number in the query; `standard` when it is not there.
   *
   * @throws {HttpError} 400 when it is missing without a standard, no number, or above `max`
   */
  integer(name: string, { standard, max = 1_000_000_000 }: IntegerOptions = {}): number {
    const text = this.params.get(name);
    if (text === null && standard !== undefined) return standard;
    if (text === null || !/^\d{1,10}$/.test(text) || Number(text) > max) {
      throw new HttpError(400, `The query's ${name} must be an integer from 0 to ${max}`);
    }
    return Number(text);
  }

  /** A text in the query. Throws as {@link Call.integer} does. */
  text(name: string): string {
    const text = this.params.get(name);
    if (text === null) throw new HttpError(400, `The query's ${name} is missing`);
    return text;
  }

  /** Waits; ends early, counted, when the client leaves. */
  async pause(ms: number): Promise<void> {
    const { signal } = this.request;
    await pause(ms, signal);
    if (signal.aborted) this.testbed.counters.aborted += 1;
  }
}

interface IntegerOptions {
  readonly standard?: number;
  readonly max?: number;
}

/** Resolves after `ms` milliseconds (never, for `Infinity`), or at once when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted || ms === 0) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => resolve();
  const timer = ms === Infinity ? undefined : setTimeout(end, ms);
  signal.addEventListener("abort", end, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", end);
}
