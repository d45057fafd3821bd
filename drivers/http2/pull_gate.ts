/**
 * Decides which responses of a connection may ask their streams for data, so that a connection holds little
 * that its peer has not taken.
 *
 * A response may ask while the connection holds and expects less than `softStreamCap` bytes, be its own
 * window shut: the end of a stream needs no window, and only asking tells whether it has come. A stream is
 * expected to give as much as the last time; one with nothing at hand is expected to give nothing, because it
 * may be idle for hours. Of those that wait the most urgent goes first. Where stalled responses hold all that
 * may be held, one response whose window is open may ask at a time: a stalled stream never stops the others
 * (RFC 9113 §5.2.2).
 *
 * @module
 */

import { ignore } from "../../message.ts";
import type { PullPermission } from "../response_stream.ts";
import type { Http2Stream } from "./stream.ts";

/** How many turns of the microtask queue a stream is given for a chunk that it has at hand. */
const PATIENCE = 8;

/** What a gate needs of its sender. */
export interface PullGateHost {
  /** Whether the windows let a stream send. */
  canSend(stream: Http2Stream): boolean;
}

/** What a connection holds of its responses, and who may add to it. */
export class PullGate {
  readonly #cap: number;
  readonly #host: PullGateHost;
  readonly #asked = new Set<Http2Stream>(); // have asked their source just now
  readonly #parked: Http2Stream[] = [];
  #held = 0;
  #expected = 0;
  #spare: Http2Stream | null = null; // may ask although the cap is reached
  #watchesAsked = false;
  #lateTimer: ReturnType<typeof setTimeout> | undefined;

  /** @param cap how many bytes may be held, and one chunk more; @param host the sender */
  constructor(cap: number, host: PullGateHost) {
    this.#cap = cap;
    this.#host = host;
  }

  /** How many bytes of responses wait to be sent. */
  get held(): number {
    return this.#held;
  }

  /** Counts the data of a stream that waits to be sent. */
  hold(stream: Http2Stream, size: number): void {
    stream.held = size;
    this.#held += size;
  }

