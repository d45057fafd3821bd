/**
 * HTTP/2 as an attacker speaks it: any frames out, and what the server answers counted.
 *
 * @module
 */

import { HpackDecoder } from "../../../drivers/http2/hpack/decoder.ts";
import { concat, latin1 } from "../../support/bytes.ts";
import {
  Flag,
  frameBytes,
  FrameType,
  hpackBlock,
  nameOf,
  preface,
  requestFields,
  type Setting,
  Settings,
  settingsPayload,
  uint,
} from "../../support/http2_client.ts";
import type { Attack } from "../attack.ts";
import { Peer } from "./peer.ts";

const FRAME_HEADER = 9;
/** What every window has in the beginning (RFC 9113 §6.9.2). */
const FIRST_WINDOW = 65_535;

/** How an attacker behaves. */
export interface Http2PeerInit {
  /** Further settings. */
  readonly settings?: readonly Setting[];
  /** Whether it gives back the windows of what it receives; without it responses stall. */
  readonly credits?: boolean;
}

/** One HTTP/2 connection of an attacker, which reads all the time. */
export class Http2Peer {
  readonly peer: Peer;
  readonly attack: Attack;
  /** Whether the server said GOAWAY. */
  goneAway = false;
  /** Bytes of DATA that were received. */
  received = 0;
  /** Called for the end of each stream: its own, or by RST_STREAM with a code. */
  onStreamEnd: ((streamId: number, code: number | null) => void) | null = null;
  /** Called when a final head has come. */
  onHead: ((streamId: number, status: string) => void) | null = null;
  /** Resolves at the end of the connection. */
  readonly end: Promise<void>;
  readonly #credits: boolean;
  readonly #decoder = new HpackDecoder({ headerSizeLimit: 2 ** 22, headerCountLimit: 10_000 }, 0);
  readonly #blocks: Uint8Array[] = [];
  readonly #credit = new Map<number, number>(); // what WINDOW_UPDATE gave, less what was sent; of the connection at 0
  #onCredit: (() => void) | null = null;
  #streamWindow = FIRST_WINDOW;
  #lastStream = -1;
  #uncredited = 0;

  private constructor(peer: Peer, credits: boolean) {
    this.peer = peer;
    this.attack = peer.attack;
    this.#credits = credits;
    this.end = this.#read();
  }

  /** Connects, sends the preface and SETTINGS, and begins to read. */
  static async open(
    attack: Attack,
    { settings = [], credits = true }: Http2PeerInit = {},
  ): Promise<Http2Peer | null> {
    const peer = await Peer.open(attack, ["h2"]);
    if (peer === null) return null;
    const all: readonly Setting[] = [[Settings.HEADER_TABLE_SIZE, 0], ...settings];
    await peer.write(concat([
      latin1(preface),
      frameBytes({ type: FrameType.SETTINGS, payload: settingsPayload(all) }),
      windowUpdate(0, 2 ** 30),
    ]));
    return new Http2Peer(peer, credits);
  }

  /** Whether nothing further is answered. */
  get isOver(): boolean {
    return this.peer.isOver || this.goneAway;
  }

  /** The next stream of this side. */
  nextStream(): number {
    return this.#lastStream += 2;
  }

  /** Sends DATA as far as the windows let it, and waits while they are shut: `false` once the server takes nothing more. */
  async sendData(streamId: number, payload: Uint8Array): Promise<boolean> {
    while (!this.isOver && this.#room(streamId) < payload.length) {
      const opened = new Promise<void>((resolve) => {
        this.#onCredit = resolve;
      });
      await Promise.race([opened, this.end, this.attack.pass(500)]);
      if (this.attack.isOver) return false;
    }
    for (const id of [0, streamId]) this.#credit.set(id, (this.#credit.get(id) ?? 0) - payload.length);
    return await this.send(dataFrame(streamId, payload));
  }

