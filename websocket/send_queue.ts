/**
 * The frames that a socket sends: messages in the order of the calls, pongs, and at last the Close frame.
 * Frames that are queued during a write go out together in the next write.
 *
 * @module
 */

import { ignore } from "../message.ts";
import { UpgradedConnection } from "../upgraded_connection.ts";
import { type WriteObserver, WriteQueue } from "../write_queue.ts";
import { deflate } from "./deflate.ts";
import { encodeClose, encodeFrame, encodeText, Opcode } from "./frame.ts";
import { WRITES } from "./pools.ts";

/** Above this many waiting bytes `drained` is a promise, and the socket stops reading. */
const SOFT_CAP = 1024 * 1024;

/** How many pongs may wait. Of further pings only the last is answered, as RFC 6455 §5.5.3 allows. */
const WAITING_PONGS = 256;

/** Messages of fewer bytes are not compressed, because little would be gained. */
const LEAST_DEFLATED = 1024;

/**
 * Messages of more bytes are not compressed, because compressing takes 20 ms per MiB, in which no other
 * client is served.
 */
const MOST_DEFLATED = 1024 * 1024;

const ENCODER = new TextEncoder();
const NOTHING = new Uint8Array(0);

/** The session of a {@link SendQueue}, which the queue calls back. */
export interface SendObserver {
  /** Called when the connection has taken some bytes. */
  onWritten(): void;
  /** Called when something that was queued cannot be sent. The socket fails. */
  onSendError(error: unknown): void;
}

/** The settings of a {@link SendQueue}. */
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
  #pongs = 0; // queued since the queue was last empty
  #lastPong: Uint8Array | null = null;
  #closeSent = false;
  #ended = false;
  #drain: PromiseWithResolvers<void> | null = null;
  #flush: PromiseWithResolvers<void> | null = null;
  #deferred: Promise<void> | null = null; // a Blob that is being read, and the messages behind it
  #deferredSize = 0;

  /** @param connection takes the frames; @param settings of the socket; @param observer called back */
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

  /** How many bytes wait, those of a `Blob` that is being read included. */
  get size(): number {
    return this.#queue.size + this.#deferredSize;
  }

  /** Whether the Close frame was queued. Nothing can be sent behind it. */
  get closeSent(): boolean {
    return this.#closeSent;
  }

  /** Resolves when no more than the cap waits, or the queue has ended; `null` when that is so already. */
  get drained(): Promise<void> | null {
    if (this.size <= this.#softCap || this.#ended) return null;
    this.#drain ??= Promise.withResolvers();
    return this.#drain.promise;
  }

  /** Resolves when nothing waits; rejects when the connection fails before. */
  get flushed(): Promise<void> {
    if (this.#queue.size === 0 || this.#ended) return Promise.resolve();
    if (this.#flush === null) {
      this.#flush = Promise.withResolvers();
      this.#flush.promise.catch(ignore); // must not become an unhandled rejection if nobody awaits it
    }
    return this.#flush.promise;
  }

  // Messages.

  /** Sends a message. Bytes are copied, so the caller may change them afterwards. */
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
    this.#queue.push(encodeText(text, room)); // push() copies a short text, so `room` is free again
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

  // Reads the bytes of a Blob. Messages that are sent behind the Blob wait for its bytes.
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

  /** Answers a ping. Where too many pongs wait, only the last of the further pongs is kept. */
  sendPong(payload: Uint8Array): void {
    if (this.#closeSent) return;
    const frame = encodeFrame(Opcode.PONG, payload);
    if (this.#pongs >= WAITING_PONGS) this.#lastPong = frame;
    else {
      this.#pongs += 1;
      this.#queue.push(frame);
    }
  }

  /** Sends the Close frame behind all messages. It is the last frame, and is sent once. */
  close(code: number | null, reason: string): void {
    if (this.#deferred === null) this.closeNow(code, reason);
    else this.#deferred.then(() => this.closeNow(code, reason));
  }

  /** Sends the Close frame behind the queued messages, and drops the messages that wait for a Blob. */
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

  // What the write queue calls back.

  /** Called when the connection has taken some bytes. */
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

  /** Called when no bytes are left. */
  onEmpty(): void {
    this.#pongs = 0;
    this.#flush?.resolve();
    this.#flush = null;
  }

  /** Called when the connection fails. */
  onWriteError(error: unknown): void {
    this.#flush?.reject(error);
    this.#observer.onSendError(error);
  }
}

/** More bytes wait than `maxBufferedAmount` allows, because the peer does not read. */
class FullError extends Error {
  override readonly name = "FullError";

  constructor(size: number) {
    super(`${size} bytes wait to be sent, which is more than maxBufferedAmount: await socket.drained`);
  }
}
