/**
 * HTTP/1 as an attacker speaks it: texts out, status codes counted.
 *
 * @module
 */

import { fromLatin1, latin1 } from "../../support/bytes.ts";
import type { Peer } from "./peer.ts";

/** The bytes of a head, with further field lines. */
export function head(line: string, fields: readonly string[] = []): Uint8Array<ArrayBuffer> {
  return latin1([`${line} HTTP/1.1`, "Host: soak", ...fields, "", ""].join("\r\n"));
}

/** A plain request. */
export const GET: Uint8Array<ArrayBuffer> = head("GET /");

/** What a response begins with; no body of the routes contains it. */
const STATUS_LINE = /HTTP\/1\.1 (\d{3}) /g;
const LONGEST_START = 12;

/** Reads to the end, and counts the status of every response. */
export async function countStatuses(peer: Peer): Promise<void> {
  const buffer = new Uint8Array(65_536);
  let rest = "";
  for (;;) {
    const count = await peer.read(buffer);
    if (count === null) return;
    const text = rest + fromLatin1(buffer.subarray(0, count));
    let end = 0;
    for (const match of text.matchAll(STATUS_LINE)) {
      peer.attack.count(match[1] ?? "");
      end = match.index + match[0].length;
    }
    rest = text.slice(Math.max(end, text.length - LONGEST_START));
  }
}

/** A response that was read by itself. */
export interface PlainResponse {
  readonly status: number;
  readonly body: string;
}

/**
 * Reads one response with a content-length, or without a body; `null` when the connection ended before it, or in the middle
 * of it, which is counted as `cut`.
 */
export async function readResponse(peer: Peer, buffer: Uint8Array): Promise<PlainResponse | null> {
  let text = "";
  for (;;) {
    const count = await peer.read(buffer);
    if (count === null && text !== "") peer.attack.count("cut");
    if (count === null) return null;
    text += fromLatin1(buffer.subarray(0, count));
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) continue;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
    if (text.length >= end + 4 + length) {
      return { status: Number(text.slice(9, 12)), body: text.slice(end + 4, end + 4 + length) };
    }
  }
}

/** Reads until the head of a response has come, and no further than the read that brought its end. */
export async function readHead(peer: Peer): Promise<number | null> {
  const buffer = new Uint8Array(4096);
  let text = "";
  while (!text.includes("\r\n\r\n")) {
    const count = await peer.read(buffer);
    if (count === null) return null;
    text += fromLatin1(buffer.subarray(0, count));
  }
  return Number(text.slice(9, 12));
}
