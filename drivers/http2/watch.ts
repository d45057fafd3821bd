/**
 * The time limits of an HTTP/2 connection and its streams. Only progress in bytes moves them: neither PING
 * nor WINDOW_UPDATE does, nor the bytes of a frame that is not complete.
 *
 * @module
 */

import type { Options } from "../../options.ts";
import { ConnectionError, ErrorCode } from "./error_code.ts";
import { FRAME_SIZE_LIMIT } from "./frame.ts";
import type { Http2Stream } from "./stream.ts";

/**
 * So many bytes sent are progress, in bytes: of a stream whose window is shut again and again, or of the
 * connection.
 */
const PROGRESS = 1024;

/**
 * How long a client that has its answer may go on to send before its stream is reset, in milliseconds (and up
 * to a tick): curl 7.88 forgets an answer that comes together with RST_STREAM.
 */
const PARTING = 50;

/** What has run out for a stream. */
export const TimeUp = {
  /** The stream was answered in full, and the rest of its body is not wanted. */
  Answered: "The stream was answered",
  /** A body that its handler waits for does not come, or too slowly. */
  Body: "The body does not come in time (RFC 9110 §15.5.9)",
  /** A response waits for a window that the peer does not open, or opens by next to nothing. */
  Window: "The window of the stream stays shut (RFC 9113 §10.5)",
  /** The request waits for the peer to take the responses to earlier ones. */
  Waiting: "Earlier responses are not taken (RFC 9113 §10.5)",
} as const;

/** A value of {@link TimeUp}. */
export type TimeUp = typeof TimeUp[keyof typeof TimeUp];

/** A stream whose time is up. */
export interface Stalled {
  /** The stream. */
  readonly stream: Http2Stream;
  /** What has run out. */
  readonly why: TimeUp;
}

/** What is watched of the streams. */
export interface WatchedStreams {
  /** The streams that are open. */
  readonly open: Iterable<Http2Stream>;
  /** How many streams there are that somebody works on. */
  readonly active: number;
}

/** What is watched of the sending side. */
export interface WatchedSender {
  /** How many bytes of data were sent. */
  readonly dataSent: number;
  /** Whether the windows let a stream send. */
  canSend(stream: Http2Stream): boolean;
}

/** What is watched of the receiving side. */
export interface WatchedReceiver {
  /** How many bytes of bodies have come. */
  readonly bytesReceived: number;
  /** Whether the windows let the peer send on a stream. */
  mayPeerSend(stream: Http2Stream): boolean;
  /** Whether the peer can no longer complete the body of a stream that was answered. */
  isCutOff(stream: Http2Stream): boolean;
}

/** Watches one connection. */
export class Watch {
  readonly #options: Options;
  readonly #sender: WatchedSender;
  readonly #receiver: WatchedReceiver;
  #settingsSince = Infinity; // since when SETTINGS were not acknowledged
  #partialSince = Infinity; // since when a frame, or a field block, is not complete
  #partialIsData = false;
  #bytesAt: number;
  #idleSince: number;
  #checkedAt: number;
  #bodyAt = -Infinity; // when bytes of any body have come
  #bodyBytes = 0; // that had come by the last check
  #surplus = 0; // bytes of bodies beyond `minimumBodyRate`, over all streams; negative when too few have come
  #takenAt: number; // when the peer has taken some of any response
  #takenBytes = 0; // that it had taken then

