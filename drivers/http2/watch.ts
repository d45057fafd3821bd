/**
 * The time limits of an HTTP/2 connection and its streams. Only progress in bytes moves them: neither PING nor WINDOW_UPDATE
 * does, nor the bytes of a frame that is not complete.
 *
 * @module
 */

import { HttpError } from "../../errors.ts";
import type { Options } from "../../options.ts";
import { ConnectionError, ErrorCode } from "./error_code.ts";
import { FRAME_SIZE_LIMIT } from "./frame.ts";
import type { Http2Stream } from "./stream.ts";

/** So many bytes sent are progress, in a stream whose window is shut again and again. */
const PROGRESS = 1024;

/** How long a client that has its answer may go on to send before it is told to stop, in milliseconds (and up to a tick). */
const PARTING = 50;

/** A stream whose time is up. */
export interface Stalled {
  /** The stream. */
  readonly stream: Http2Stream;
  /** Why; `null` where it was answered in full, and the rest of its body is not wanted. */
  readonly error: HttpError | null;
}

/** Watches one connection. */
export class Watch {
  readonly #options: Options;
  readonly #sender: { readonly window: number };
  #settingsSince = Infinity; // since when SETTINGS were not acknowledged
  #partialSince = Infinity; // since when a frame, or a field block, is not complete
  #partialIsData = false;
  #bytesAt: number;
  #idleSince: number;
  #checkedAt: number;

  /** @param options which have the limits; @param sender which knows the connection's window; @param now the time */
  constructor(options: Options, sender: { readonly window: number }, now: number) {
    this.#options = options;
    this.#sender = sender;
    this.#idleSince = this.#checkedAt = this.#bytesAt = now;
    this.#partialSince = now; // the preface has not come
  }

  /** SETTINGS were sent. */
  awaitAcknowledgement(now: number): void {
    this.#settingsSince = now;
  }

  /** They were acknowledged. */
  acknowledged(): void {
    this.#settingsSince = Infinity;
  }

  /** Bytes have come. */
  onBytes(now: number): void {
    this.#bytesAt = now;
  }

  /** A frame, or a whole field block, was complete. */
  onFrame(): void {
    this.#partialSince = Infinity;
  }

  /** More bytes are asked for, though something is incomplete: a frame, or one of data, or a field block. */
  awaitsRest(isData: boolean, now: number): void {
    this.#partialIsData = isData;
    if (this.#partialSince === Infinity) this.#partialSince = now;
  }

  /** A stream has ended. */
  onActivity(now: number): void {
    this.#idleSince = now;
  }

  /**
   * What has run out: the connection, by a fault of the peer or by being idle, or some of its streams.
   *
   * @param active how many streams there are that somebody works on
   */
  check(
    streams: Iterable<Http2Stream>,
    active: number,
    now: number,
  ): ConnectionError | "idle" | readonly Stalled[] | null {
    const elapsed = now - this.#checkedAt;
    this.#checkedAt = now;
    if (now - this.#settingsSince > this.#options.headerTimeout) {
      return new ConnectionError(
        ErrorCode.SETTINGS_TIMEOUT,
        "SETTINGS were not acknowledged in time (RFC 9113 §6.5.3)",
      );
    }
    if (this.#isPartialForTooLong(now)) {
      return new ConnectionError(
        ErrorCode.ENHANCE_YOUR_CALM,
        "A frame was not complete in time (RFC 9113 §10.5)",
      );
    }
    if (active === 0) return now - this.#idleSince > this.#options.http2Timeout ? "idle" : null;
    return this.#findStalled(streams, elapsed, now);
  }

  // The bytes of a body may come slowly, as long as they come; those of any other frame may not.
  #isPartialForTooLong(now: number): boolean {
    const { headerTimeout, streamTimeout, minimumBodyRate, minimumBodyRateGrace } = this.#options;
    const age = now - this.#partialSince;
    if (!this.#partialIsData) return age > headerTimeout;
    if (now - this.#bytesAt > streamTimeout && age > streamTimeout) return true;
    return minimumBodyRate > 0 && age > minimumBodyRateGrace + 1000 * FRAME_SIZE_LIMIT / minimumBodyRate;
  }

  #findStalled(streams: Iterable<Http2Stream>, elapsed: number, now: number): Stalled[] | null {
    let stalled: Stalled[] | null = null;
    for (const stream of streams) {
      if (stream.message?.upgradeHandler) continue; // a tunnel has no time limits of HTTP
      if (now - stream.answeredAt > PARTING) {
        (stalled ??= []).push({ stream, error: null });
        continue;
      }
      const why = this.#isBodyLate(stream, elapsed, now)
        ? "The body does not come in time (RFC 9110 §15.5.9)"
        : this.#isWindowShut(stream, elapsed, now)
        ? "The window of the stream stays shut (RFC 9113 §10.5)"
        : null;
      if (why !== null) (stalled ??= []).push({ stream, error: new HttpError(408, why) });
    }
    return stalled;
  }

  /** Whether a body that its handler waits for does not come, or too slowly. */
  #isBodyLate(stream: Http2Stream, elapsed: number, now: number): boolean {
    if (stream.received || !stream.message?.body?.awaited) {
      stream.awaitedSince = Infinity;
      return false;
    }
    if (stream.awaitedSince === Infinity) stream.awaitedSince = now;
    else stream.timeAwaited += elapsed;
    const { streamTimeout, minimumBodyRate, minimumBodyRateGrace } = this.#options;
    if (now - stream.awaitedSince > streamTimeout) return true;
    // A response under way makes a conversation of it, in which either side may have little to say.
    return stream.response === "awaited" && stream.timeAwaited > minimumBodyRateGrace &&
      stream.bytesReceived < minimumBodyRate * stream.timeAwaited / 1000;
  }

  /** Whether a response waits for a window that the peer does not open, or opens by next to nothing. */
  #isWindowShut(stream: Http2Stream, elapsed: number, now: number): boolean {
    if (stream.waiting === 0 || (stream.sendWindow > 0 && this.#sender.window > 0)) {
      stream.blockedSince = Infinity;
      return false;
    }
    if (stream.blockedSince === Infinity || stream.sentSince >= PROGRESS) {
      stream.blockedSince = now;
      stream.sentSince = 0;
      return false;
    }
    stream.timeBlocked += elapsed;
    return now - stream.blockedSince > this.#options.streamTimeout || this.#isTooSlow(stream);
  }

  /** Looks, each time that a stream was held up for long enough, what it was worth. */
  #isTooSlow(stream: Http2Stream): boolean {
    const { windowStallTimeout, minimumBodyRate } = this.#options;
    if (stream.timeBlocked <= windowStallTimeout) return false;
    const due = minimumBodyRate * stream.timeBlocked / 1000;
    const tooSlow = stream.sentWhileBlocked < due;
    stream.timeBlocked = stream.sentWhileBlocked = 0;
    return tooSlow;
  }
}
