/**
 * A raw HTTP/2 client over any `Connection`. It sends every frame that it is told to, those that no client may send among
 * them, and it judges: a frame that a server must not send is a {@link Http2Fault}, which fails the test whatever else it looks
 * at. It gives flow-control credit only when it is told to.
 *
 * @module
 */

import type { Client, Connection, Handler, HttpServer } from "../../mod.ts";
import { HpackDecoder } from "../../drivers/http2/hpack/decoder.ts";
import { ErrorCode } from "../../drivers/http2/error_code.ts";
import { Flag, FrameType } from "../../drivers/http2/frame.ts";
import { connectionPair } from "../../testing.ts";
import { assert, assertEquals, assertOneOf } from "./assert.ts";
import { concat, fromLatin1, latin1 } from "./bytes.ts";
import { usualDeadline, within } from "./deadline.ts";
import type { FieldLine } from "./response_parser.ts";
import { disguise, type Harness, type ServerOptions, withServer } from "./server.ts";

export { ErrorCode, Flag, FrameType };

/** What a server must not have sent. */
export class Http2Fault extends Error {
  /** @inheritdoc */
  override readonly name = "Http2Fault";
}

/** A list of fields, pseudo-header fields first where they belong. */
export type Fields = readonly FieldLine[];

/** A setting: its identifier and its value (RFC 9113 §6.5.1). */
export type Setting = readonly [id: number, value: number];

/** The identifiers of settings (RFC 9113 §6.5.2, RFC 8441 §3, RFC 9218 §2.1). */
export const Settings = {
  HEADER_TABLE_SIZE: 0x1,
  ENABLE_PUSH: 0x2,
  MAX_CONCURRENT_STREAMS: 0x3,
  INITIAL_WINDOW_SIZE: 0x4,
  MAX_FRAME_SIZE: 0x5,
  MAX_HEADER_LIST_SIZE: 0x6,
  ENABLE_CONNECT_PROTOCOL: 0x8,
  NO_OLD_PRIORITIES: 0x9,
} as const;

/** The first bytes of every client (RFC 9113 §3.4). */
export const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** Both windows in the beginning, and the largest that there may be (RFC 9113 §6.9.1, §6.9.2). */
export const initialWindow = 65_535;
export const largestWindow = 2 ** 31 - 1;

// Frames as bytes.

/** A frame that is sent, legal or not. */
export interface RawFrame {
  readonly type: number;
  readonly flags?: number;
  /** 32 bits: the highest is the reserved one. */
  readonly streamId?: number;
  readonly payload?: Uint8Array | readonly number[] | string;
  /** The length that its header tells; that of the payload when left out. */
  readonly length?: number;
}

/** A frame that was received. */
export interface ReceivedFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

function toBytes(data: Uint8Array | readonly number[] | string): Uint8Array {
  return typeof data === "string" ? latin1(data) : Uint8Array.from(data);
}

/** The bytes of a number, the highest first. */
export function uint(value: number, size = 4): number[] {
  return Array.from({ length: size }, (_, index) => Math.floor(value / 256 ** (size - 1 - index)) % 256);
}

function readUint(bytes: Uint8Array, at: number, size = 4): number {
  return bytes.subarray(at, at + size).reduce((value, byte) => value * 256 + byte, 0);
}

/** The bytes of a frame. */
export function frameBytes({ type, flags = 0, streamId = 0, payload = [], length }: RawFrame): Uint8Array {
  const content = toBytes(payload);
  return concat([
    Uint8Array.from([...uint(length ?? content.length, 3), type, flags, ...uint(streamId)]),
    content,
  ]);
}

/** The payload of a SETTINGS frame. */
export function settingsPayload(settings: readonly Setting[]): number[] {
  return settings.flatMap(([id, value]) => [...uint(id, 2), ...uint(value)]);
}

