/**
 * The clients of the target `state`, over HTTP/1, HTTP/2 and WebSocket: each sends requests in parts, and tells their answers.
 *
 * @module
 */

import { HpackEncoder } from "../../drivers/http2/hpack/encoder.ts";
import { fromLatin1, latin1 } from "../support/bytes.ts";
import {
  Flag,
  frameBytes,
  FrameType,
  Http2Log,
  preface,
  settingsPayload,
  uint,
} from "../support/http2_client.ts";
import { ResponseReader } from "../support/response_parser.ts";
import { encodeClientFrame, handshake, readServerFrames } from "../support/websocket_wire.ts";
import type { Peer } from "./harness.ts";
import { encodeBlock } from "./hpack.ts";
import type { Field } from "./hpack_reference.ts";
import { framesOf } from "./http2_received.ts";
import { bodyOf, type TokenRequest } from "./state_handler.ts";

/** An answer, and all of its text, in which there may be no token of another request. */
export interface TokenAnswer {
  readonly status: number;
  readonly token: string | null;
  readonly body: string;
  readonly complete: boolean;
  readonly text: string;
}

/** What every client does. */
export interface TokenClient {
  /** Sends the head of a request. */
  begin(key: string, request: TokenRequest): void;
  /** Sends the next piece of a body that is not complete, or its end. */
  proceed(key: string): void;
  /** Gives up a request. */
  cancel(key: string): void;
  /** Sends what is missing of all bodies, and lets everything come. */
  complete(): void;
  /** Ends this side. */
  end(): void;
  /** Closes or breaks the connection. */
  leave(breaks: boolean): void;
  /** Whether it was closed, broken, or has given up so much that nothing further can be answered. */
  readonly left: boolean;
  /** The answers by the keys of their requests, once all is over. */
  answers(): Promise<ReadonlyMap<string, TokenAnswer>>;
}

/** A request whose body is being sent. */
interface Sending {
  readonly request: TokenRequest;
  next: number;
}

function fieldsOf({ id, field }: TokenRequest): Field[] {
  return [["x-id", id], ["x-field", field], ["cookie", `a=${field}`], ["user-agent", "fuzz"]];
}

/** One that speaks HTTP/1.1. */
export class Http1TokenClient implements TokenClient {
  left = false;
  readonly #peer: Peer;
  readonly #sent: { readonly key: string; readonly request: TokenRequest }[] = [];
  #sending: (Sending & { readonly key: string }) | null = null;

  /** @param peer its connection */
  constructor(peer: Peer) {
    this.#peer = peer;
  }

  begin(key: string, request: TokenRequest): void {
    if (this.left) return;
    this.complete();
    this.#sent.push({ key, request });
    const lines = fieldsOf(request).map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const framing = request.method === "GET"
      ? ""
      : request.trailers
      ? "transfer-encoding: chunked\r\n"
      : `content-length: ${bodyOf(request).length}\r\n`;
    this.#send(`${request.method} /${request.target} HTTP/1.1\r\nhost: a\r\n${lines}${framing}\r\n`);
    if (request.method === "POST") this.#sending = { key, request, next: 0 };
  }

  proceed(key: string): void {
    if (this.#sending?.key === key) this.#proceed(this.#sending);
  }

  #proceed(sending: Sending): void {
    const { request } = sending;
    const count = request.pieces[sending.next++];
    if (count !== undefined) {
      const piece = request.body.repeat(count);
      if (!request.trailers) this.#send(piece);
      else if (piece !== "") this.#send(`${piece.length.toString(16)}\r\n${piece}\r\n`);
    }
    if (sending.next < request.pieces.length) return;
    if (request.trailers) this.#send(`0\r\nx-trailer: ${request.field}\r\n\r\n`);
    this.#sending = null;
  }