  /**
   * @param options which have the limits; @param sender the sending side; @param receiver the receiving side;
   * @param now the time
   */
  constructor(options: Options, sender: WatchedSender, receiver: WatchedReceiver, now: number) {
    this.#options = options;
    this.#sender = sender;
    this.#receiver = receiver;
    this.#idleSince =
      this.#checkedAt =
      this.#bytesAt =
      this.#takenAt =
        now;
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
   * Says what has run out: the connection, by a fault of the peer or by being idle, or some of its streams.
   *
   * @param streams of the connection; @param now the time
   */
  check(streams: WatchedStreams, now: number): ConnectionError | "idle" | readonly Stalled[] | null {
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
    if (streams.active === 0) return now - this.#idleSince > this.#options.http2Timeout ? "idle" : null;
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

  #findStalled(streams: WatchedStreams, elapsed: number, now: number): Stalled[] | null {
    this.#noteProgress(streams, elapsed, now);
    let stalled: Stalled[] | null = null;
    for (const stream of streams.open) {
      if (stream.message?.upgradeHandler) continue; // a tunnel has no time limits of HTTP
      const why = this.#whatIsUp(stream, elapsed, now);
      if (why !== null) (stalled ??= []).push({ stream, why });
    }
    return stalled;
  }

  #whatIsUp(stream: Http2Stream, elapsed: number, now: number): TimeUp | null {
    const { streamTimeout } = this.#options;
    if (stream.answeredAt !== Infinity) return this.#isPartingOver(stream, now) ? TimeUp.Answered : null;
    if (now - Math.max(stream.waitsSince, this.#takenAt) > streamTimeout) return TimeUp.Waiting;
    if (this.#isBodyLate(stream, now)) return TimeUp.Body;
    return this.#isWindowShut(stream, elapsed, now) ? TimeUp.Window : null;
  }

  #isPartingOver(stream: Http2Stream, now: number): boolean {
    const age = now - stream.answeredAt;
    return age > this.#options.lingerTimeout || (age > PARTING && this.#receiver.isCutOff(stream));
  }

  // A client may send its uploads one after the other, and the windows of the connection are common to all of
  // them: bytes of any body are progress of the connection, and time without a window is not the peer's.
  #noteProgress(streams: WatchedStreams, elapsed: number, now: number): void {
    const { minimumBodyRate, minimumBodyRateGrace } = this.#options;
    const received = this.#receiver.bytesReceived - this.#bodyBytes;
    this.#bodyBytes += received;
    if (received > 0) this.#bodyAt = now;
    let charged = 0;
    for (const stream of streams.open) if (this.#awaitBody(stream, elapsed, now)) charged++;
    const most = Math.max(1, charged) * minimumBodyRate * minimumBodyRateGrace / 1000;
    const due = charged * minimumBodyRate * elapsed / 1000;
    this.#surplus = Math.min(most, this.#surplus + received - due);
    if (this.#sender.dataSent - this.#takenBytes < PROGRESS) return;
    this.#takenBytes = this.#sender.dataSent;
    this.#takenAt = now;
  }

  /**
   * Notes the time for which a handler waits for the body of a stream; says whether that time is the peer's.
   */
  #awaitBody(stream: Http2Stream, elapsed: number, now: number): boolean {
    if (stream.received || !stream.message?.body?.awaited) {
      stream.awaitedSince = Infinity;
      return false;
    }
    if (stream.awaitedSince === Infinity) {
      stream.awaitedSince = now;
      return false;
    }
    if (!this.#receiver.mayPeerSend(stream)) {
      stream.awaitedSince += elapsed;
      return false;
    }
    stream.timeAwaited += elapsed;
    return true;
  }

  /** Whether a body that its handler waits for does not come, or too slowly. */
  #isBodyLate(stream: Http2Stream, now: number): boolean {
    if (stream.awaitedSince === Infinity) return false;
    const { streamTimeout, minimumBodyRate, minimumBodyRateGrace } = this.#options;
    if (now - Math.max(stream.awaitedSince, this.#bodyAt) > streamTimeout) return true;
    // Once the response has begun, the exchange may be interactive (gRPC, for one), so the minimum rate no
    // longer applies.
    return stream.response === "awaited" && stream.timeAwaited > minimumBodyRateGrace &&
      stream.bytesReceived < minimumBodyRate * stream.timeAwaited / 1000 && this.#surplus < 0;
  }

  /** Whether a response waits for a window that the peer does not open, or opens by next to nothing. */
  #isWindowShut(stream: Http2Stream, elapsed: number, now: number): boolean {
    const waits = stream.waiting > 0 || stream.parked !== null;
    if (!waits || this.#sender.canSend(stream)) {
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

  /**
   * Checks the average rate of a stream each time that it has been blocked for `windowStallTimeout` in total.
   */
  #isTooSlow(stream: Http2Stream): boolean {
    const { windowStallTimeout, minimumBodyRate } = this.#options;
    if (stream.timeBlocked <= windowStallTimeout) return false;
    const due = minimumBodyRate * stream.timeBlocked / 1000;
    const tooSlow = stream.sentWhileBlocked < due;
    stream.timeBlocked = stream.sentWhileBlocked = 0;
    return tooSlow;
  }
}
