/**
 * Reads the stream of a response for a driver: one chunk at a time, checked, and cancelled once when the
 * connection ends.
 *
 * @module
 */

import { ignore } from "../message.ts";
import { type BodySource, RequestBody } from "../request_body.ts";
import { Response } from "../response.ts";

const NOTHING = new Uint8Array(0);

/** How many turns of the microtask queue a stream is given for a chunk that it has at hand. */
const PATIENCE = 8;

type ReadResult = Awaited<ReturnType<BodySource["read"]>>;

/** What to call when a wait has taken longer than some milliseconds. */
interface Delay {
  readonly milliseconds: number;
  readonly callback: () => void;
}

/** Says when a stream may be asked for its next chunk. */
export interface PullPermission {
  /** Whether it may be asked now, though `ahead` bytes of it were read and wait to be sent. */
  now(ahead: number): boolean;
  /**
   * Resolves with `true` when it may be asked, or with `false` when that takes longer than `patience`
   * milliseconds; rejects when the response is over before.
   */
  soon(patience: number): Promise<boolean>;
}

/** A stream that may be asked at any time. */
const ALWAYS: PullPermission = { now: () => true, soon: () => Promise.resolve(true) };

/** The stream of one response. */
export class ResponseStream {
  readonly #source: BodySource;
  #ahead: Promise<ReadResult>[] = [];
  #ended = false;
  #failure: Error | null = null;

  /**
   * @param stream the body of a response
   * @throws {TypeError} when it is locked
   */
  constructor(stream: ReadableStream<Uint8Array>) {
    this.#source = RequestBody.sourceOf(stream) ?? stream.getReader();
  }

  /**
   * Begins to read: gives all of the content where the stream has it at hand in one chunk, and else `null`,
   * for {@link ResponseStream.read} to go on. Nothing that was read is lost to it.
   *
   * @param delay what to call when the first chunk takes longer than some milliseconds, after which the
   * answer is `null`; `null` not to wait for it at all
   * @param permission asked ahead of each chunk
   * @throws what the stream fails with
   */
  async open(delay: Delay | null, permission: PullPermission = ALWAYS): Promise<Uint8Array | null> {
    if (!permission.now(0) && !await permission.soon(delay?.milliseconds ?? 0)) return null;
    const first = this.read();
    const begin = new Outcome(first);
    for (let turn = 0; begin.isPending && turn < PATIENCE; turn++) await null;
    if (begin.isPending && (delay === null || await isLate(first, delay))) return this.#wait(first);
    const chunk = this.take(begin.value ?? await first);
    if (chunk === null) return NOTHING;
    if (!permission.now(chunk.length)) return this.#wait(first);
    const second = this.read();
    const end = new Outcome(second);
    for (let turn = 0; end.isPending && turn < PATIENCE; turn++) await null;
    if (end.value?.done) return chunk;
    return this.#wait(second, first);
  }

  /** Leaves what was read ahead, the last of it first, to {@link ResponseStream.read}. */
  #wait(...ahead: Promise<ReadResult>[]): null {
    for (const result of ahead) result.catch(ignore); // whoever takes it is told
    this.#ahead = ahead;
    return null;
  }

  /** Whether the next result was asked for already. */
  get isAhead(): boolean {
    return this.#ahead.length > 0;
  }

  /** The next result, for {@link ResponseStream.take}. Rejects with what the stream fails with. */
  read(): Promise<ReadResult> {
    return this.#ahead.pop() ?? this.#source.read();
  }

  /**
   * The chunk of a result, or `null` at the end.
   *
   * @throws {TypeError} when the stream gives something other than bytes
   */
  take({ done, value }: ReadResult): Uint8Array | null {
    if (this.#failure !== null) throw this.#failure;
    if (done) {
      this.#ended = true;
      return null;
    }
    if (value instanceof Uint8Array) return value;
    throw new TypeError("The body of a response must be a stream of Uint8Array");
  }

  /** Cancels the source, and fails whoever waits for its next chunk: the response is not complete. */
  fail(error: Error): void {
    if (this.#ended) return;
    this.#failure = error;
    this.cancel(error);
  }

  /** Tells the source that nobody wants the rest. What it throws then is its own affair. */
  cancel(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#source.cancel(reason).catch(ignore);
  }
}

/**
 * Cancels the stream of a response that is not sent. One of a text or bytes has none, and may be sent another
 * time.
 */
export function discardResponse(response: globalThis.Response, reason: unknown): void {
  try {
    const content = response.bodyUsed ? response.body : Response.contentOf(response);
    if (content instanceof ReadableStream && !content.locked) content.cancel(reason).catch(ignore);
  } catch {
    ignore(); // an object that only looks like a response: what is wrong with it was told already
  }
}

/** What has become of a promise, to be looked at without waiting for it. */
class Outcome<T> {
  /** Whether it has neither been fulfilled nor rejected. */
  isPending = true;
  /** What it was fulfilled with. */
  value: T | undefined = undefined;

  constructor(promise: Promise<T>) {
    promise.then((value) => {
      this.value = value;
      this.isPending = false;
    }, () => this.isPending = false);
  }
}

/** Waits for a promise, and tells whether its delay was over before it. */
async function isLate(promise: Promise<unknown>, { milliseconds, callback }: Delay): Promise<boolean> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    callback();
  }, milliseconds);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
  }
  return late;
}
