/**
 * What a server has sent over HTTP/2, judged frame by frame, and as the answers of its streams.
 *
 * @module
 */

import { ConnectionError, StreamError } from "../../drivers/http2/error_code.ts";
import { Flag, type Frame, FrameType } from "../../drivers/http2/frame.ts";
import { FrameReader } from "../../drivers/http2/frame_reader.ts";
import { PartialFieldBlock } from "../../drivers/http2/frames/continuation.ts";
import { parseHeaders } from "../../drivers/http2/frames/headers.ts";
import { CompressionError } from "../../drivers/http2/hpack/compression_error.ts";
import { HpackDecoder } from "../../drivers/http2/hpack/decoder.ts";
import { InputBuffer } from "../../drivers/input_buffer.ts";
import { fromLatin1 } from "../support/bytes.ts";
import { Http2Log, type RawFrame, type ReceivedFrame } from "../support/http2_client.ts";
import { demand } from "./target.ts";

const HEAD_SIZE = 9;
const PREFACE_SIZE = 24;
const BLOCK_LIMITS = { headerSizeLimit: 2 ** 20, continuationFrameLimit: 1000 };

/** The frames of some bytes, as far as they are whole. */
export function* framesOf(bytes: Uint8Array): Generator<ReceivedFrame> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + HEAD_SIZE <= bytes.length;) {
    const length = view.getUint32(at) >>> 8;
    const end = at + HEAD_SIZE + length;
    if (end > bytes.length) return;
    const [type, flags, streamId] = [bytes[at + 3]!, bytes[at + 4]!, view.getUint32(at + 5)];
    yield { type, flags, streamId, payload: bytes.subarray(at + HEAD_SIZE, end) };
    at = end;
  }
}

/** What came on one stream. */
export interface StreamAnswer {
  readonly status: number;
  readonly interim: readonly number[];
  /** The fields, but for the date. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
  readonly trailers: readonly (readonly [string, string])[];
  readonly complete: boolean;
  /** The codes of its RST_STREAM frames, but for NO_ERROR. */
  readonly resets: readonly number[];
}

/** What a server has sent on one connection. */
export interface Received {
  readonly streams: ReadonlyMap<number, StreamAnswer>;
  /** The codes of its GOAWAY frames. */
  readonly goaways: readonly number[];
}

/** The methods of the requests in some frames, as far as they can be read. */
function readMethods(bytes: Uint8Array): Map<number, string> {
  const methods = new Map<number, string>();
  try {
    takeMethods(bytes, methods);
  } catch (error) {
    if (!(error instanceof ConnectionError || error instanceof CompressionError)) throw error;
  }
  return methods;
}

function takeMethods(bytes: Uint8Array, methods: Map<number, string>): void {
  const decoder = new HpackDecoder({ headerSizeLimit: 2 ** 20, headerCountLimit: 1000 });
  let block: PartialFieldBlock | null = null;
  for (const frame of readable(bytes)) {
    if (frame.type === FrameType.HEADERS) {
      parseHeaders(frame);
      block = new PartialFieldBlock(frame, frame.has(Flag.END_STREAM), BLOCK_LIMITS);
    } else if (frame.type === FrameType.CONTINUATION) block?.add(frame);
    if (block === null || !frame.has(Flag.END_HEADERS)) continue;
    const method = decoder.decode(block.join()).fields.find(({ name }) => name === ":method");
    if (!methods.has(block.streamId)) methods.set(block.streamId, method?.value ?? "");
    block = null;
  }
}

/** The frames of a client, up to the first that is an error of the connection. */
function* readable(bytes: Uint8Array): Generator<Frame> {
  const input = new InputBuffer();
  const reader = new FrameReader();
  input.push(bytes.slice());
  while (input.length > 0) {
    try {
      const frame = reader.read(input);
      if (frame === undefined) return;
      yield frame;
    } catch (error) {
      if (!(error instanceof StreamError)) return;
    }
  }
}

/** Judges what a server has sent in answer to some bytes. */
export function judgeReceived(sent: Uint8Array, received: Uint8Array): Received {
  const log = new Http2Log();
  for (const [id, method] of readMethods(sent.subarray(PREFACE_SIZE))) log.open(id, method);
  for (const { type, flags, streamId, payload } of framesOf(sent.subarray(PREFACE_SIZE))) {
    const frame: RawFrame = { type, flags, streamId: streamId & 0x7fffffff, payload };
    log.onSent(frame);
  }
  let size = 0;
  for (const frame of framesOf(received)) {
    log.take(frame);
    size += HEAD_SIZE + frame.payload.length;
  }
  demand(
    size === received.length,
    `the server's last frame has ${received.length - size} bytes, and is not whole`,
  );
  return { streams: answersOf(log), goaways: log.goaways.map(({ code }) => code) };
}

function answersOf(log: Http2Log): Map<number, StreamAnswer> {
  const answers = new Map<number, StreamAnswer>();
  for (const [id, stream] of log.streams) {
    answers.set(id, {
      status: stream.status,
      interim: stream.interim.map(({ status }) => status).filter((status) => status !== 100),
      fields: (stream.head?.fields ?? []).filter(([name]) => name !== "date"),
      body: fromLatin1(stream.bytes),
      trailers: stream.trailers ?? [],
      complete: stream.ended,
      resets: stream.resets.filter((code) => code !== 0),
    });
  }
  return answers;
}