/** An HPACK integer with a prefix of `bits` bits under `pattern` (RFC 7541 §5.1). */
export function hpackInteger(value: number, bits: number, pattern = 0): number[] {
  const most = 2 ** bits - 1;
  if (value < most) return [pattern | value];
  const bytes = [pattern | most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push(rest % 128 + 128);
  return [...bytes, rest];
}

function hpackString(text: string): number[] {
  return [...hpackInteger(text.length, 7), ...latin1(text)];
}

/** A field as a literal (RFC 7541 §6.2): without indexing, or with `0x40` added to the table. */
export function hpackLiteral([name, value]: FieldLine, pattern = 0): number[] {
  return [pattern, ...hpackString(name), ...hpackString(value)];
}

/** A field block of literals. */
export function hpackBlock(fields: Fields): Uint8Array {
  return Uint8Array.from(fields.flatMap((field) => hpackLiteral(field)));
}

/** The pseudo-header fields of a request, and then further fields. */
export function requestFields(method = "GET", path = "/", further: Fields = []): Fields {
  return [[":method", method], [":scheme", "http"], [":authority", "a"], [":path", path], ...further];
}

// What was received.

/** The head of a response. */
export interface Http2Head {
  readonly status: number;
  /** The fields behind `:status`. */
  readonly fields: Fields;
}

/** A GOAWAY frame. */
export interface Goaway {
  readonly lastStreamId: number;
  readonly code: number;
  readonly debug: string;
}

/** All that happened on one stream. */
export class StreamLog {
  /** The interim responses. */
  readonly interim: Http2Head[] = [];
  /** The final head. */
  head: Http2Head | null = null;
  /** The content of the DATA frames. */
  readonly chunks: Uint8Array[] = [];
  /** The trailer section, where there was one. */
  trailers: Fields | null = null;
  /** Whether the server has ended its side. */
  ended = false;
  /** The codes of the server's RST_STREAM frames. */
  readonly resets: number[] = [];
  /** Whether this client has reset it. */
  resetByClient = false;
  /** Flow-controlled bytes that came, and those that WINDOW_UPDATE frames for this stream have allowed. */
  received = 0;
  granted = 0;
  /** Bytes that this client has sent, and those that the server's WINDOW_UPDATE frames have allowed. */
  sent = 0;
  credited = 0;

  constructor(
    readonly id: number,
    /** The method of the request. */
    readonly method: string,
    /** The fields of the PUSH_PROMISE, for a stream of the server. */
    readonly promise: Fields | null = null,
  ) {}

  /** The content as one. */
  get bytes(): Uint8Array {
    return concat(this.chunks);
  }

  /** The content as UTF-8. */
  get text(): string {
    return new TextDecoder().decode(this.bytes);
  }

  /** The bytes of the content. */
  get size(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** The status of the final response. */
  get status(): number {
    return this.head?.status ?? 0;
  }

  /** Whether nothing further may come. */
  get over(): boolean {
    return this.ended || this.resets.length > 0;
  }

  /** The values of a field of the final response, joined. */
  field(name: string): string | null {
    const values = (this.head?.fields ?? []).filter((field) => field[0] === name).map((field) => field[1]);
    return values.length === 0 ? null : values.join(", ");
  }
}

const legalName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
// deno-lint-ignore no-control-regex -- control characters are what it must refuse
const illegalValue = /^[ \t]|[ \t]$|[\x00-\x08\x0a-\x1f\x7f]/;
const connectionSpecific = [
  "connection",
  "proxy-connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
  "te",
];

/** The flags that each type has; all others "MUST be left unset" (RFC 9113 §4.1). */
const flagsOf: Readonly<Record<number, number>> = {
  [FrameType.DATA]: Flag.END_STREAM | Flag.PADDED,
  [FrameType.HEADERS]: Flag.END_STREAM | Flag.END_HEADERS | Flag.PADDED | Flag.PRIORITY,
  [FrameType.PRIORITY]: 0,
  [FrameType.RST_STREAM]: 0,
  [FrameType.SETTINGS]: Flag.ACK,
  [FrameType.PUSH_PROMISE]: Flag.END_HEADERS | Flag.PADDED,
  [FrameType.PING]: Flag.ACK,
  [FrameType.GOAWAY]: 0,
  [FrameType.WINDOW_UPDATE]: 0,
  [FrameType.CONTINUATION]: Flag.END_HEADERS,
};

function demand(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Http2Fault(message);
}

/** The fields of a section, judged: without pseudo-header fields but for those at `pseudo`. */
function judgeFields(fields: Fields, pseudo: readonly string[]): void {
  for (const [index, [name, value]] of fields.entries()) {
    if (index < pseudo.length) {
      demand(pseudo.includes(name), `${name} where ${pseudo.join(" or ")} belongs (RFC 9113 §8.3)`);
    } else {
      demand(legalName.test(name), `the field name ${JSON.stringify(name)} (RFC 9113 §8.2.1)`);
      demand(!connectionSpecific.includes(name), `the field ${name} (RFC 9113 §8.2.2)`);
    }
    demand(!illegalValue.test(value), `the value ${JSON.stringify(value)} of ${name} (RFC 9113 §8.2.1)`);
  }
}

/** The payload without its padding, which must be of zeros. */
function unpad({ flags, payload }: ReceivedFrame): Uint8Array {
  if ((flags & Flag.PADDED) === 0) return payload;
  const padding = payload[0] ?? 0;
  demand(padding < payload.length, "padding as long as the payload (RFC 9113 §6.1)");
  const end = payload.length - padding;
  demand(payload.subarray(end).every((byte) => byte === 0), "padding other than zeros (RFC 9113 §6.1)");
  return payload.subarray(1, end);
}

/** Everything that went over one connection, in both directions, and the judge of what came. */
export class Http2Log {
  /** The frames that came, in their order. */
  readonly frames: ReceivedFrame[] = [];
  readonly streams = new Map<number, StreamLog>();
  readonly goaways: Goaway[] = [];
  /** The payloads of PING frames with ACK. */
  readonly pongs: string[] = [];
  /** The server's settings, the last value of each. */
  readonly settings = new Map<number, number>();
  /** The connection, for what concerns its windows. */
  readonly connection = new StreamLog(0, "");
  readonly #decoder = new HpackDecoder({ headerSizeLimit: 2 ** 24, headerCountLimit: 10_000 });
  #own = new Map<number, number>();
  #unacknowledged: (readonly Setting[])[] = [];
  #fragments: ReceivedFrame[] = [];
  #acknowledged = 0;

  /** How many of this client's SETTINGS frames the server has acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** How many it has yet to acknowledge. */
  get unacknowledged(): number {
    return this.#unacknowledged.length;
  }

  /** How many more bytes of DATA the server takes on a stream, or for 0 on all of them together. */
  credit(streamId: number): number {
    const stream = streamId === 0 ? this.connection : this.streams.get(streamId);
    const first = streamId === 0
      ? initialWindow
      : this.settings.get(Settings.INITIAL_WINDOW_SIZE) ?? initialWindow;
    return first + (stream?.credited ?? 0) - (stream?.sent ?? 0);
  }

  // A setting of this client's, while it is not known whether the server has it: the most that it may mean.
  #setting(id: number, initial: number): number {
    const unsure = this.#unacknowledged.flat().filter((setting) => setting[0] === id);
    return Math.max(this.#own.get(id) ?? initial, ...unsure.map((setting) => setting[1]));
  }

  /** Knows a stream that was opened without a frame. */
  open(id: number, method: string): void {
    if (!this.streams.has(id)) this.streams.set(id, new StreamLog(id, method));
  }

  /** Takes note of a frame that is sent. */
  onSent({ type, flags = 0, streamId = 0, payload = [] }: RawFrame): void {
    const bytes = toBytes(payload);
    const stream = streamId === 0 ? this.connection : this.streams.get(streamId);
    if (type === FrameType.HEADERS && streamId % 2 === 1) this.open(streamId, "");
    if (type === FrameType.RST_STREAM && stream !== undefined) stream.resetByClient = true;
    if (type === FrameType.WINDOW_UPDATE && stream !== undefined) stream.granted += readUint(bytes, 0);
    if (type === FrameType.DATA && stream !== undefined) {
      stream.sent += bytes.length;
      this.connection.sent += bytes.length;
    }
    if (type !== FrameType.SETTINGS || (flags & Flag.ACK) !== 0) return;
    const count = Math.floor(bytes.length / 6);
    this.#unacknowledged.push(
      Array.from({ length: count }, (_, at) => [readUint(bytes, 6 * at, 2), readUint(bytes, 6 * at + 2)]),
    );
  }

  /** Takes a frame that came. */
  take(frame: ReceivedFrame): void {
    this.#judgeFrame(frame);
    this.frames.push(frame);
    switch (frame.type) {
      case FrameType.DATA:
        return this.#onData(frame);
      case FrameType.HEADERS:
      case FrameType.PUSH_PROMISE:
      case FrameType.CONTINUATION:
        return this.#onFragment(frame);
      case FrameType.RST_STREAM:
        return this.#onReset(frame);
      case FrameType.SETTINGS:
        return this.#onSettings(frame);
      case FrameType.PING:
        return this.#onPing(frame);
      case FrameType.GOAWAY:
        return this.#onGoaway(frame);
      case FrameType.WINDOW_UPDATE:
        return this.#onWindowUpdate(frame);
      default:
        throw new Http2Fault(`a frame of type ${frame.type} from a server`);
    }
  }

  #judgeFrame({ type, flags, streamId, payload }: ReceivedFrame): void {
    const isFirst = this.frames.length === 0;
    const isSettings = type === FrameType.SETTINGS && (flags & Flag.ACK) === 0;
    demand(!isFirst || isSettings, `a frame of type ${type} ahead of SETTINGS (RFC 9113 §3.4)`);
    const limit = this.#setting(Settings.MAX_FRAME_SIZE, 16_384);
    demand(payload.length <= limit, `a frame of ${payload.length} bytes, above ${limit} (RFC 9113 §4.2)`);
    demand(streamId < 2 ** 31, "the reserved bit is set (RFC 9113 §4.1)");
    demand((flags & ~(flagsOf[type] ?? 0)) === 0, `flags ${flags} of type ${type} (RFC 9113 §4.1)`);
    const [head] = this.#fragments;
    if (head === undefined) {
      demand(type !== FrameType.CONTINUATION, "a CONTINUATION of nothing (RFC 9113 §6.10)");
    } else {
      const continues = type === FrameType.CONTINUATION && streamId === head.streamId;
      demand(continues, `a frame of type ${type} inside a field block (RFC 9113 §4.3)`);
    }
  }

  #streamOf(streamId: number, what: string): StreamLog {
    const stream = this.streams.get(streamId);
    demand(stream !== undefined, `${what} on stream ${streamId}, which is idle (RFC 9113 §5.1)`);
    return stream;
  }

  #liveStream(streamId: number, what: string): StreamLog {
    const stream = this.#streamOf(streamId, what);
    demand(!stream.ended, `${what} on stream ${streamId} behind its END_STREAM (RFC 9113 §5.1)`);
    demand(stream.resets.length === 0, `${what} on stream ${streamId} behind RST_STREAM (RFC 9113 §5.4.2)`);
    return stream;
  }

  #onData(frame: ReceivedFrame): void {
    const { length } = frame.payload;
    const stream = this.#liveStream(frame.streamId, "DATA");
    demand(stream.head !== null, "DATA ahead of a final head (RFC 9113 §8.1)");
    stream.received += length;
    this.connection.received += length;
    const window = this.#setting(Settings.INITIAL_WINDOW_SIZE, initialWindow) + stream.granted;
    const whole = initialWindow + this.connection.granted;
    demand(length === 0 || stream.received <= window, "DATA beyond the stream's window (RFC 9113 §6.9.1)");
    const fits = length === 0 || this.connection.received <= whole;
    demand(fits, "DATA beyond the connection's window (RFC 9113 §6.9.1)");
    stream.chunks.push(unpad(frame));
    if ((frame.flags & Flag.END_STREAM) !== 0) this.#finish(stream);
  }

  #onFragment(frame: ReceivedFrame): void {
    this.#fragments.push(frame);
    if ((frame.flags & Flag.END_HEADERS) === 0) return;
    const [head = frame, ...others] = this.#fragments;
    this.#fragments = [];
    const content = unpad(head);
    const skipped = head.type === FrameType.PUSH_PROMISE ? 4 : (head.flags & Flag.PRIORITY) !== 0 ? 5 : 0;
    const block = concat([content.subarray(skipped), ...others.map(({ payload }) => payload)]);
    const fields = this.#decoder.decode(block).fields.map(({ name, value }): FieldLine => [name, value]);
    if (head.type === FrameType.PUSH_PROMISE) this.#onPromise(head.streamId, readUint(content, 0), fields);
    else this.#onSection(head, fields);
  }

  #onSection({ streamId, flags }: ReceivedFrame, fields: Fields): void {
    const stream = this.#liveStream(streamId, "HEADERS");
    const ends = (flags & Flag.END_STREAM) !== 0;
    if (stream.head !== null) {
      demand(ends, "a second HEADERS that does not end the stream (RFC 9113 §8.1)");
      judgeFields(fields, []);
      stream.trailers = fields;
    } else {
      this.#onHead(stream, fields, ends);
    }
    if (ends) this.#finish(stream);
  }

  #onHead(stream: StreamLog, [first, ...fields]: Fields, ends: boolean): void {
    const [name, status = ""] = first ?? [""];
    demand(name === ":status" && /^[1-5][0-9]{2}$/.test(status), "no :status first (RFC 9113 §8.3.2)");
    judgeFields(fields, []);
    demand(status !== "101", "the status 101 (RFC 9113 §8.6)");
    const head = { status: Number(status), fields };
    if (head.status >= 200) stream.head = head;
    else stream.interim.push(head);
    demand(stream.head !== null || !ends, "an interim response that ends the stream (RFC 9113 §8.1)");
    if (stream.promise === null) return;
    const open = [...this.streams.values()].filter((other) =>
      other.promise !== null && other.head !== null && !other.over && !other.resetByClient
    );
    const limit = this.#setting(Settings.MAX_CONCURRENT_STREAMS, Infinity);
    demand(open.length <= limit, "too many pushed streams at once (RFC 9113 §5.1.2)");
  }

  #onPromise(parentId: number, promisedId: number, fields: Fields): void {
    const parent = this.#liveStream(parentId, "PUSH_PROMISE");
    demand(parent.promise === null, "PUSH_PROMISE on a stream of the server (RFC 9113 §8.4.1)");
    demand(this.#setting(Settings.ENABLE_PUSH, 1) === 1, "PUSH_PROMISE to who takes none (RFC 9113 §6.6)");
    const last = Math.max(0, ...[...this.streams.keys()].filter((id) => id % 2 === 0));
    demand(promisedId % 2 === 0 && promisedId > last, `stream ${promisedId} is promised (RFC 9113 §5.1.1)`);
    judgeFields(fields, [":method", ":scheme", ":authority", ":path"]);
    const values = Object.fromEntries(fields.slice(0, 4));
    demand(Object.keys(values).length === 4, "a pseudo-header field twice (RFC 9113 §8.3)");
    const method = values[":method"] ?? "";
    demand(["GET", "HEAD"].includes(method), `a promised ${method} (RFC 9113 §8.4)`);
    this.streams.set(promisedId, new StreamLog(promisedId, method, fields));
  }

  #finish(stream: StreamLog): void {
    stream.ended = true;
    const length = stream.field("content-length");
    if (stream.method === "HEAD" || stream.status === 204 || stream.status === 304) {
      demand(stream.size === 0, `content in a response that has none (RFC 9110 §6.4.1)`);
    } else if (length !== null) {
      demand(length === String(stream.size), `content-length ${length} of ${stream.size} (RFC 9113 §8.1.1)`);
    }
  }

  #onReset({ streamId, payload }: ReceivedFrame): void {
    demand(payload.length === 4, "an RST_STREAM frame of another size than 4 (RFC 9113 §6.4)");
    this.#streamOf(streamId, "RST_STREAM").resets.push(readUint(payload, 0));
  }

  #onSettings({ streamId, flags, payload }: ReceivedFrame): void {
    demand(streamId === 0, "SETTINGS on a stream (RFC 9113 §6.5)");
    demand(payload.length % 6 === 0, "a SETTINGS frame of a wrong size (RFC 9113 §6.5)");
    if ((flags & Flag.ACK) !== 0) return this.#onAcknowledged(payload);
    for (let at = 0; at < payload.length; at += 6) {
      const [id, value] = [readUint(payload, at, 2), readUint(payload, at + 2)];
      demand(id !== Settings.ENABLE_PUSH || value === 0, "a server that takes pushes (RFC 9113 §6.5.2)");
      demand(id !== Settings.INITIAL_WINDOW_SIZE || value <= largestWindow, "a window (RFC 9113 §6.5.2)");
      const isSize = value >= 2 ** 14 && value < 2 ** 24;
      demand(id !== Settings.MAX_FRAME_SIZE || isSize, "a frame size (RFC 9113 §6.5.2)");
      demand(id !== Settings.ENABLE_CONNECT_PROTOCOL || value <= 1, "not 0 or 1 (RFC 8441 §3)");
      demand(id !== Settings.NO_OLD_PRIORITIES || value <= 1, "not 0 or 1 (RFC 9218 §2.1)");
      this.settings.set(id, value);
    }
  }

  #onAcknowledged(payload: Uint8Array): void {
    demand(payload.length === 0, "settings beside ACK (RFC 9113 §6.5)");
    const settings = this.#unacknowledged.shift();
    demand(settings !== undefined, "ACK of no SETTINGS (RFC 9113 §6.5.3)");
    for (const [id, value] of settings) this.#own.set(id, value);
    this.#acknowledged++;
  }

  #onPing({ streamId, flags, payload }: ReceivedFrame): void {
    demand(streamId === 0 && payload.length === 8, "a malformed PING (RFC 9113 §6.7)");
    if ((flags & Flag.ACK) !== 0) this.pongs.push(fromLatin1(payload));
  }

  #onGoaway({ streamId, payload }: ReceivedFrame): void {
    demand(streamId === 0 && payload.length >= 8, "a malformed GOAWAY (RFC 9113 §6.8)");
    const lastStreamId = readUint(payload, 0);
    const before = this.goaways.at(-1)?.lastStreamId ?? largestWindow;
    demand(lastStreamId <= before, `the last stream is ${lastStreamId}, was ${before} (RFC 9113 §6.8)`);
    this.goaways.push({
      lastStreamId,
      code: readUint(payload, 4),
      debug: fromLatin1(payload.subarray(8)),
    });
  }

  #onWindowUpdate({ streamId, payload }: ReceivedFrame): void {
    demand(payload.length === 4, "a WINDOW_UPDATE frame of another size than 4 (RFC 9113 §6.9)");
    const increment = readUint(payload, 0);
    demand(increment > 0 && increment <= largestWindow, `a window grows by ${increment} (RFC 9113 §6.9)`);
    const stream = streamId === 0 ? this.connection : this.#streamOf(streamId, "WINDOW_UPDATE");
    demand(stream.resets.length === 0, "WINDOW_UPDATE behind RST_STREAM (RFC 9113 §5.4.2)");
    stream.credited += increment;
    demand(this.credit(streamId) <= largestWindow, "a window above 2^31-1 (RFC 9113 §6.9.1)");
  }
}