  /** Counts so many bytes of a stream no longer: they were sent, or are dropped. */
  release(stream: Http2Stream, size: number): void {
    if (stream.held === 0) return; // what goes through a tunnel is not counted
    stream.held -= size;
    this.#held -= size;
    if (stream.held === 0 && this.#spare === stream) this.#spare = null;
  }

  /**
   * Whether a stream may ask its source, of which `ahead` bytes wait to be sent; it counts as having asked
   * then.
   */
  mayPull(stream: Http2Stream, ahead: number): boolean {
    if (stream.ended) return true; // its source was cancelled, and has nothing to give but its end
    if (this.#asked.has(stream)) return this.#mayPullMore(stream, ahead);
    if (this.#parked.length > 0) return false;
    if (!this.#hasRoom && !(this.#hasSpare && this.#host.canSend(stream))) return false;
    this.#ask(stream);
    return true;
  }

  // What was read counts although it is not held yet, and as much again is expected.
  #mayPullMore(stream: Http2Stream, ahead: number): boolean {
    const others = this.#held + this.#expected - stream.expected;
    const may = others + 2 * ahead < this.#cap;
    this.#expect(stream, may ? 2 * ahead : ahead);
    return may;
  }

  #expect(stream: Http2Stream, size: number): void {
    this.#expected += size - stream.expected;
    stream.expected = size;
  }

  /**
   * Waits until a stream may ask its source: resolves with `true` then, or with `false` when that takes
   * longer than `patience` milliseconds; rejects with the reason when the stream is closed before.
   */
  park(stream: Http2Stream, patience: number): Promise<boolean> {
    const parked = Promise.withResolvers<boolean>();
    stream.parked = parked;
    const { urgency } = stream.priority;
    let at = this.#parked.length;
    while (at > 0 && this.#parked[at - 1]!.priority.urgency > urgency) at--;
    this.#parked.splice(at, 0, stream);
    if (patience !== Infinity) {
      stream.isPatient = false;
      this.#lateTimer ??= setTimeout(() => this.#giveUp(), patience);
    }
    this.wake();
    return parked.promise;
  }

  // One timer serves all streams that wait, so that some wait for a little less than their patience.
  #giveUp(): void {
    this.#lateTimer = undefined;
    for (const stream of this.#parked.filter(({ isPatient }) => !isPatient)) this.#unpark(stream, false);
  }

  #unpark(stream: Http2Stream, may: boolean): void {
    const { parked } = stream;
    this.#leave(stream);
    parked!.resolve(may);
  }

  #leave(stream: Http2Stream): void {
    stream.parked = null;
    stream.isPatient = true;
    this.#parked.splice(this.#parked.indexOf(stream), 1);
    if (this.#parked.length > 0 || this.#lateTimer === undefined) return;
    clearTimeout(this.#lateTimer);
    this.#lateTimer = undefined;
  }

  /** A source has answered with so many bytes, which are held by now, or with its end. */
  onAnswer(stream: Http2Stream, size: number): void {
    if (size > 0) stream.chunkSize = size;
    this.#settle(stream);
    this.wake();
  }

  /** A stream is closed: it asks for nothing any more. */
  drop(stream: Http2Stream, reason: unknown): void {
    const { parked } = stream;
    if (parked !== null) {
      this.#leave(stream);
      parked.reject(reason);
    }
    this.release(stream, stream.held);
    this.#settle(stream);
    this.wake();
  }

  /** Lets those go on that wait and may: windows have opened, or there is room. */
  wake(): void {
    while (this.#parked.length > 0) {
      const next = this.#next();
      if (next === undefined) return this.#watchAsked();
      this.#ask(next);
      this.#unpark(next, true);
    }
  }

  get #hasRoom(): boolean {
    return this.#held + this.#expected < this.#cap;
  }

  get #hasSpare(): boolean {
    return this.#held >= this.#cap && this.#asked.size === 0 && this.#spare === null;
  }

  #next(): Http2Stream | undefined {
    if (this.#hasRoom) return this.#parked[0];
    return this.#hasSpare ? this.#parked.find((stream) => this.#host.canSend(stream)) : undefined;
  }

  #ask(stream: Http2Stream): void {
    if (this.#held >= this.#cap) this.#spare = stream;
    this.#asked.add(stream);
    this.#expect(stream, stream.chunkSize);
  }

  #settle(stream: Http2Stream): void {
    if (this.#asked.delete(stream)) this.#expect(stream, 0);
    if (this.#spare === stream && stream.held === 0) this.#spare = null;
  }

  // A source that has data at hand gives it within some turns of the microtask queue. From one that does not,
  // nothing is expected any more, so that others need not wait for it.
  #watchAsked(): void {
    if (this.#watchesAsked || this.#asked.size === 0) return;
    this.#watchesAsked = true;
    this.#expectNothingOf([...this.#asked]).catch(ignore);
  }

  async #expectNothingOf(asked: readonly Http2Stream[]): Promise<void> {
    for (let turn = 0; turn < PATIENCE; turn++) await null;
    this.#watchesAsked = false;
    for (const stream of asked) this.#settle(stream);
    this.wake();
  }
}

/** The permission of one response to ask its stream for data. */
export class GatedPull implements PullPermission {
  readonly #gate: PullGate;
  readonly #stream: Http2Stream;

  /** @param gate of the connection; @param stream whose response it is */
  constructor(gate: PullGate, stream: Http2Stream) {
    this.#gate = gate;
    this.#stream = stream;
  }

  /** @inheritdoc */
  now(ahead: number): boolean {
    return this.#gate.mayPull(this.#stream, ahead);
  }

  /** @inheritdoc */
  soon(patience: number): Promise<boolean> {
    return this.#gate.park(this.#stream, patience);
  }
}
