/**
 * The bodies of requests on their way in: DATA frames, the windows that allow them (RFC 9113 §5.2), and how a
 * body ends.
 *
 * The mirror of `sender.ts`. A window is opened again as the reader of a body takes its bytes, so that a
 * connection holds at most `connectionWindowSize` bytes that nobody has read.
 *
 * @module
 */

import type { FieldLines } from "../../headers.ts";
import { RequestBody } from "../../request_body.ts";
import type { DriverClient } from "../driver.ts";
import type { Budgets } from "./budgets.ts";
import { ConnectionError, ErrorCode, StreamError } from "./error_code.ts";
import { badTrailers, wrongLength } from "./faults.ts";
import { Flag, type Frame } from "./frame.ts";
import { parseData } from "./frames/data.ts";
import { encodeWindowUpdate } from "./frames/window_update.ts";
import type { HeaderList } from "./hpack/decoder.ts";
import type { Life } from "./life.ts";
import type { Http2Message } from "./message.ts";
import { ReceiveWindow } from "./receive_window.ts";
import { parseTrailers, type RequestHead } from "./request_head.ts";
import type { Sender } from "./sender.ts";
import type { Http2Stream } from "./stream.ts";
import type { StreamTable } from "./stream_table.ts";
import type { WatchedReceiver } from "./watch.ts";

/** What a receiver works on. */
export interface ReceiverParts {
  /** Whose connection it is. */
  readonly client: DriverClient;
  /** The streams. */
  readonly streams: StreamTable;
  /** Sends WINDOW_UPDATE. */
  readonly sender: Sender;
  /** What the peer may do for nothing. */
  readonly budgets: Budgets;
  /** How the connection ends. */
  readonly life: Life;
  /** Called before the first read of a body whose sender waits for 100 (Continue). */
  readonly onContinue: (stream: Http2Stream) => void;
  /** Called when both sides of a stream have ended. */
  readonly onEnded: (stream: Http2Stream) => void;
}

/** The receiving side of one connection. */
export class Receiver implements WatchedReceiver {
  readonly #parts: ReceiverParts;
  readonly #window: ReceiveWindow;
  /** How many bytes of bodies have come. */
  bytesReceived = 0;

  /** @param parts what it works on */
  constructor(parts: ReceiverParts) {
    this.#parts = parts;
    this.#window = new ReceiveWindow(parts.client.options.connectionWindowSize);
  }

  /** Begins the body of a request whose head has come. */
  openBody(stream: Http2Stream, message: Http2Message, head: RequestHead): void {
    const { client, onContinue } = this.#parts;
    const { options } = client;
    const tunnel = head.method === "CONNECT";
    stream.declared = head.contentLength;
    message.body = new RequestBody({
      length: head.contentLength,
      limit: tunnel ? Infinity : options.bodySizeLimit,
      softCap: options.softStreamCap,
      onFirstRead: head.expectsContinue ? () => onContinue(stream) : undefined,
      onTake: (count) => this.#onTaken(stream, count),
    });
    client.bodies.set(stream.id, message.body);
  }

  /**
   * Takes a DATA frame.
   *
   * @throws {ConnectionError | StreamError} what is wrong with it
   */
  onData(frame: Frame): void {
    const { client: { now }, budgets } = this.#parts;
    const { streamId, length } = frame;
    if (!this.#window.take(length)) {
      throw new ConnectionError(
        ErrorCode.FLOW_CONTROL_ERROR,
        "DATA beyond the window of the connection (RFC 9113 §6.9.1)",
      );
    }
    const stream = this.#find(frame);
    if (stream === undefined) return;
    parseData(frame);
    const size = frame.end - frame.start;
    if (length > size) this.#onTaken(stream, length - size); // padding is consumed at once
    if (!frame.has(Flag.END_STREAM)) budgets.countData(size, stream, now);
    stream.bytesReceived += size;
    this.bytesReceived += size;
    if (stream.awaitedSince !== Infinity) stream.awaitedSince = now;
    if (stream.declared !== null && stream.bytesReceived > stream.declared) throw wrongLength(streamId);
    this.#take(stream, frame);
    if (frame.has(Flag.END_STREAM)) this.#end(stream, null);
  }

  /**
   * Takes the field section behind a body.
   *
   * @throws {StreamError} PROTOCOL_ERROR where or as there may be none
   */
  onTrailers(stream: Http2Stream, endStream: boolean, list: HeaderList): void {
    // "a HEADERS frame without the END_STREAM flag set [...] after the initial HEADERS": malformed
    // (RFC 9113 §8.1)
    if (!endStream) throw badTrailers(stream.id, "Trailers do not end their stream (RFC 9113 §8.1)");
    // "Frame types other than DATA or stream management frames [...] MUST NOT be sent on a connected stream"
    if (stream.message?.upgradeHandler && stream.response !== "awaited") {
      throw badTrailers(stream.id, "Trailers on a connected stream (RFC 9113 §8.5)");
    }
    this.#end(stream, parseTrailers(list, stream.id, this.#parts.client.options.trailerSizeLimit));
  }