// The client.

/** How a client of a test begins. */
export interface Http2Options {
  /** The settings of its first SETTINGS frame. */
  readonly settings?: readonly Setting[];
  /** Whether SETTINGS and PING are acknowledged without being told; they are by default. */
  readonly acknowledges?: boolean;
  /** What is sent first instead of the connection preface; `begin()` sends that then. */
  readonly first?: string | Uint8Array;
  /** Whether a head of HTTP/1 comes before the first frame. */
  readonly upgrades?: boolean;
  /** How long one wait may take, in milliseconds. */
  readonly deadline?: number;
}

/** What a request of a test has; a GET of `/` when all is left out. */
export interface Http2Request {
  readonly method?: string;
  readonly path?: string;
  /** Fields behind the pseudo-header fields. */
  readonly fields?: Fields;
  /** Its content, in one DATA frame. */
  readonly body?: string | Uint8Array;
  /** Whether it is complete; it is by default. */
  readonly endStream?: boolean;
  /** The stream; the next one when left out. */
  readonly id?: number;
}

/** How a field block is sent. */
export interface HeadersOptions {
  readonly endStream?: boolean;
  readonly endHeaders?: boolean;
}

/** One client connection of a test that speaks HTTP/2. */
export class Http2Client {
  /** What went over the connection. */
  readonly log = new Http2Log();
  /** The server's side of this connection. */
  readonly peer: Client;
  /** The head of HTTP/1 that came first, where one was asked for. */
  http1Head = "";
  readonly #connection: Connection;
  readonly #acknowledges: boolean;
  readonly #deadline: number;
  readonly #settings: readonly Setting[];
  readonly #reading: Promise<void>;
  #upgrading: boolean;
  #writing: Promise<void> = Promise.resolve();
  #outbox: Uint8Array[] = [];
  #unparsed: Uint8Array = new Uint8Array(0);
  #news = Promise.withResolvers<void>();
  #held: PromiseWithResolvers<void> | null = null;
  #fault: Error | null = null;
  #begun = false;
  #ended = false;
  #closed = false;
  #nextId = 1;
  #pings = 0;

