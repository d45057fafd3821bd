/**
 * Rate limits for what costs the peer little and the server more (RFC 9113 §10.5). Each is an option; a peer
 * that exceeds one gets GOAWAY with ENHANCE_YOUR_CALM.
 *
 * What was of use gives back: a client that downloads sends WINDOW_UPDATE and PING frames in proportion to
 * the data that it gets, for as long as it likes.
 *
 * @module
 */

import { TokenBucket } from "../../base/token_bucket.ts";
import type { Options } from "../../options.ts";
import { ConnectionError, ErrorCode } from "./error_code.ts";

/** The bytes of a DATA frame from which on it is worth its header. */
const WORTHWHILE = 256;

/** How many frames of the peer a frame of data pays for. */
const PAID_BY_DATA = 4;

/** A DATA frame with fewer bytes is tiny: no message of gRPC or WebSocket is as small. */
const TINY = 5;

/**
 * How many bytes may wait for the reader before tiny frames are looked at: what wait is joined, and costs no
 * more than that.
 */
const BACKLOG = 1024;

/** What is needed of the stream that data is for. */
interface DataReceiver {
  readonly message: { readonly body: { readonly waiting: number } | null } | null;
}

/** The budgets of one connection. */
export class Budgets {
  readonly #peerResets: TokenBucket;
  readonly #ownResets: TokenBucket;
  readonly #stalls: TokenBucket;
  readonly #control: TokenBucket;
  readonly #empty: TokenBucket;
  readonly #oddities: TokenBucket;

  /** @param options which have the sizes; @param now the time in milliseconds */
  constructor(options: Options, now: number) {
    this.#peerResets = new TokenBucket(options.peerResetBudget, now);
    this.#ownResets = new TokenBucket(options.ownResetBudget, now);
    this.#stalls = new TokenBucket(options.stallBudget, now);
    this.#control = new TokenBucket(options.controlFrameBudget, now);
    this.#empty = new TokenBucket(options.emptyFrameBudget, now);
    this.#oddities = new TokenBucket(options.oddityBudget, now);
  }

  /** The peer has reset a stream (CVE-2023-44487). */
  countPeerReset(now: number): void {
    if (!this.#peerResets.take(now)) throw tooMuch("streams were reset");
  }

  /** A fault of the peer has made the server reset a stream (CVE-2025-8671). */
  countOwnReset(now: number): void {
    if (!this.#ownResets.take(now)) throw tooMuch("streams had to be reset");
  }

  /** A stream was reset, or a request refused, because the peer takes nothing. */
  countStall(now: number): void {
    if (!this.#stalls.take(now)) throw tooMuch("streams that wait for a window");
  }

  /** PING or SETTINGS (CVE-2019-9512, CVE-2019-9515). */
  countControl(now: number): void {
    if (!this.#control.take(now)) throw tooMuch("PING or SETTINGS frames");
  }

  /**
   * DATA that does not end its stream (CVE-2019-9518): an empty frame counts, and a tiny one behind others
   * that nobody has read. One that is large enough gives back.
   */
  countData(size: number, stream: DataReceiver, now: number): void {
    if (size >= WORTHWHILE) return this.#empty.give(1);
    const counts = size === 0 || (size < TINY && (stream.message?.body?.waiting ?? 0) > BACKLOG);
    if (counts && !this.#empty.take(now)) throw tooMuch("empty or tiny DATA frames");
  }

  /**
   * DATA for a stream that was reset: what is on its way is no fault, but for frames with nothing in them.
   */
  countLateData(length: number, now: number): void {
    if (length < TINY) this.countOddity(now);
  }

  /**
   * PRIORITY, WINDOW_UPDATE, GOAWAY, frames of unknown types or for streams that are over (CVE-2019-9511,
   * CVE-2019-9513).
   */
  countOddity(now: number): void {
    if (!this.#oddities.take(now)) throw tooMuch("frames without effect");
  }

  /** A frame of data was sent to the peer. */
  onDataSent(): void {
    this.#oddities.give(PAID_BY_DATA);
    this.#control.give(1);
  }
}

function tooMuch(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, `Too many ${what} (RFC 9113 §10.5)`);
}
