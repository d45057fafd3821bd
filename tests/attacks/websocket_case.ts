/**
 * The WebSocket cases of the corpus, and the bytes that they send.
 *
 * @module
 */

import { latin1 } from "../support/bytes.ts";

/** A frame, or what is done between frames. */
export interface FrameStep {
  readonly opcode?: number;
  readonly fin?: number;
  readonly rsv?: number;
  readonly mask?: boolean;
  readonly text?: string;
  readonly hex?: string;
  readonly rep?: string;
  readonly n?: number;
  readonly declared_len?: number;
  readonly repeat?: number;
  readonly frames?: readonly FrameStep[];
  readonly bytewise?: readonly FrameStep[];
  readonly raw_hex?: string;
  readonly sleep?: number;
  readonly rst?: boolean;
  readonly server_closes?: boolean;
}

/** What is expected; all of it holds together. */
export interface WebSocketExpectation {
  readonly status?: readonly number[];
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, { readonly matches?: string; readonly absent?: boolean }>>;
  readonly messages?: readonly string[];
  readonly message_lens?: readonly number[];
  readonly messages_count?: number;
  readonly pongs?: readonly string[];
  readonly fail?: boolean;
  readonly close_codes?: readonly number[];
  readonly tcp_closed?: boolean;
  readonly no_desync?: boolean;
  readonly server_onclose?: number;
  readonly within_ms?: number;
  readonly bounded?: { readonly rss_mb?: number };
  readonly alive?: boolean;
}

/** One case. */
export interface WebSocketCase {
  readonly id: string;
  readonly ref: string;
  readonly level: "must" | "should";
  readonly profile?: string;
  readonly slow?: boolean;
  readonly handshake?: {
    readonly set?: Readonly<
      Record<string, string | { readonly parts: readonly (string | { rep: string; n: number })[] }>
    >;
    readonly drop?: readonly string[];
    readonly extra_headers?: number;
    readonly body?: string;
    readonly append_frames?: readonly FrameStep[];
  };
  readonly frames?: readonly FrameStep[];
  readonly expect: WebSocketExpectation;
}

const KNOWN = new Set([
  ...[
    "status",
    "accept",
    "headers",
    "messages",
    "message_lens",
    "messages_count",
    "pongs",
    "fail",
    "close_codes",
  ],
  ...["tcp_closed", "no_desync", "server_onclose", "within_ms", "bounded", "alive"],
]);

const KNOWN_HANDSHAKE = new Set(["set", "drop", "extra_headers", "body", "append_frames"]);

/** The WebSocket cases of a corpus; what is not understood fails loudly. */
export function parseWebSocketCases(text: string): readonly WebSocketCase[] {
  const { cases } = JSON.parse(text) as { cases: readonly (WebSocketCase & { proto: string })[] };
  const own = cases.filter(({ proto }) => proto === "ws");
  for (const { id, expect, handshake = {} } of own) {
    const unknown = Object.keys(expect).filter((name) => !KNOWN.has(name))
      .concat(Object.keys(handshake).filter((name) => !KNOWN_HANDSHAKE.has(name)));
    if (unknown.length > 0) throw new TypeError(`${id}: not known: ${unknown.join(", ")}`);
  }
  return own;
}

/** The request of a case, and whatever stands behind it. */
export function encodeHandshake({ handshake = {}, frames = [] }: WebSocketCase): Uint8Array {
  const { set = {}, drop = [], extra_headers = 0, body = "", append_frames = [] } = handshake;
  const fields = new Map<string, string>([
    ["Host", "a"],
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Version", "13"],
    ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
  ]);
  for (const name of drop) fields.delete(name);
  for (const [name, value] of Object.entries(set)) fields.set(name, textOf(value));
  for (let index = 0; index < extra_headers; index++) fields.set(`X-${index}`, "y");
  const lines = [...fields].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const path = frames.some(({ server_closes }) => server_closes) ? "/ws?close=1" : "/ws";
  const head = latin1(`GET ${path} HTTP/1.1\r\n${lines}\r\n${body}`);
  return Uint8Array.from([...head, ...append_frames.flatMap((frame) => [...encodeStep(frame)])]);
}

function textOf(
  value: string | { readonly parts: readonly (string | { rep: string; n: number })[] },
): string {
  if (typeof value === "string") return value;
  return value.parts.map((part) => typeof part === "string" ? part : part.rep.repeat(part.n)).join("");
}

/** The bytes of a frame. */
export function encodeStep(step: FrameStep): Uint8Array {
  if (step.raw_hex !== undefined) return unhex(step.raw_hex);
  const { opcode = 1, fin = 1, rsv = 0, mask = false, text, hex, rep = "", n = 0, declared_len } = step;
  const payload = text !== undefined
    ? new TextEncoder().encode(text)
    : hex !== undefined
    ? unhex(hex)
    : latin1(rep.repeat(n));
  const key = mask ? [1, 2, 3, 4] : [];
  const length = encodeLength(declared_len ?? payload.length, mask);
  const masked = payload.map((byte, index) => mask ? byte ^ key[index % 4]! : byte);
  return Uint8Array.from([fin << 7 | rsv << 4 | opcode, ...length, ...key, ...masked]);
}

function encodeLength(length: number, mask: boolean): number[] {
  const bit = mask ? 128 : 0;
  if (length < 126) return [bit | length];
  if (length < 65_536) return [bit | 126, length >>> 8, length & 255];
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length));
  return [bit | 127, ...bytes];
}

function unhex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (digits) => parseInt(digits, 16));
}