  /** Begins at once: the connection preface with its SETTINGS is the first that is sent. */
  constructor(connection: Connection, peer: Client, options: Http2Options = {}) {
    this.#connection = connection;
    this.peer = peer;
    this.#acknowledges = options.acknowledges ?? true;
    this.#deadline = options.deadline ?? usualDeadline;
    this.#settings = options.settings ?? [];
    this.#upgrading = options.upgrades ?? false;
    if (options.first === undefined) this.begin();
    else this.send(options.first);
    this.#reading = this.#readAll();
  }

  // Sending: what is sent in one turn is one write.

  /** Sends the connection preface (RFC 9113 §3.4). */
  begin(): void {
    this.#begun = true;
    this.send(preface);
    this.settings(this.#settings);
    for (const frame of this.log.frames) if (this.#acknowledges) this.#acknowledge(frame);
  }

  /** Sends bytes; a server that is gone is no error. */
  send(data: string | Uint8Array): void {
    this.#outbox.push(typeof data === "string" ? latin1(data) : data);
    if (this.#outbox.length > 1) return;
    this.#writing = this.#writing.then(() => this.#flush()).catch((error) => {
      if (!(error instanceof Error)) throw error;
    });
  }

  async #flush(): Promise<void> {
    const bytes = concat(this.#outbox);
    this.#outbox = [];
    for (let offset = 0; offset < bytes.length;) {
      offset += await this.#connection.write(bytes.subarray(offset));
    }
  }

  /** Resolves when all that was sent has been taken. */
  async flushed(): Promise<void> {
    await within("the write", this.#writing, this.#deadline);
  }

  /** Sends any frame. */
  frame(frame: RawFrame): void {
    this.log.onSent(frame);
    this.send(frameBytes(frame));
  }

  /** Opens a stream, and gives its identifier. */
  request({ method = "GET", path, fields, body, endStream = true, id }: Http2Request = {}): number {
    const streamId = id ?? this.#nextId;
    this.#nextId = Math.max(this.#nextId, streamId + 2);
    this.log.open(streamId, method);
    this.headers(streamId, requestFields(method, path, fields), {
      endStream: endStream && body === undefined,
    });
    if (body !== undefined) this.data(streamId, body, endStream);
    return streamId;
  }

  /** The identifier of the next stream, which is taken by that. */
  takeId(): number {
    this.#nextId += 2;
    return this.#nextId - 2;
  }

  /** Sends a field section, or a field block that is encoded already, in a HEADERS frame. */
  headers(streamId: number, fields: Fields | Uint8Array, options: HeadersOptions = {}): void {
    const { endStream = true, endHeaders = true } = options;
    if (!(fields instanceof Uint8Array)) {
      this.log.open(streamId, fields.find((field) => field[0] === ":method")?.[1] ?? "");
    }
    const flags = (endStream ? Flag.END_STREAM : 0) | (endHeaders ? Flag.END_HEADERS : 0);
    const payload = fields instanceof Uint8Array ? fields : hpackBlock(fields);
    this.frame({ type: FrameType.HEADERS, flags, streamId, payload });
  }

  /** Sends CONTINUATION. */
  continuation(streamId: number, payload: Uint8Array | readonly number[], endHeaders = true): void {
    const flags = endHeaders ? Flag.END_HEADERS : 0;
    this.frame({ type: FrameType.CONTINUATION, flags, streamId, payload });
  }

  /** Sends one DATA frame, whatever the windows say. */
  data(streamId: number, payload: string | Uint8Array, endStream = false): void {
    this.frame({ type: FrameType.DATA, flags: endStream ? Flag.END_STREAM : 0, streamId, payload });
  }

  /** Sends as much as the windows allow, and the rest as they grow. */
  async upload(streamId: number, bytes: Uint8Array, endStream = true): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const room = () => Math.min(this.log.credit(0), this.log.credit(streamId), 16_384);
      await this.until(`credit for stream ${streamId}`, () => room() > 0 || undefined);
      const end = Math.min(at + room(), bytes.length);
      this.data(streamId, bytes.subarray(at, end), endStream && end === bytes.length);
      at = end;
    }
  }

