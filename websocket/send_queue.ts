/**
 * What a socket sends: messages in the order in which they were given, pongs, and at last the Close frame.
 * Frames that are made while a write is under way go out in the next one.
 *
 * @module
 */

import { ignore } from "../message.ts";
import { UpgradedConnection } from "../upgraded_connection.ts";
import { type WriteObserver, WriteQueue } from "../write_queue.ts";
import { deflate } from "./deflate.ts";
import { encodeClose, encodeFrame, encodeText, Opcode } from "./frame.ts";
import { WRITES } from "./pools.ts";

/** Above so many bytes the handler is asked to wait, and the socket stops reading. */
const SOFT_CAP = 1024 * 1024;

/** How many pongs may wait; of further pings only the last is answered, as RFC 6455 §5.5.3 allows. */
const WAITING_PONGS = 256;

/** Messages of fewer bytes are not worth compressing. */
const LEAST_DEFLATED = 1024;

/**
 * Messages of more bytes would keep everybody else waiting while they are compressed, for 20 ms a mebibyte.
 */
const MOST_DEFLATED = 1024 * 1024;

const ENCODER = new TextEncoder();
const NOTHING = new Uint8Array(0);

/** What a {@link SendQueue} calls back: its session. */
export interface SendObserver {
  /** The peer has taken some bytes. */
  onWritten(): void;
  /** Something keeps what was given from being sent: the socket fails. */
  onSendError(error: unknown): void;
}

/** What a {@link SendQueue} keeps to. */
export interface SendSettings {
  /** Whether permessage-deflate was agreed on. */
  readonly deflate: boolean;
  /** See `WebSocketOptions`. */
  readonly maxBufferedAmount: number;
}

/** The frames on their way to one peer. */
export class SendQueue implements WriteObserver {
  readonly #queue: WriteQueue;
  readonly #observer: SendObserver;
  readonly #deflate: boolean;
  readonly #limit: number;
  readonly #softCap: number;
  #pongs = 0; // that may wait, since the queue was empty
  #lastPong: Uint8Array | null = null;
  #closeSent = false;
  #ended = false;
  #drain: PromiseWithResolvers<void> | null = null;
  #flush: PromiseWithResolvers<void> | null = null;
  #deferred: Promise<void> | null = null; // a Blob that is being read, and what was given behind it
  #deferredSize = 0;

