/**
 * An HTTP/2 client for attacks, over a recording connection: it sends whatever it is told to, and keeps what it is sent.
 *
 * @module
 */

import { HpackDecoder } from "../../drivers/http2/hpack/decoder.ts";
import { CONNECTION_PREFACE } from "../../drivers/http2/preface.ts";
import { latin1 } from "../support/bytes.ts";
import { RawConnection } from "./raw_connection.ts";

/** A frame that was received. */
export interface Seen {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Uint8Array;
}

/** What was received on one stream. */
export interface SeenStream {
  /** The fields of its heads, interim ones and trailers among them. */
  readonly heads: (readonly (readonly [name: string, value: string])[])[];
  body: string;
  readonly dataSizes: number[];
  ended: boolean;
  /** The code of its RST_STREAM, or `null`. */
  reset: number | null;
}

/** The types of frames that are looked at. */
const DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, GOAWAY = 7, WINDOW_UPDATE = 8, CONTINUATION = 9;
const ACK = 1, END_STREAM = 1, END_HEADERS = 4;
const HEAD = 9;
const INITIAL_WINDOW = 65_535;

/** A frame as bytes, its header not checked. */
export function encodeFrame(type: number, flags: number, stream: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEAD + payload.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, payload.length << 8 | type);
  view.setUint8(4, flags);
  view.setUint32(5, stream);
  frame.set(payload, HEAD);
  return frame;
}

/** One connection to a server under attack. */
export class Http2Session implements AsyncDisposable {
  readonly connection: RawConnection;
  readonly frames: Seen[] = [];
  readonly streams = new Map<number, SeenStream>();
  /** The server's settings, once they have come. */
  readonly settings = new Map<number, number>();
  /** The code of its GOAWAY, or `null`. */
  goAway: number | null = null;
  /** The highest stream that was used. */
  lastStream = -1;
  #parsed = 0;
  #block = "";
  readonly #decoder = new HpackDecoder({ headerSizeLimit: 1e6, headerCountLimit: 1e4 });
  #sendWindow = INITIAL_WINDOW;
  readonly #sent = new Map<number, number>();
  readonly #credit = new Map<number, number>();

  private constructor(connection: RawConnection) {
    this.connection = connection;
  }

  /** Connects; with a prologue, both sides have exchanged their settings then. */
  static async open(port: number, prologue: boolean): Promise<Http2Session> {
    const session = new Http2Session(await RawConnection.open(port));
    if (!prologue) return session;
    await session.connection.write(CONNECTION_PREFACE);
    await session.send(encodeFrame(SETTINGS, 0, 0, new Uint8Array(0)));
    await session.until(() => session.settings.size > 0 && session.settingsAcknowledged > 0);
    await session.send(encodeFrame(SETTINGS, ACK, 0, new Uint8Array(0)));
    return session;
  }

  /** Closes the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection[Symbol.asyncDispose]();
  }

  /** Writes bytes, unless the server takes none any more. */
  async send(bytes: Uint8Array): Promise<void> {
    await this.connection.write(bytes);
  }

  /** How many acknowledgements of SETTINGS have come. */
  get settingsAcknowledged(): number {
    return this.frames.filter(({ type, flags }) => type === SETTINGS && (flags & ACK) !== 0).length;
  }

  /** Waits until something holds, the server has closed, or the time is up; says whether it holds. */
  async until(holds: () => boolean, milliseconds = 3_000): Promise<boolean> {
    const end = performance.now() + milliseconds;
    for (;;) {
      this.parse();
      if (holds()) return true;
      const left = end - performance.now();
      if (this.connection.ending !== null || left <= 0) return false;
      await this.connection.change(left);
    }
  }

  /** Takes what has come since the last time. */
  parse(): void {
    const { received } = this.connection;
    if (received.startsWith("HTTP/1")) return;
    while (received.length - this.#parsed >= HEAD) {
      const head = latin1(received.slice(this.#parsed, this.#parsed + HEAD));
      const length = head[0]! << 16 | head[1]! << 8 | head[2]!;
      if (received.length - this.#parsed - HEAD < length) return;
      const payload = latin1(received.slice(this.#parsed + HEAD, this.#parsed + HEAD + length));
      this.#parsed += HEAD + length;
      const stream = new DataView(head.buffer, head.byteOffset).getUint32(5) & 0x7fffffff;
      this.#take({ type: head[3]!, flags: head[4]!, stream, payload });
    }
  }

  /** What was received on a stream. */
  stream(id: number): SeenStream {
    let stream = this.streams.get(id);
    if (stream === undefined) {
      stream = { heads: [], body: "", dataSizes: [], ended: false, reset: null };
      this.streams.set(id, stream);
    }
    return stream;
  }

  #take(frame: Seen): void {
    const { type, flags, stream, payload } = frame;
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    this.frames.push(frame);
    if (type === HEADERS || type === CONTINUATION) this.#takeBlock(frame);
    if (type === DATA) this.#takeData(frame);
    if ((type === DATA || type === HEADERS) && (flags & END_STREAM) !== 0) this.stream(stream).ended = true;
    if (type === RST_STREAM) this.stream(stream).reset = view.getUint32(0);
    if (type === GOAWAY) this.goAway = view.getUint32(4);
    if (type === WINDOW_UPDATE) this.#takeCredit(stream, view.getUint32(0));
    if (type === SETTINGS && (flags & ACK) === 0) {
      for (let at = 0; at < payload.length; at += 6) {
        this.settings.set(view.getUint16(at), view.getUint32(at + 2));
      }
    }
  }

  #takeBlock({ type, flags, stream, payload }: Seen): void {
    const fragment = String.fromCharCode(...payload);
    this.#block = type === HEADERS ? fragment : this.#block + fragment;
    if ((flags & END_HEADERS) === 0) return;
    const { fields } = this.#decoder.decode(latin1(this.#block));
    this.stream(stream).heads.push(fields.map(({ name, value }) => [name, value] as const));
  }

  #takeData({ stream, payload }: Seen): void {
    const seen = this.stream(stream);
    seen.dataSizes.push(payload.length);
    if (seen.body.length < 100_000) seen.body += new TextDecoder("latin1").decode(payload);
  }

  #takeCredit(stream: number, increment: number): void {
    if (stream === 0) this.#sendWindow += increment;
    else this.#credit.set(stream, (this.#credit.get(stream) ?? 0) + increment);
  }

  // Flow control of what is sent.

  /** The window that a stream has in the beginning. */
  get streamWindow(): number {
    return this.settings.get(4) ?? INITIAL_WINDOW;
  }

  /** How much the server takes of a stream now, the connection left out. */
  left(stream: number): number {
    return this.streamWindow + (this.#credit.get(stream) ?? 0) - (this.#sent.get(stream) ?? 0);
  }

  /** How much it takes of all streams together. */
  get connectionLeft(): number {
    return this.#sendWindow;
  }

  /** Counts bytes as sent. */
  count(stream: number, length: number): void {
    this.#sendWindow -= length;
    this.#sent.set(stream, (this.#sent.get(stream) ?? 0) + length);
  }
}
