/**
 * One stream (RFC 9113 §5): its state, its windows, and what waits to be sent on it.
 *
 * @module
 */

import type { ResponseStream } from "../response_stream.ts";
import type { Http2Message } from "./message.ts";
import { type Priority, UNSIGNALED } from "./priority.ts";
import type { ReceiveWindow } from "./receive_window.ts";
import type { Schedulable } from "./scheduler.ts";
import { afterPeerEnded, afterWeEnded, type StreamState } from "./stream_state.ts";

/** How far the response has come. A stream may end at any time. */
export type ResponseState = "awaited" | "writing" | "sent";

/** A stream that is not idle. */
export class Http2Stream implements Schedulable {
  /** Its number. */
  readonly id: number;
  /** Where it stands. */
  state: StreamState;
  /** The request; `null` where its head could not be taken. */
  message: Http2Message | null = null;
  /**
   * Whether the response is to a HEAD whose head could not be taken, so that no message says that it has no
   * content.
   */
  bodiless = false;
  /** How far the response has come. */
  response: ResponseState = "awaited";
  /** Whether its handler runs: then it counts, even when it is closed. */
  running = false;
  /** How urgent its response is. */
  priority: Priority = UNSIGNALED;
  /** For the scheduler. */
  turn = 0;

  /** How many bytes the peer takes; negative after its settings have shrunk (RFC 9113 §6.9.2). */
  sendWindow: number;
  /** The data that waits to be sent, from {@link Http2Stream.offset} on; `null` for none. */
  data: Uint8Array | null = null;
  /** Where what was not sent of it begins. */
  offset = 0;
  /** Whether the stream ends with that data. */
  endsWithData = false;
  /** Settles when that data was sent. */
  sent: PromiseWithResolvers<null> | null = null;
  /** Where the data comes from, when it is a stream. */
  source: ResponseStream | null = null;
  /** Bytes of its response that wait, and count: for the `PullGate` alone, as the next four are. */
  held = 0;
  /** How many bytes its source has given at once, or is taken to give at first. */
  chunkSize = 65_536;
  /** How many bytes its source is expected to give now. */
  expected = 0;
  /** Resolves when its source may be asked for more; `null` while nobody waits for that. */
  parked: PromiseWithResolvers<boolean> | null = null;
  /** Whether it is waited for as long as it takes. */
  isPatient = true;
  /** Since when its request waits to be dispatched; `Infinity` when it does not. */
  waitsSince = Infinity;
  /** Called once the stream is closed; `null` unless it is a tunnel. */
  onClosed: (() => void) | null = null;

  /** How many bytes are taken of the peer; `null` where the request has no body. */
  window: ReceiveWindow | null = null;
  /** The declared length of the request's body, or `null`. */
  declared: number | null = null;
  /** Bytes of the body that have come. */
  bytesReceived = 0;

  /** When the response was complete though the request is not. */
  answeredAt = Infinity;
  /** How many bytes of the rest of such a request are still dropped before the stream is reset. */
  drainLeft = 0;
  /** Since when the peer is asked for bytes of the body and gives none; `Infinity` while it is not asked. */
  awaitedSince = Infinity;
  /** Milliseconds for which it was asked, and the bytes that had come before. */
  timeAwaited = 0;
  /**
   * Since when the peer takes less than it should, though data waits for its window; `Infinity` while none
   * waits.
   */
  blockedSince = Infinity;
  /** Bytes sent since then. */
  sentSince = 0;
  /**
   * Milliseconds of waiting for the window since the last time that the peer's rate was looked at, and the
   * bytes sent.
   */
  timeBlocked = 0;
  /** See {@link Http2Stream.timeBlocked}. */
  sentWhileBlocked = 0;

  /** @param id its number; @param state in which it begins; @param sendWindow the peer's */
  constructor(id: number, state: StreamState, sendWindow: number) {
    this.id = id;
    this.state = state;
    this.sendWindow = sendWindow;
  }

  /** Whether all of the request was received. */
  get received(): boolean {
    return this.state === "half-closed-remote" || this.state === "closed" || this.state === "reserved-local";
  }

  /** Whether nothing can be sent on it any more. */
  get ended(): boolean {
    return this.state === "half-closed-local" || this.state === "closed";
  }

  /** How many bytes wait to be sent. */
  get waiting(): number {
    return this.data === null ? 0 : this.data.length - this.offset;
  }

  /** The peer has ended its side. */
  endByPeer(): void {
    this.state = afterPeerEnded(this.state);
  }

  /** This side has ended. */
  endByUs(): void {
    this.state = afterWeEnded(this.state);
    this.response = "sent";
  }
}
