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
  /** The number of the stream. */
  readonly id: number;
  /** The state of the stream. */
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
  /** Whether the handler of the request runs: the stream counts then, even when it is closed. */
  running = false;
  /** How urgent the response is. */
  priority: Priority = UNSIGNALED;
  /** When the stream had its turn: for the scheduler alone. */
  turn = 0;

  /** How many bytes the peer takes; negative after its settings have shrunk (RFC 9113 §6.9.2). */
  sendWindow: number;
  /** The data that waits to be sent, from {@link Http2Stream.offset} on; `null` for none. */
  data: Uint8Array | null = null;
  /** Where the part of {@link Http2Stream.data} begins that was not sent. */
  offset = 0;
  /** Whether the stream ends with that data. */
  endsWithData = false;
  /** Settles when {@link Http2Stream.data} was sent. */
  sent: PromiseWithResolvers<null> | null = null;
  /** The stream that the content of the response comes from, while it is sent. */
  source: ResponseStream | null = null;
  /** Bytes of the response that wait, and count: for the `PullGate` alone, as the next four fields are. */
  held = 0;
  /** How many bytes the source has given the last time, or is expected to give the first time. */
  chunkSize = 65_536;
  /** How many bytes the source is expected to give next. */
  expected = 0;
  /** Resolves when the source may be asked for more; `null` while nobody waits for that. */
  parked: PromiseWithResolvers<boolean> | null = null;
  /** Whether the response waits as long as it takes, rather than send its head meanwhile. */
  isPatient = true;
  /** Since when the request waits to be dispatched; `Infinity` when it does not. */
  waitsSince = Infinity;
  /** Called once the stream is closed; `null` unless it is a tunnel. */
  onClosed: (() => void) | null = null;

  /** How many bytes the peer may send; `null` where the request has no body. */
  window: ReceiveWindow | null = null;
  /** The declared length of the request's body, or `null`. */
  declared: number | null = null;
  /** Bytes of the body that have come. */
  bytesReceived = 0;

  /** When the response was complete; `Infinity` unless that was ahead of the end of the request. */
  answeredAt = Infinity;
  /** How many more bytes of a request that was answered are dropped before the stream is reset. */
  drainLeft = 0;
  /** Since when the handler waits for bytes of the body and none come; `Infinity` while it does not wait. */
  awaitedSince = Infinity;
  /** For how many milliseconds in all the handler has waited for bytes that the peer could have sent. */
  timeAwaited = 0;
  /**
   * Since when the peer takes less than it should, though data waits for its window; `Infinity` while none
   * waits.
   */
  blockedSince = Infinity;
  /** How many bytes were sent since {@link Http2Stream.blockedSince}. */
  sentSince = 0;
  /** For how many milliseconds the window was shut since the rate of the peer was last checked. */
  timeBlocked = 0;
  /** How many bytes were sent since the rate of the peer was last checked. */
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