  /** @param connection where to; @param settings what it keeps to; @param observer its session */
  constructor(connection: UpgradedConnection, settings: SendSettings, observer: SendObserver) {
    this.#queue = new WriteQueue(UpgradedConnection.underlying(connection), {
      pool: WRITES,
      turns: UpgradedConnection.turnsOf(connection),
      observer: this,
    });
    this.#deflate = settings.deflate;
    this.#limit = settings.maxBufferedAmount;
    this.#softCap = Math.min(SOFT_CAP, this.#limit / 2);
    this.#observer = observer;
  }

  /** Bytes that wait. */
  get size(): number {
    return this.#queue.size + this.#deferredSize;
  }

  /** Whether the Close frame is on its way: nothing can be sent behind it. */
  get closeSent(): boolean {
    return this.#closeSent;
  }

  /** Settles when no more than the cap waits, or nothing more is sent; `null` while no more waits. */
  get drained(): Promise<void> | null {
    if (this.size <= this.#softCap || this.#ended) return null;
    this.#drain ??= Promise.withResolvers();
    return this.#drain.promise;
  }

  /** Settles when nothing waits; rejects when the connection fails before. */
  get flushed(): Promise<void> {
    if (this.#queue.size === 0 || this.#ended) return Promise.resolve();
    if (this.#flush === null) {
      this.#flush = Promise.withResolvers();
      this.#flush.promise.catch(ignore); // a rejection that nobody awaits must not be an unhandled one
    }
    return this.#flush.promise;
  }

  // Messages.

  /** Sends a message. */
  send(data: string | Uint8Array | Blob): void {
    if (this.#closeSent || this.#ended) return;
    if (this.size > this.#limit) return this.#observer.onSendError(new FullError(this.size));
    if (data instanceof Blob) this.#defer(Opcode.BINARY, data.arrayBuffer(), data.size);
    else if (this.#deferred === null) this.#sendNow(data);
    else if (typeof data === "string") this.#keep(Opcode.TEXT, ENCODER.encode(data));
    else this.#keep(Opcode.BINARY, data.slice());
  }

  #sendNow(data: string | Uint8Array): void {
    if (typeof data !== "string") this.#sendBytes(Opcode.BINARY, data);
    else if (this.#deflate && 3 * data.length >= LEAST_DEFLATED) {
      this.#sendBytes(Opcode.TEXT, ENCODER.encode(data));
    } else this.#sendText(data);
  }

  #sendText(text: string): void {
    const room = WRITES.small.take();
    this.#queue.push(encodeText(text, room)); // which copies what is short
    WRITES.small.give(room);
  }

  #sendBytes(opcode: Opcode, bytes: Uint8Array): void {
    if (this.#closeSent) return;
    const { length } = bytes;
    const compressed = this.#deflate && length >= LEAST_DEFLATED && length <= MOST_DEFLATED;
    this.#queue.push(encodeFrame(opcode, compressed ? deflate(bytes) : bytes, compressed));
  }

  #keep(opcode: Opcode, bytes: Uint8Array): void {
    this.#defer(opcode, Promise.resolve(bytes), bytes.length);
  }

  // The bytes of a Blob come later: what is sent behind it waits for them.
  #defer(opcode: Opcode, content: Promise<ArrayBuffer | Uint8Array>, size: number): void {
    this.#deferredSize += size;
    const before = this.#deferred ?? Promise.resolve();
    const sent = Promise.all([content, before]).then(([bytes]) => {
      this.#deferredSize -= size;
      this.#sendBytes(opcode, new Uint8Array(bytes));
    }).catch((error) => this.#observer.onSendError(error)).then(() => {
      if (this.#deferred === sent) this.#deferred = null;
    });
    this.#deferred = sent;
  }

  // Control frames.

  /** Asks the peer for a sign of life. */
  sendPing(): void {
    if (!this.#closeSent) this.#queue.push(encodeFrame(Opcode.PING, NOTHING));
  }

  /** Answers a ping; where too many answers wait, in the place of the last of them. */
  sendPong(payload: Uint8Array): void {
    if (this.#closeSent) return;
    const frame = encodeFrame(Opcode.PONG, payload);
    if (this.#pongs >= WAITING_PONGS) this.#lastPong = frame;
    else {
      this.#pongs += 1;
      this.#queue.push(frame);
    }
  }

  /** Sends the Close frame behind all messages: the last frame, and sent once. */
  close(code: number | null, reason: string): void {
    if (this.#deferred === null) this.closeNow(code, reason);
    else this.#deferred.then(() => this.closeNow(code, reason));
  }

  /** Sends the Close frame behind the messages that are at hand, and drops those that wait for a Blob. */
  closeNow(code: number | null, reason: string): void {
    if (this.#closeSent) return;
    this.#closeSent = true;
    this.#lastPong = null;
    this.#queue.push(encodeClose(code, reason));
  }

  /** Drops the bytes that wait, and settles the promises that wait for them. */
  end(): void {
    this.#ended = this.#closeSent = true;
    this.#queue.end();
    this.#lastPong = null;
    this.#drain?.resolve();
    this.#flush?.resolve();
  }

  // What becomes of them.

  /** Some bytes were taken by the connection. */
  onWritten(): void {
    if (this.#lastPong !== null) {
      this.#queue.push(this.#lastPong);
      this.#lastPong = null;
    }
    this.#observer.onWritten();
    if (this.size > this.#softCap) return;
    this.#drain?.resolve();
    this.#drain = null;
  }

  /** All of it was. */
  onEmpty(): void {
    this.#pongs = 0;
    this.#flush?.resolve();
    this.#flush = null;
  }

  /** The connection failed. */
  onWriteError(error: unknown): void {
    this.#flush?.reject(error);
    this.#observer.onSendError(error);
  }
}

/** More waits than may wait, because the peer does not take it. */
class FullError extends Error {
  override readonly name = "FullError";

  constructor(size: number) {
    super(`${size} bytes wait to be sent, which is more than maxBufferedAmount: await socket.drained`);
  }
}