  complete(): void {
    while (this.#sending !== null && !this.left) this.#proceed(this.#sending);
  }

  cancel(key: string): void {
    if (this.#sending?.key === key) this.leave(false);
  }

  end(): void {
    if (!this.left) this.#peer.end();
  }

  leave(breaks: boolean): void {
    this.left = true;
    if (breaks) this.#peer.reset();
    else this.#peer.close();
  }

  #send(text: string): void {
    if (!this.left) this.#peer.send(latin1(text));
  }

  async answers(): Promise<ReadonlyMap<string, TokenAnswer>> {
    const answers = new Map<string, TokenAnswer>();
    let bytes: Uint8Array | null = this.#peer.received;
    const reader = new ResponseReader(() => {
      const all = bytes;
      bytes = null;
      return Promise.resolve(all);
    });
    for (const { key, request: { method } } of this.#sent) {
      const response = await this.#read(reader, method);
      if (response === null) break;
      answers.set(key, response);
    }
    return answers;
  }

  // Of a connection that this side has left, a response may be cut off anywhere.
  async #read(reader: ResponseReader, method: string): Promise<TokenAnswer | null> {
    try {
      const response = await reader.readResponse({ method });
      if (response === null) return null;
      const { status, fields, text: body, complete, trailers, interim } = response;
      const token = fields.find(([name]) => name === "x-token")?.[1] ?? null;
      return { status, token, body, complete, text: JSON.stringify([fields, body, trailers, interim]) };
    } catch (error) {
      if (this.left) return null;
      throw error;
    }
  }
}

/** One that speaks HTTP/2. */
export class Http2TokenClient implements TokenClient {
  left = false;
  readonly #peer: Peer;
  readonly #encoder = new HpackEncoder();
  readonly #log = new Http2Log();
  readonly #ids = new Map<string, number>();
  readonly #sending = new Map<string, Sending>();
  readonly #cancelled = new Set<string>();
  /** Whether the windows are opened one by one in the end. */
  readonly #opensStreams: boolean;
  #nextId = 1;

  /** @param peer its connection; @param window what the server may send on a stream, until the end */
  constructor(peer: Peer, window: number) {
    this.#peer = peer;
    this.#opensStreams = window === 1000;
    peer.send(latin1(preface));
    this.#send(FrameType.SETTINGS, 0, 0, settingsPayload([[4, window]]));
    this.#send(FrameType.SETTINGS, Flag.ACK, 0, []);
    this.#send(FrameType.WINDOW_UPDATE, 0, 0, uint(2 ** 24));
  }

