/**
 * The streams of one connection: those that are open, how many count, and what may be received on one that is
 * not.
 *
 * @module
 */

import { ClosedStreams, Closing } from "./closed_streams.ts";
import { ConnectionError, ErrorCode, StreamError } from "./error_code.ts";
import type { Http2Stream } from "./stream.ts";
import { judge, type ReceivedType, type StreamState } from "./stream_state.ts";

/** Knows the streams of one connection. */
export class StreamTable {
  /** The highest stream that the peer has opened. */
  lastId = 0;
  /** The highest stream that was promised. */
  lastPromisedId = 0;
  readonly #streams = new Map<number, Http2Stream>();
  readonly #closed = new ClosedStreams();
  #active = 0;

  /**
   * How many streams are open, or have a handler that runs: a reset does not free their place
   * (CVE-2023-44487).
   */
  get active(): number {
    return this.#active;
  }

  /** The streams that are open. A stream that is closed during the iteration is left out. */
  get open(): Iterable<Http2Stream> {
    return this.#streams.values();
  }

  /** A stream that is open, or was promised. */
  get(id: number): Http2Stream | undefined {
    return this.#streams.get(id);
  }

  /** Adds one that was opened or promised. */
  add(stream: Http2Stream): void {
    this.#streams.set(stream.id, stream);
    this.#active++;
  }

  /** A stream is closed: it is forgotten but for how. Says whether it was there. */
  remove(stream: Http2Stream, how: Closing): boolean {
    if (!this.#streams.delete(stream.id)) return false;
    this.#closed.add(stream.id, how);
    return true;
  }

  /** A stream counts no longer: it is closed, and its handler has ended. */
  release(): void {
    this.#active--;
  }

  /** Remembers that a stream that was never added was reset. */
  refuse(id: number): void {
    this.#closed.add(id, Closing.Reset);
  }

  /** Whether a stream was neither opened nor promised, nor passed over. */
  isIdle(id: number): boolean {
    return id > (id % 2 === 1 ? this.lastId : this.lastPromisedId);
  }

  /**
   * Returns the stream of a frame. `undefined`: the frame is to be ignored, because its stream is closed and
   * the peer may not have known.
   *
   * @throws {ConnectionError | StreamError} where the state of the stream forbids the frame
   */
  find(id: number, type: ReceivedType): Http2Stream | undefined {
    const stream = this.#streams.get(id);
    const state = stream?.state ?? (this.isIdle(id) ? "idle" : "closed");
    const verdict = judge(state, type, this.#closed.get(id));
    switch (verdict) {
      case "allowed":
        return stream;
      case "ignored":
        return undefined;
      case "stream-closed":
        throw new StreamError(id, ErrorCode.STREAM_CLOSED, describe(type, state));
      case "connection-closed":
        throw new ConnectionError(ErrorCode.STREAM_CLOSED, describe(type, state));
      case "protocol-error":
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, describe(type, state));
      default:
        return verdict satisfies never;
    }
  }
}

function describe(type: ReceivedType, state: StreamState): string {
  return `${type} on a stream that is ${state} (RFC 9113 §5.1)`;
}