  #room(streamId: number): number {
    const connection = FIRST_WINDOW + (this.#credit.get(0) ?? 0);
    return Math.min(connection, this.#streamWindow + (this.#credit.get(streamId) ?? 0));
  }

  /** Sends bytes: `false` once the server takes nothing more. */
  send(bytes: Uint8Array): Promise<boolean> {
    return this.peer.write(bytes);
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    let rest = new Uint8Array(0);
    for (;;) {
      const count = await this.peer.read(buffer);
      if (count === null) return;
      let bytes = buffer.subarray(0, count);
      if (rest.length > 0) bytes = concat([rest, bytes]);
      const answers: Uint8Array[] = [];
      let at = 0;
      for (;;) {
        const end = at + FRAME_HEADER + readUint(bytes, at, 3);
        if (at + FRAME_HEADER > bytes.length || end > bytes.length) break;
        this.#take(bytes.subarray(at, end), answers);
        at = end;
      }
      rest = bytes.slice(at);
      if (answers.length > 0) await this.send(concat(answers));
    }
  }

  #take(frame: Uint8Array, answers: Uint8Array[]): void {
    const type = frame[3] ?? 0;
    const flags = frame[4] ?? 0;
    const streamId = readUint(frame, 5, 4);
    const payload = frame.subarray(FRAME_HEADER);
    switch (type) {
      case FrameType.DATA:
        this.#takeData(streamId, payload.length, answers);
        break;
      case FrameType.HEADERS:
      case FrameType.CONTINUATION:
        this.#blocks.push(payload.slice());
        if ((flags & Flag.END_HEADERS) !== 0) this.#takeHead(streamId);
        break;
      case FrameType.RST_STREAM:
        this.attack.count(`RST ${nameOf(readUint(payload, 0, 4))}`);
        this.onStreamEnd?.(streamId, readUint(payload, 0, 4));
        break;
      case FrameType.SETTINGS:
        if ((flags & Flag.ACK) === 0) this.#takeSettings(payload, answers);
        break;
      case FrameType.WINDOW_UPDATE:
        this.#credit.set(streamId, (this.#credit.get(streamId) ?? 0) + readUint(payload, 0, 4));
        this.#onCredit?.();
        break;
      case FrameType.GOAWAY:
        this.goneAway = true;
        this.attack.count(`GOAWAY ${nameOf(readUint(payload, 4, 4))}`);
    }
    const ends = type === FrameType.DATA || type === FrameType.HEADERS;
    if (ends && (flags & Flag.END_STREAM) !== 0) this.onStreamEnd?.(streamId, null);
  }

  #takeSettings(payload: Uint8Array, answers: Uint8Array[]): void {
    for (let at = 0; at < payload.length; at += 6) {
      if (readUint(payload, at, 2) === Settings.INITIAL_WINDOW_SIZE) {
        this.#streamWindow = readUint(payload, at + 2, 4);
      }
    }
    answers.push(SETTINGS_ACK);
  }

  #takeHead(streamId: number): void {
    const { fields } = this.#decoder.decode(concat(this.#blocks.splice(0)));
    const status = fields.find(({ name }) => name === ":status")?.value ?? "trailers";
    this.attack.count(status);
    this.onHead?.(streamId, status);
  }

  #takeData(streamId: number, size: number, answers: Uint8Array[]): void {
    this.received += size;
    if (!this.#credits || size === 0) return;
    answers.push(windowUpdate(streamId, size));
    this.#uncredited += size;
    if (this.#uncredited < 32_768) return;
    answers.push(windowUpdate(0, this.#uncredited));
    this.#uncredited = 0;
  }
}

const SETTINGS_ACK = frameBytes({ type: FrameType.SETTINGS, flags: Flag.ACK });

/** A number in network order, the reserved bit left out. */
export function readUint(bytes: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let index = at; index < at + size; index++) value = value * 256 + (bytes[index] ?? 0);
  return size === 4 ? value % 2 ** 31 : value;
}

/** A WINDOW_UPDATE frame. */
export function windowUpdate(streamId: number, increment: number): Uint8Array {
  return frameBytes({ type: FrameType.WINDOW_UPDATE, streamId, payload: uint(increment) });
}

/** A RST_STREAM frame with CANCEL. */
export function cancelStream(streamId: number): Uint8Array {
  return frameBytes({ type: FrameType.RST_STREAM, streamId, payload: uint(8) });
}

// An attack sends the same few requests again and again, and must not spend its time on encoding them.
const REQUEST_BLOCKS = new Map<string, Uint8Array>();

/** The HEADERS frame of a request. */
export function requestHead(
  streamId: number,
  path: string,
  { method = "GET", ends = true }: { readonly method?: string; readonly ends?: boolean } = {},
): Uint8Array {
  const key = `${method} ${path}`;
  let block = REQUEST_BLOCKS.get(key);
  if (block === undefined) REQUEST_BLOCKS.set(key, block = hpackBlock(requestFields(method, path)));
  return headersFrame(streamId, block, ends);
}

/** The HEADERS frame of a CONNECT request (RFC 9113 §8.5). */
export function connectHead(streamId: number): Uint8Array {
  return headersFrame(streamId, hpackBlock([[":method", "CONNECT"], [":authority", "a:1"]]), false);
}

/** A HEADERS frame with a field block. */
export function headersFrame(streamId: number, block: Uint8Array, ends = true): Uint8Array {
  const flags = Flag.END_HEADERS | (ends ? Flag.END_STREAM : 0);
  return frameBytes({ type: FrameType.HEADERS, flags, streamId, payload: block });
}

/** A DATA frame. */
export function dataFrame(streamId: number, payload: Uint8Array, ends = false): Uint8Array {
  return frameBytes({ type: FrameType.DATA, flags: ends ? Flag.END_STREAM : 0, streamId, payload });
}