  #end(stream: Http2Stream, trailers: FieldLines | null): void {
    if (stream.declared !== null && stream.bytesReceived !== stream.declared) throw wrongLength(stream.id);
    stream.endByPeer();
    this.#parts.client.bodies.delete(stream.id);
    stream.message?.end(trailers);
    if (stream.state !== "closed") return;
    if (stream.answeredAt !== Infinity) this.#confirm();
    this.#parts.onEnded(stream);
  }

  // curl 7.88, once it had its answer and has sent the rest, looks for the end of the stream when it reads
  // something.
  #confirm(): void {
    const increment = this.#window.refill();
    if (increment > 0) this.#parts.sender.send(encodeWindowUpdate(0, increment));
  }

  /**
   * Finds the stream of DATA. Ignored data is consumed, because the window of the connection must not leak.
   */
  #find({ streamId, length }: Frame): Http2Stream | undefined {
    const { client: { now }, budgets, streams } = this.#parts;
    try {
      const stream = streams.find(streamId, "DATA");
      if (stream === undefined) {
        budgets.countLateData(length, now);
        this.#onTaken(null, length);
      } else if (!stream.window!.take(length)) {
        throw new StreamError(
          streamId,
          ErrorCode.FLOW_CONTROL_ERROR,
          "DATA beyond the window of its stream (RFC 9113 §6.9.1)",
        );
      }
      return stream;
    } catch (error) {
      this.#onTaken(null, length);
      throw error;
    }
  }

  /** @inheritdoc */
  mayPeerSend(stream: Http2Stream): boolean {
    return this.#window.left > 0 && stream.window!.left > 0;
  }

  /**
   * Whether the peer cannot complete its body without a further WINDOW_UPDATE, as far as its length is known.
   */
  needsWindow({ received, declared, bytesReceived, window }: Http2Stream): boolean {
    return !received && (declared === null || declared - bytesReceived > window!.left);
  }

  /**
   * A stream was answered though its body has not ended: the rest is dropped, as far as `drainLimit` allows.
   */
  onAnswered(stream: Http2Stream): void {
    const { client: { now, options } } = this.#parts;
    stream.answeredAt = now;
    stream.drainLeft = this.#exceeds(stream, options.drainLimit) ? 0 : options.drainLimit;
    stream.message?.body?.discard();
  }

  /** @inheritdoc */
  isCutOff(stream: Http2Stream): boolean {
    return this.#exceeds(stream, stream.drainLeft) || (stream.drainLeft <= 0 && stream.window!.left <= 0);
  }

  // The window of a stream is smaller only until the client has acknowledged the server's settings.
  #exceeds({ declared, bytesReceived, window }: Http2Stream, allowance: number): boolean {
    const most = Math.max(window!.left, this.#parts.client.options.streamWindowSize) + allowance;
    return declared !== null && declared - bytesReceived > most;
  }

  /**
   * Wakes a peer that waits for the window of a stream, ahead of its RST_STREAM. A client that sends its body
   * before it reads its answer (httpx, with h2) sees the reset only when it tries to send.
   */
  wake({ id, window }: Http2Stream): void {
    if (window!.left <= 0) this.#parts.sender.send(encodeWindowUpdate(id, 1));
  }

  #take(stream: Http2Stream, { bytes, start, end }: Frame): void {
    const body = stream.message?.body ?? null;
    if (end === start) return;
    if (body === null || body.finished) this.#onTaken(stream, end - start);
    else body.push(bytes.subarray(start, end));
  }

  /**
   * Bytes were read or dropped: the peer may send as many more on the connection, and on the stream if it
   * goes on.
   */
  #onTaken(stream: Http2Stream | null, count: number): void {
    const { life, sender } = this.#parts;
    if (life.isOver) return;
    const increment = this.#window.consume(count);
    if (increment > 0) sender.send(encodeWindowUpdate(0, increment));
    if (stream === null || stream.received) return;
    if (stream.answeredAt !== Infinity && !this.#drain(stream, count)) return;
    const more = stream.window!.consume(count);
    if (more > 0) sender.send(encodeWindowUpdate(stream.id, more));
  }
  /** Counts bytes of a body that nobody reads; says whether the peer may send as many more. */
  #drain(stream: Http2Stream, count: number): boolean {
    if (stream.drainLeft <= 0) return false;
    stream.drainLeft -= count;
    return true;
  }
}
