/**
 * Everything that goes out on an HTTP/2 connection: frames in the order in which the peer must see them, data
 * as fast as the peer's windows and the connection take it, the most urgent first.
 *
 * Plan: a small response that nothing holds up is one run of bytes, HEADERS and DATA. Any other waits on its
 * stream for the scheduler, which is asked for the next frame whenever there is room: in the connection's
 * queue of writes (so that what is in it is never stale by more than that), in the connection's window and in
 * the stream's. What was sent is accounted for before anybody is told.
 *
 * @module
 */

import { ClientDisconnectedError } from "../../errors.ts";
import type { Memory } from "../../memory.ts";
import { ignore } from "../../message.ts";
import { COPIED_WRITE_SIZE, type DriverClient, type Write } from "../driver.ts";
import type { BatchPool } from "./batch_pool.ts";
import { ConnectionError, ErrorCode, StreamError } from "./error_code.ts";
import { FRAME_HEADER_SIZE, FRAME_SIZE_LIMIT } from "./frame.ts";
import { writeDataHead } from "./frames/data.ts";
import { encodeGoAway } from "./frames/goaway.ts";
import { encodeRstStream } from "./frames/rst_stream.ts";
import { HeadEncoder } from "./head_encoder.ts";
import { PullGate, type PullGateHost } from "./pull_gate.ts";
import { Scheduler } from "./scheduler.ts";
import { DEFAULT_WINDOW, type PeerSettings, WINDOW_LIMIT } from "./settings.ts";
import type { Http2Stream } from "./stream.ts";

const NOTHING = new Uint8Array(0);

/** Small responses go out at once while less than this waits to be written, in bytes. */
const QUEUED_RESPONSES = 64 * 1024;

/**
 * A batch of data is added while less than this waits: with a whole batch it stays below the default
 * `softStreamCap`, above which the parser is held.
 */
const QUEUED_DATA = 8 * 1024;

/** A batch is full when it has less room than this: it is not filled up with a tiny frame. */
const LEAST_ROOM = FRAME_HEADER_SIZE + 1024;

/** Data is copied from this size on when little of it waits, and at most so much of it, in bytes. */
const COMPACTED_SIZE = 16 * 1024;
const LARGEST_COPY = 1024 * 1024;

/** Who is told what was sent. */
export interface SendObserver {
  /** This side of a stream has ended. */
  onSent(stream: Http2Stream): void;
  /** A frame of data went out: the peer has given it room. */
  onDataSent(): void;
  /** Fewer bytes of responses are held than before. */
  onReleased(): void;
}

/** The sending side of one connection. */
export class Sender implements PullGateHost {
  /** Encodes heads. */
  readonly heads: HeadEncoder = new HeadEncoder();
  /** What waits to be sent, and who may add to it. */
  readonly gate: PullGate;
  /** How many bytes of data were sent. */
  dataSent = 0;
  readonly #client: DriverClient;
  readonly #write: Write;
  readonly #pool: BatchPool;
  readonly #observer: SendObserver;
  readonly #scheduler = new Scheduler<Http2Stream>();
  readonly #inFlight: Memory[] = [];
  #window = DEFAULT_WINDOW;
  #pumping = false;
  #streams = 0; // responses under way that are streams

  /**
   * @param client whose connection it is
   * @param write where to
   * @param pool memory
   * @param observer who is told
   */
  constructor(client: DriverClient, write: Write, pool: BatchPool, observer: SendObserver) {
    this.#client = client;
    this.#write = write;
    this.#pool = pool;
    this.#observer = observer;
    this.gate = new PullGate(client.options.softStreamCap, this);
    client.onWriteDrain = () => this.#onDrain();
  }

  /** How many bytes the peer takes on all streams together. */
  get window(): number {
    return this.#window;
  }

  /** @inheritdoc */
  canSend(stream: Http2Stream): boolean {
    return this.#window > 0 && stream.sendWindow > 0;
  }

  /** Sends a frame that no window holds up. */
  send(frame: Uint8Array): void {
    this.#write(frame);
  }

  /** Sends RST_STREAM. */
  reset(streamId: number, code: ErrorCode): void {
    this.#write(encodeRstStream(streamId, code));
  }

  /** Sends GOAWAY. */
  goAway(lastStreamId: number, code: ErrorCode, debug: string): void {
    this.#write(encodeGoAway(lastStreamId, code, debug));
  }

  /** Ends the connection behind what is queued. */
  close(): void {
    this.#write(NOTHING, true);
  }

