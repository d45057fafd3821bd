/**
 * The codec of WebSocket: frames and messages beside a plain parser, and compression both ways.
 *
 * @module
 */

import { deflateRawSync, inflateRawSync } from "node:zlib";
import { InputBuffer } from "../../drivers/input_buffer.ts";
import { deflate, inflate } from "../../websocket/deflate.ts";
import { decodeText, Opcode, parseClose, WebSocketFault } from "../../websocket/frame.ts";
import { MessageParser, type Received } from "../../websocket/message_parser.ts";
import { fromLatin1, latin1 } from "../support/bytes.ts";
import { cutsFor, mutate, piecesOf, singleBytes } from "./mutate.ts";
import type { Random } from "./random.ts";
import { shorterTexts, smallerMember, withoutRuns } from "./shrink.ts";
import { demand, type Outcome, same, type Target } from "./target.ts";
import { makeFrames } from "./websocket_grammar.ts";
import { parseWebSocket, type WebSocketEvent, type WebSocketLimits } from "./websocket_reference.ts";

/** The bytes of one client, how they are cut, and what the server takes. */
export interface WebSocketInput {
  readonly bytes: string;
  readonly cuts: readonly number[];
  readonly limits: WebSocketLimits;
}

/** Makes the bytes of one client. */
export function makeWebSocketInput(random: Random): WebSocketInput {
  const limits = { deflate: random.chance(60), limit: random.pick([1_048_576, 1_048_576, 5000, 126, 1]) };
  const bytes = makeFrames(random, limits);
  return { bytes, cuts: cutsFor(random, bytes.length), limits };
}

/** Smaller bytes, then fewer cuts. */
export function* shrinkWebSocket<T extends WebSocketInput>(input: T): Generator<T> {
  yield* smallerMember(input, "bytes", shorterTexts);
  yield* smallerMember(input, "cuts", withoutRuns);
}

function parse(
  pieces: readonly Uint8Array[],
  { limit, deflate }: WebSocketLimits,
): { events: WebSocketEvent[]; fault: number } {
  const input = new InputBuffer();
  const parser = new MessageParser(limit, deflate);
  const events: WebSocketEvent[] = [];
  try {
    for (const piece of pieces) {
      const borrowed = piece.slice();
      input.push(borrowed);
      for (let next = parser.next(input); next !== undefined; next = parser.next(input)) {
        if (typeof next === "string") continue;
        events.push(complete(next, limit));
        if (next.opcode === Opcode.CLOSE) return { events, fault: 0 };
      }
      input.retain();
      borrowed.fill(0xff);
    }
  } catch (error) {
    if (error instanceof WebSocketFault) return { events, fault: error.code };
    throw error;
  }
  return { events, fault: 0 };
}

function complete({ opcode, compressed, payload }: Received, limit: number): WebSocketEvent {
  const whole = compressed ? inflate(payload, limit) : payload;
  if (opcode === Opcode.TEXT) decodeText(whole);
  if (opcode === Opcode.CLOSE) parseClose(whole);
  return { opcode, payload: fromLatin1(whole) };
}

/** Fuzzes the parser of frames and messages. */
export const webSocketCodec: Target<WebSocketInput> = {
  name: "websocket-codec",
  depth: { accepted: [60, 98], labels: 8 },
  make: makeWebSocketInput,
  run({ bytes, cuts, limits }): Outcome {
    const whole = latin1(bytes);
    const { events, fault } = parseWebSocket(whole, limits);
    same("what a plain parser finds, and what is found", { events, fault }, parse([whole], limits));
    same("what is found of the pieces", { events, fault }, parse(piecesOf(whole, cuts), limits));
    if (bytes.length < 2000) {
      same(
        "what is found of single bytes",
        { events, fault },
        parse(piecesOf(whole, singleBytes(bytes.length)), limits),
      );
    }
    const labels = new Set(events.map(({ opcode }) => `opcode ${opcode}`));
    if (fault > 0) labels.add(`fault ${fault}`);
    return { accepted: events.length, refused: fault > 0 ? 1 : 0, labels: [...labels] };
  },
  shrink: shrinkWebSocket,
};

/** A message, and how it is compressed. */
interface DeflateInput {
  readonly message: string;
  readonly level: number;
  readonly windowBits: number;
  readonly limit: number;
  /** Bytes that are inflated as they are. */
  readonly raw: string;
}

/** Fuzzes compression. */
export const webSocketDeflate: Target<DeflateInput> = {
  name: "websocket-deflate",
  depth: { accepted: [40, 95], labels: 4 },
  make(random) {
    const message = random.weigh([
      [3, () => random.binary(random.size(3000))],
      [3, () => random.text(random.size(6000), "ab")],
      [1, () => "x".repeat(random.size(200_000))],
    ]);
    const limit = random.weigh([[2, () => 1_048_576], [1, () => message.length], [
      1,
      () => random.below(message.length + 2),
    ]]);
    const raw = mutate(random, fromLatin1(deflate(latin1(message.slice(0, 500)))), [
      "\0",
      "\xff",
      "\0\0\xff\xff",
      "\x01",
    ]);
    return { message, level: random.below(10), windowBits: random.between(9, 15), limit, raw };
  },
  run({ message, level, windowBits, limit, raw }): Outcome {
    const bytes = latin1(message);
    const own = deflate(bytes);
    const tail = Uint8Array.of(0, 0, 255, 255);
    same(
      "what is compressed, and what the platform inflates",
      message,
      fromLatin1(inflateRawSync(Uint8Array.from([...own, ...tail]), { finishFlush: 2 })),
    );
    const other = deflateRawSync(bytes, { finishFlush: 2, level, windowBits });
    const results = [own, other.subarray(0, other.length - 4)].map((compressed) =>
      tryInflate(compressed, limit)
    );
    for (const result of results) {
      if (message.length <= Math.max(1, limit)) {
        same("what was compressed, and what is inflated", message, result);
      } else same("a message above its limit", 1009, result);
    }
    const strange = tryInflate(latin1(raw), limit);
    const isAllowed = typeof strange === "string"
      ? strange.length <= Math.max(1, limit)
      : [1007, 1009].includes(strange);
    demand(isAllowed, "bytes that were not compressed by anybody are inflated beyond the limit");
    const labels = [...results, strange].map((result) =>
      typeof result === "string" ? "inflated" : `fault ${result}`
    );
    labels.push(bytes.length < own.length ? "grown" : "shrunk");
    const accepted = labels.filter((label) => label === "inflated").length;
    return { accepted, refused: 3 - accepted, labels };
  },
  *shrink(input) {
    yield* smallerMember(input, "message", shorterTexts);
    yield* smallerMember(input, "raw", shorterTexts);
  },
};

function tryInflate(compressed: Uint8Array, limit: number): string | number {
  try {
    return fromLatin1(inflate(compressed, limit));
  } catch (error) {
    if (error instanceof WebSocketFault) return error.code;
    throw error;
  }
}