  begin(key: string, request: TokenRequest): void {
    if (this.left) return;
    const id = this.#nextId;
    this.#nextId += 2;
    this.#ids.set(key, id);
    this.#log.open(id, request.method);
    const { method, target } = request;
    const pseudo: Field[] = [[":method", method], [":scheme", "http"], [":authority", "a"], [
      ":path",
      `/${target}`,
    ]];
    const block = encodeBlock(this.#encoder, [...pseudo, ...fieldsOf(request)], 8);
    const end = method === "GET";
    this.#send(FrameType.HEADERS, Flag.END_HEADERS | (end ? Flag.END_STREAM : 0), id, block);
    if (!end) this.#sending.set(key, { request, next: 0 });
  }

  proceed(key: string): void {
    const sending = this.#sending.get(key);
    if (sending === undefined || this.left) return;
    const { request } = sending;
    const id = this.#ids.get(key)!;
    const piece = request.body.repeat(request.pieces[sending.next++] ?? 0);
    const isLast = sending.next >= request.pieces.length;
    const ends = isLast && !request.trailers;
    this.#send(FrameType.DATA, ends ? Flag.END_STREAM : 0, id, latin1(piece));
    if (!isLast) return;
    this.#sending.delete(key);
    if (!request.trailers) return;
    const block = encodeBlock(this.#encoder, [["x-trailer", request.field]], 8);
    this.#send(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, id, block);
  }

  cancel(key: string): void {
    const id = this.#ids.get(key);
    if (id === undefined || this.left || this.#cancelled.has(key)) return;
    this.#cancelled.add(key);
    this.#sending.delete(key);
    this.#send(FrameType.RST_STREAM, 0, id, uint(8));
  }

  complete(): void {
    for (const key of [...this.#sending.keys()]) {
      while (this.#sending.has(key) && !this.left) this.proceed(key);
    }
    if (this.left) return;
    if (this.#opensStreams) {
      for (const id of this.#ids.values()) this.#send(FrameType.WINDOW_UPDATE, 0, id, uint(2 ** 24));
    } else this.#send(FrameType.SETTINGS, 0, 0, settingsPayload([[4, 2 ** 24]]));
  }

  end(): void {
    if (!this.left) this.#peer.end();
  }

  leave(breaks: boolean): void {
    this.left = true;
    if (breaks) this.#peer.reset();
    else this.#peer.close();
  }

  #send(type: number, flags: number, streamId: number, payload: Uint8Array | readonly number[]): void {
    const frame = { type, flags, streamId, payload };
    this.#log.onSent(frame);
    this.#peer.send(frameBytes(frame));
  }

  answers(): Promise<ReadonlyMap<string, TokenAnswer>> {
    const answers = new Map<string, TokenAnswer>();
    for (const frame of framesOf(this.#peer.received)) this.#log.take(frame);
    for (const [key, id] of this.#ids) if (!this.#cancelled.has(key)) answers.set(key, this.#answerOf(id));
    for (const [id, { promise }] of this.#log.streams) {
      if (promise !== null) answers.set(`promised ${id}`, this.#answerOf(id));
    }
    return Promise.resolve(answers);
  }

  #answerOf(id: number): TokenAnswer {
    const stream = this.#log.streams.get(id)!;
    const { status, text: body, ended: complete, head, trailers, interim, promise } = stream;
    const promises = [...this.#log.frames].filter((frame) =>
      frame.type === FrameType.RST_STREAM && frame.streamId === id
    );
    const text = JSON.stringify([head?.fields ?? [], body, trailers, interim, promise, promises.length]);
    return { status, token: stream.field("x-token"), body, complete, text };
  }
}

/** One that sends messages over a WebSocket, each of which comes back. */
export class WebSocketTokenClient implements TokenClient {
  left = false;
  readonly #peer: Peer;
  readonly #keys: string[] = [];

  /** @param peer its connection */
  constructor(peer: Peer) {
    this.#peer = peer;
    peer.send(
      latin1(handshake({ "Sec-WebSocket-Extensions": "permessage-deflate" }, "GET /socket HTTP/1.1")),
    );
  }

  begin(key: string, request: TokenRequest): void {
    if (this.left) return;
    this.#keys.push(key);
    const payload = `${request.field}${bodyOf(request)}`.slice(0, 1000); // above that it would be compressed
    this.#peer.send(encodeClientFrame({ opcode: 1, payload }));
  }

  proceed(_key: string): void {}

  cancel(_key: string): void {}

  complete(): void {
    if (!this.left) this.#peer.send(encodeClientFrame({ opcode: 8, payload: [] }));
  }

  end(): void {
    if (!this.left) this.#peer.end();
  }

  leave(breaks: boolean): void {
    this.left = true;
    if (breaks) this.#peer.reset();
    else this.#peer.close();
  }

  answers(): Promise<ReadonlyMap<string, TokenAnswer>> {
    const received = fromLatin1(this.#peer.received);
    const isOpen = received.includes("\r\n\r\n"); // the connection may be over before the handshake is
    const frames = isOpen ? readServerFrames(received).filter(({ opcode }) => opcode === 1) : [];
    return Promise.resolve(
      new Map(frames.map(({ payload }, index) => {
        const body = fromLatin1(payload);
        return [this.#keys[index] ?? `unasked ${index}`, {
          status: 0,
          token: null,
          body,
          complete: true,
          text: body,
        }];
      })),
    );
  }
}