  /** Sends RST_STREAM. */
  reset(streamId: number, code: number = ErrorCode.CANCEL): void {
    this.frame({ type: FrameType.RST_STREAM, streamId, payload: uint(code) });
  }

  /** Sends SETTINGS. */
  settings(settings: readonly Setting[]): void {
    this.frame({ type: FrameType.SETTINGS, payload: settingsPayload(settings) });
  }

  /** Sends PING with eight bytes. */
  ping(payload: string): void {
    this.frame({ type: FrameType.PING, payload });
  }

  /** Sends WINDOW_UPDATE. */
  grant(streamId: number, increment: number): void {
    this.frame({ type: FrameType.WINDOW_UPDATE, streamId, payload: uint(increment) });
  }

  /** Sends GOAWAY. */
  goaway(lastStreamId = 0, code: number = ErrorCode.NO_ERROR): void {
    this.frame({ type: FrameType.GOAWAY, payload: [...uint(lastStreamId), ...uint(code)] });
  }

  /** Ends this side of the connection once all was sent. */
  async end(): Promise<void> {
    await this.flushed();
    await this.#connection.closeWrite?.();
  }

  // Receiving.

  async #readAll(): Promise<void> {
    const buffer = new Uint8Array(65536);
    try {
      for (;;) {
        if (this.#held !== null) await this.#held.promise;
        const count = await this.#connection.read(buffer);
        if (count === null) break;
        this.#feed(buffer.slice(0, count));
        this.#tell();
      }
    } catch (error) {
      if (!isDisconnect(error)) this.#fault = error instanceof Error ? error : new Error(String(error));
    }
    this.#ended = true;
    this.#tell();
  }