  /** Sends the block that {@link Sender.heads} has. */
  sendHead(stream: Http2Stream, endStream: boolean): void {
    this.#write(this.heads.end({ streamId: stream.id, endStream }));
    if (endStream) this.#end(stream);
  }

  /**
   * Sends the block that {@link Sender.heads} has, and all of the body behind it.
   *
   * @param borrowed whether the body's memory is only lent: it is copied if it has to wait
   * @returns `null` when all of it is queued, or a promise of that
   */
  sendWhole(stream: Http2Stream, body: Uint8Array, borrowed: boolean): Promise<null> | null {
    const { heads } = this;
    const size = body.length;
    const end = heads.at + FRAME_HEADER_SIZE + size;
    const fits = end <= COPIED_WRITE_SIZE && size <= stream.sendWindow && size <= this.#window &&
      this.#scheduler.size === 0 && this.#client.bufferSize < QUEUED_RESPONSES;
    if (!fits) {
      this.sendHead(stream, false);
      return this.sendData(stream, borrowed ? body.slice() : body, true);
    }
    heads.end({ streamId: stream.id, endStream: false });
    const at = writeDataHead(heads.room, heads.at, { streamId: stream.id, length: size, endStream: true });
    heads.room.set(body, at);
    this.#window -= size;
    stream.sendWindow -= size;
    this.dataSent += size;
    this.#write(heads.room.subarray(0, end));
    this.#observer.onDataSent();
    if (stream.source !== null) this.gate.onAnswer(stream, size);
    this.#end(stream);
    return null;
  }

  /**
   * Queues data of a stream that has none waiting; it must not change until it was sent.
   *
   * @returns `null` when it was sent, or a promise of that; it rejects when the stream is reset or the client
   * gone
   */
  sendData(stream: Http2Stream, data: Uint8Array, end: boolean): Promise<null> | null {
    if (stream.ended) return rejected(new ClientDisconnectedError("The stream was closed"));
    if (data.length > 0 || end) {
      stream.data = data;
      stream.offset = 0;
      stream.endsWithData = end;
      // What goes through a tunnel is no response, and whoever writes it holds it.
      if (!stream.message?.upgradeHandler) this.gate.hold(stream, data.length);
      this.#schedule(stream);
      this.pump();
    }
    if (stream.source !== null) this.gate.onAnswer(stream, data.length);
    if (stream.data === null) return null;
    stream.sent = Promise.withResolvers();
    stream.sent.promise.catch(ignore); // whoever waits is told; nobody has to
    return stream.sent.promise;
  }

  /** A response that is a stream begins: small pieces are likely to follow each other. */
  beginStream(): void {
    this.#client.gathersWrites = ++this.#streams > 0;
  }

  /** It has ended. */
  endStream(): void {
    this.#client.gathersWrites = --this.#streams > 0;
  }

  /** Forgets what waits on a stream; who waits for it is told. */
  drop(stream: Http2Stream, reason: unknown): void {
    this.#scheduler.remove(stream);
    stream.data = null;
    const { sent } = stream;
    stream.sent = null;
    sent?.reject(reason);
    this.gate.drop(stream, reason);
    this.#observer.onReleased();
  }

  /** Changes how urgent a stream is. */
  reprioritize(stream: Http2Stream, priority: Http2Stream["priority"]): void {
    const waits = stream.turn !== 0;
    this.#scheduler.remove(stream);
    stream.priority = priority;
    if (waits) this.#schedule(stream);
  }

  // Windows.

  /**
   * The peer takes more of one stream.
   *
   * @throws {StreamError} FLOW_CONTROL_ERROR (RFC 9113 §6.9.1)
   */
  openStreamWindow(stream: Http2Stream, increment: number): void {
    if (stream.sendWindow + increment > WINDOW_LIMIT) {
      throw new StreamError(
        stream.id,
        ErrorCode.FLOW_CONTROL_ERROR,
        "A window above 2^31-1 (RFC 9113 §6.9.1)",
      );
    }
    stream.sendWindow += increment;
    this.#schedule(stream);
    this.pump();
  }

