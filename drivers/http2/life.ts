/**
 * How an HTTP/2 connection ends in good order (RFC 9113 §6.8), and how it ends otherwise.
 *
 * ```text
 *          leave(): stop(), idle, connection: close        the round trip is over           no stream is active
 *  ▶ open ──────────────────────────────────────▶ leaving ───────────────────▶ draining ─────────────────────▶ over
 *      │                                             │                             ▲                             ▲
 *      ├───── drain(): requestLimit, GOAWAY ─────────┴─────────────────────────────┘                             │
 *      └────────────── fail(): GOAWAY with the code of a connection error; close(): the peer is gone ────────────┘
 * ```
 *
 * "A server that is attempting to gracefully shut down a connection SHOULD send an initial GOAWAY frame with
 * the last stream identifier set to 2^31-1 and a NO_ERROR code. [...] After allowing time for any in-flight
 * stream creation (at least one round-trip time), the server MAY send another GOAWAY frame with an updated
 * last stream identifier."
 *
 * @module
 */

import type { DriverClient } from "../driver.ts";
import { type ConnectionError, ErrorCode } from "./error_code.ts";
import { encodePing } from "./frames/ping.ts";
import type { Sender } from "./sender.ts";
import type { StreamTable } from "./stream_table.ts";

/** Whether new streams are served, and whether anything is. */
export type LifeState = "open" | "leaving" | "draining" | "over";

/** No stream has a higher number. */
const NO_LIMIT = 2 ** 31 - 1;

/** How long the answer to PING is waited for at most before the last stream is told, in milliseconds. */
const ROUND_TRIP_LIMIT = 1000;

const PARTING = new TextEncoder().encode("parting.");

/** The life of one connection, and the frames that tell the peer of its end. */
export class Life {
  readonly #client: DriverClient;
  readonly #streams: StreamTable;
  readonly #sender: Sender;
  #state: LifeState = "open";
  #lastId = NO_LIMIT;
  #leavingSince = Infinity;
  #stopped: PromiseWithResolvers<void> | null = null;

  /** @param client whose connection it is; @param streams its streams; @param sender sends GOAWAY */
  constructor(client: DriverClient, streams: StreamTable, sender: Sender) {
    this.#client = client;
    this.#streams = streams;
    this.#sender = sender;
  }

  /** The state. */
  get state(): LifeState {
    return this.#state;
  }

  /** Whether nothing further is parsed or sent. */
  get isOver(): boolean {
    return this.#state === "over";
  }

  /** Whether a stream that the peer opens is served. */
  takes(streamId: number): boolean {
    return streamId <= this.#lastId;
  }

  /** Leaves; resolves when the connection is over. */
  stop(): Promise<void> {
    this.#stopped ??= Promise.withResolvers();
    this.leave();
    if (this.isOver) this.#stopped.resolve();
    return this.#stopped.promise;
  }

  /**
   * Says that the connection ends, and serves for one more round trip the streams that the peer has opened
   * meanwhile.
   */
  leave(): void {
    if (this.#state !== "open") return;
    this.#state = "leaving";
    this.#client.shouldClose = true;
    this.#leavingSince = this.#client.now;
    this.#sender.goAway(NO_LIMIT, ErrorCode.NO_ERROR, "");
    this.#sender.send(encodePing(PARTING));
  }

  /** The peer has answered a PING. */
  onPong(payload: Uint8Array): void {
    if (this.#state === "leaving" && payload.every((byte, at) => byte === PARTING[at])) this.drain();
  }

  /** Time has passed. */
  onTick(now: number): void {
    if (now - this.#leavingSince > ROUND_TRIP_LIMIT) this.drain();
  }

  /** Says which stream is the last that is served, and ends the connection when none is active any more. */
  drain(): void {
    if (this.#state === "draining" || this.isOver) return;
    this.#state = "draining";
    this.#client.shouldClose = true;
    this.#leavingSince = Infinity;
    this.#lastId = this.#streams.lastId;
    this.#sender.goAway(this.#lastId, ErrorCode.NO_ERROR, "");
    this.onInactive();
  }

  /** Called when a stream is active no longer. */
  onInactive(): void {
    if (this.#state === "draining" && this.#streams.active === 0) this.finish();
  }

  /** Ends the connection for a fault of the peer (RFC 9113 §5.4.1). */
  fail(error: ConnectionError): void {
    this.#sender.goAway(Math.min(this.#streams.lastId, this.#lastId), error.code, error.message);
    this.finish();
  }

  /** Ends the connection behind what is queued. */
  finish(): void {
    if (this.isOver) return;
    this.#client.shouldClose = true;
    this.#sender.close();
    this.close();
  }

  /** The connection is gone. */
  close(): void {
    this.#state = "over";
    this.#leavingSince = Infinity;
    this.#stopped?.resolve();
  }
}