  #feed(bytes: Uint8Array): void {
    this.#unparsed = concat([this.#unparsed, bytes]);
    if (this.#upgrading && !this.#takeHttp1Head()) return;
    for (;;) {
      const length = readUint(this.#unparsed, 0, 3);
      if (this.#unparsed.length < 9 || this.#unparsed.length < 9 + length) return;
      const [type = 0, flags = 0] = this.#unparsed.subarray(3);
      const frame = {
        type,
        flags,
        streamId: readUint(this.#unparsed, 5),
        payload: this.#unparsed.slice(9, 9 + length),
      };
      this.#unparsed = this.#unparsed.subarray(9 + length);
      this.log.take(frame);
      if (this.#acknowledges && this.#begun) this.#acknowledge(frame);
    }
  }

  #takeHttp1Head(): boolean {
    const end = fromLatin1(this.#unparsed).indexOf("\r\n\r\n");
    if (end < 0) return false;
    this.http1Head = fromLatin1(this.#unparsed.subarray(0, end + 4));
    this.#unparsed = this.#unparsed.subarray(end + 4);
    this.#upgrading = false;
    return true;
  }

  #acknowledge({ type, flags, payload }: ReceivedFrame): void {
    if ((flags & Flag.ACK) !== 0) return;
    if (type === FrameType.SETTINGS) this.frame({ type, flags: Flag.ACK });
    if (type === FrameType.PING) this.frame({ type, flags: Flag.ACK, payload });
  }

  #tell(): void {
    const { resolve } = this.#news;
    this.#news = Promise.withResolvers();
    resolve();
  }

  /** Reads nothing further, so that what the server writes waits. */
  hold(): void {
    this.#held ??= Promise.withResolvers();
  }

  /** Reads again. */
  resume(): void {
    this.#held?.resolve();
    this.#held = null;
  }

  /** Whether the server has ended its side. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Waits until `probe` gives something else than `undefined`, and gives that. */
  async until<T>(what: string, probe: () => T | undefined): Promise<T> {
    const start = performance.now();
    for (;;) {
      if (this.#fault !== null) throw this.#fault;
      const found = probe();
      if (found !== undefined) return found;
      if (this.#ended) throw new Error(`${what}: the connection ended before. ${this.describe()}`);
      const left = this.#deadline - (performance.now() - start);
      try {
        await within(what, this.#news.promise, left);
      } catch (error) {
        throw new Error(`${error instanceof Error ? error.message : error}. ${this.describe()}`);
      }
    }
  }

  /** What came last, in words. */
  describe(): string {
    const names = Object.entries(FrameType);
    const frames = this.log.frames.slice(-12).map(({ type, flags, streamId, payload }) => {
      const name = names.find((entry) => entry[1] === type)?.[0] ?? type;
      const code = type === FrameType.RST_STREAM ? ` code ${readUint(payload, 0)}` : "";
      return `${name}(stream ${streamId}, flags ${flags}, ${payload.length} bytes${code})`;
    });
    return `Received: ${frames.join(" ") || "nothing"}${this.#goawayText()}${this.#ended ? ", end" : ""}`;
  }

  #goawayText(): string {
    return this.log.goaways.map((goaway) => ` ${JSON.stringify(goaway)}`).join("");
  }

  /** What happened on a stream. */
  stream(streamId: number): StreamLog {
    const stream = this.log.streams.get(streamId);
    assert(stream !== undefined, `there is no stream ${streamId}. ${this.describe()}`);
    return stream;
  }

  /** The final head on a stream. */
  async head(streamId: number): Promise<Http2Head> {
    return await this.until(`a head on stream ${streamId}`, () => {
      const { head, resets } = this.stream(streamId);
      assert(head !== null || resets.length === 0, `stream ${streamId} was reset. ${this.describe()}`);
      return head ?? undefined;
    });
  }

  /** A whole response. */
  async response(streamId: number): Promise<StreamLog> {
    const stream = await this.over(streamId);
    assert(stream.ended, `stream ${streamId} was reset. ${this.describe()}`);
    return stream;
  }

  /** A stream once it was ended or reset by the server. */
  async over(streamId: number): Promise<StreamLog> {
    return await this.until(`the end of stream ${streamId}`, () => {
      const stream = this.log.streams.get(streamId);
      return stream?.over ? stream : undefined;
    });
  }

  /** The code of the RST_STREAM on a stream. */
  async resetCode(streamId: number): Promise<number> {
    return await this.until(`RST_STREAM on stream ${streamId}`, () => this.stream(streamId).resets[0]);
  }

  /** Waits for `count` bytes of content on a stream. */
  async content(streamId: number, count: number): Promise<void> {
    const enough = () => (this.log.streams.get(streamId)?.size ?? 0) >= count || undefined;
    await this.until(`${count} bytes on stream ${streamId}`, enough);
  }

  /** Waits until the server has acknowledged all SETTINGS frames. */
  async acknowledged(): Promise<void> {
    await this.until("ACK of SETTINGS", () => this.log.unacknowledged === 0 || undefined);
  }

  /** Waits until the server has dealt with all frames that were sent: for the answer to a PING behind them. */
  async sync(): Promise<void> {
    const payload = `sync${String(++this.#pings).padStart(4, "0")}`;
    this.ping(payload);
    await this.until("the answer to PING", () => this.log.pongs.includes(payload) || undefined);
  }

  /** The first GOAWAY. */
  async goneAway(): Promise<Goaway> {
    return await this.until("GOAWAY", () => this.log.goaways[0]);
  }

  /** Waits until the server has ended its side; the last GOAWAY, if there was one. */
  async closed(): Promise<Goaway | null> {
    await this.until("the end of the connection", () => this.#ended || undefined);
    assertEquals(this.#unparsed.length, 0, "bytes of a frame that was cut off");
    return this.log.goaways.at(-1) ?? null;
  }

  // Expectations.

  /** Fails unless the server ends the connection with GOAWAY and one of these codes (RFC 9113 §5.4.1). */
  async expectConnectionError(...codes: readonly number[]): Promise<void> {
    const goaway = await this.closed();
    assert(goaway !== null, `the connection ended without GOAWAY. ${this.describe()}`);
    assertOneOf(nameOf(goaway.code), codes.map(nameOf), `the code of GOAWAY (${goaway.debug})`);
  }

  /** Fails unless the server resets the stream with one of these codes, and nothing else (RFC 9113 §5.4.2). */
  async expectStreamError(streamId: number, ...codes: readonly number[]): Promise<void> {
    const code = await this.resetCode(streamId);
    assertOneOf(nameOf(code), codes.map(nameOf), `the code of RST_STREAM on stream ${streamId}`);
    await this.expectAlive();
  }

  /** Fails unless the request was refused as malformed: by RST_STREAM, or an answer ahead of it (RFC 9113 §8.1.1). */
  async expectMalformed(streamId: number, ...statuses: readonly number[]): Promise<void> {
    const stream = await this.over(streamId);
    await this.expectAlive();
    if (stream.ended) {
      assertOneOf(stream.status, statuses.length > 0 ? statuses : [400], "the status of a malformed request");
    }
    const allowed = stream.ended ? ["NO_ERROR", "PROTOCOL_ERROR"] : ["PROTOCOL_ERROR"];
    for (const code of stream.resets) assertOneOf(nameOf(code), allowed, "the code of RST_STREAM");
  }

  /** Fails unless the connection goes on: it answers PING and has sent no GOAWAY. */
  async expectAlive(): Promise<void> {
    await this.sync();
    assertEquals(this.log.goaways, [], `GOAWAY frames. ${this.describe()}`);
  }

  /** Closes both directions; throws what the server did wrong and no test has noticed. Calling it again does nothing. */
  async close(): Promise<void> {
    this.resume();
    if (!this.#closed) {
      this.#closed = true;
      this.#connection.close();
    }
    await within("the end of pending reads and writes", Promise.all([this.#reading, this.#writing]));
    if (this.#fault !== null) throw this.#fault;
  }
}

/** The name of an error code. */
export function nameOf(code: number): string {
  return Object.entries(ErrorCode).find((entry) => entry[1] === code)?.[0] ?? String(code);
}

/** Whether an error says that one of both sides is gone. */
function isDisconnect(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.BadResource;
}

// Servers.

/** How a client of a test connects. */
export interface Http2ConnectOptions extends Http2Options {
  /** How many bytes the server gets from one read at most. */
  readonly step?: number;
  /** What ALPN has chosen, on a connection that is encrypted; without it, it is not. */
  readonly alpn?: string;
}

/** What a test gets of a server in memory. */
export interface Http2Harness {
  readonly server: HttpServer;
  /** What the server logged: the arguments of each call. */
  readonly log: readonly (readonly unknown[])[];
  /** A further connection that speaks HTTP/2, closed when the test ends. */
  connect(options?: Http2ConnectOptions): Http2Client;
  /** A further connection that speaks HTTP/1. */
  readonly connectHttp1: Harness["connect"];
}

/** Runs a test against a server that is given connections in memory. */
export async function withHttp2<T>(
  handler: Handler,
  options: ServerOptions,
  run: (harness: Http2Harness) => Promise<T>,
): Promise<T> {
  return await withServer(handler, options, async ({ server, log, connect: connectHttp1 }) => {
    const opened: Http2Client[] = [];
    function connect(connecting: Http2ConnectOptions = {}): Http2Client {
      const pair = connectionPair();
      const peer = server.accept(disguise(pair.server, connecting));
      const client = new Http2Client(pair.client, peer, connecting);
      opened.push(client);
      return client;
    }
    const [outcome] = await Promise.allSettled([run({ server, log, connect, connectHttp1 })]);
    const endings = await Promise.allSettled(opened.map((client) => client.close()));
    if (outcome.status === "rejected") throw outcome.reason;
    for (const ending of endings) if (ending.status === "rejected") throw ending.reason;
    return outcome.value;
  });
}

// Handlers.

/** A handler whose requests wait until they are told to go on. */
export class Gate {
  /** The targets of the requests that came, in their order. */
  readonly targets: string[] = [];
  /** The requests' signals, by target. */
  readonly signals = new Map<string, AbortSignal>();
  readonly #waiting = new Map<string, PromiseWithResolvers<Response>>();
  #arrived = Promise.withResolvers<void>();

  /** Answers what begins with `/now` at once, and else when {@link Gate.open} says so. */
  readonly handler: Handler = (request, exchange) => {
    const { target } = exchange;
    this.targets.push(target);
    this.signals.set(target, request.signal);
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
    return target.startsWith("/now") ? new Response("now") : this.#at(target).promise;
  };

  #at(target: string): PromiseWithResolvers<Response> {
    const waiting = this.#waiting.get(target) ?? Promise.withResolvers<Response>();
    this.#waiting.set(target, waiting);
    return waiting;
  }

  /** Answers a request, be it here already or not. */
  open(target: string, response: Response = new Response(target)): void {
    this.#at(target).resolve(response);
  }

  /** Waits until a request is here. */
  async arrival(target: string): Promise<void> {
    while (!this.targets.includes(target)) {
      await within(`the request ${target}`, this.#arrived.promise);
    }
  }
}