  /**
   * The peer takes more of all streams.
   *
   * @throws {ConnectionError} FLOW_CONTROL_ERROR (RFC 9113 §6.9.1)
   */
  openWindow(increment: number): void {
    if (this.#window + increment > WINDOW_LIMIT) throw windowOverflow("§6.9.1");
    this.#window += increment;
    this.pump();
  }

  /**
   * The peer's settings have changed the window of every stream (RFC 9113 §6.9.2).
   *
   * @throws {ConnectionError} FLOW_CONTROL_ERROR
   */
  moveWindows(streams: Iterable<Http2Stream>, difference: number): void {
    for (const stream of streams) {
      if (stream.sendWindow + difference > WINDOW_LIMIT) throw windowOverflow("§6.9.2");
      stream.sendWindow += difference;
      if (stream.sendWindow > 0) this.#schedule(stream);
      else if (stream.waiting > 0) this.#scheduler.remove(stream);
    }
    this.pump();
  }

  /** Takes what the peer has said of compression. */
  applySettings({ headerTableSize }: PeerSettings): void {
    this.heads.hpack.resize(headerTableSize);
  }

  // Data.

  #schedule(stream: Http2Stream): void {
    if (stream.data === null) return;
    if (stream.sendWindow > 0 || stream.waiting === 0) this.#scheduler.add(stream);
  }

  /** Sends as much data as there is room for. */
  pump(): void {
    if (this.#pumping) return; // it is called again by those whom it tells
    this.#pumping = true;
    while (this.#scheduler.size > 0 && this.#client.bufferSize < QUEUED_DATA) {
      if (!this.#sendBatch()) break;
    }
    this.#pumping = false;
    if (this.#window <= 0) { for (const stream of this.#scheduler) compact(stream); }
    this.gate.wake();
    this.#observer.onReleased();
  }

  /** Puts frames of data together and writes them at once; says whether there were any. */
  #sendBatch(): boolean {
    const batch = this.#pool.take();
    const done: Http2Stream[] = [];
    let at = 0;
    while (batch.bytes.length - at > LEAST_ROOM) {
      const stream = this.#nextStream();
      if (stream === undefined) break;
      at = this.#putFrame(stream, batch.bytes, at);
      if (stream.data === null) done.push(stream);
    }
    if (at > 0) this.#write(batch.start(at));
    if (at > COPIED_WRITE_SIZE) this.#inFlight.push(batch);
    else this.#pool.give(batch);
    for (const stream of done) this.#finishData(stream);
    return at > 0;
  }

  /** Who sends the next frame. While the connection's window is shut, only who ends without data can. */
  #nextStream(): Http2Stream | undefined {
    if (this.#window > 0) return this.#scheduler.next();
    return this.#scheduler.find((stream) => stream.waiting === 0);
  }

  #putFrame(stream: Http2Stream, room: Uint8Array, at: number): number {
    const data = stream.data!;
    const left = data.length - stream.offset;
    const length = left === 0 ? 0 : Math.min(
      left,
      stream.sendWindow,
      this.#window,
      FRAME_SIZE_LIMIT,
      room.length - at - FRAME_HEADER_SIZE,
    );
    const isLast = length === left;
    const start = writeDataHead(room, at, {
      streamId: stream.id,
      length,
      endStream: isLast && stream.endsWithData,
    });
    room.set(data.subarray(stream.offset, stream.offset + length), start);
    stream.offset += length;
    stream.sendWindow -= length;
    stream.sentSince += length;
    stream.sentWhileBlocked += length;
    this.dataSent += length;
    this.gate.release(stream, length);
    // A peer that is sent data of its exchange may have nothing to say meanwhile: its body is not late.
    if (stream.awaitedSince !== Infinity) stream.awaitedSince = this.#client.now;
    this.#window -= length;
    if (isLast) stream.data = null;
    if (isLast || stream.sendWindow <= 0) this.#scheduler.remove(stream);
    if (!isLast && stream.sendWindow <= 0) compact(stream);
    this.#observer.onDataSent();
    return start + length;
  }

  #finishData(stream: Http2Stream): void {
    const { sent } = stream;
    stream.sent = null;
    stream.blockedSince = Infinity;
    if (stream.endsWithData) this.#end(stream);
    sent?.resolve(null);
  }

  #end(stream: Http2Stream): void {
    stream.endByUs();
    this.#observer.onSent(stream);
  }

  #onDrain(): void {
    for (const batch of this.#inFlight.splice(0)) this.#pool.give(batch);
    this.pump();
  }
}

/** Frees the memory of data whose last quarter waits for a window: a copy of the quarter replaces it. */
function compact(stream: Http2Stream): void {
  const { data, waiting } = stream;
  if (data === null || data.length < COMPACTED_SIZE || 4 * waiting > data.length) return;
  if (waiting > LARGEST_COPY) return;
  stream.data = data.slice(stream.offset);
  stream.offset = 0;
}

function windowOverflow(section: string): ConnectionError {
  return new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, `A window above 2^31-1 (RFC 9113 ${section})`);
}

function rejected(error: Error): Promise<null> {
  const promise = Promise.reject(error);
  promise.catch(ignore); // whoever waits is told; nobody has to
  return promise;
}
