/**
 * What a client of HTTP/2 sends, as steps that become frames: whole requests, their parts in any order that is allowed, and frames
 * of every other type.
 *
 * @module
 */

import { HpackEncoder } from "../../drivers/http2/hpack/encoder.ts";
import { concat, latin1 } from "../support/bytes.ts";
import {
  Flag,
  frameBytes,
  FrameType,
  preface,
  type Setting,
  settingsPayload,
  uint,
} from "../support/http2_client.ts";
import { encodeBlock } from "./hpack.ts";
import type { Field } from "./hpack_reference.ts";
import type { Random } from "./random.ts";

/** One thing that a client sends. */
export type Step =
  | {
    readonly type: "head";
    readonly id: number;
    readonly fields: readonly Field[];
    readonly end: boolean;
    /** Where the block is cut into HEADERS and CONTINUATION. */
    readonly cuts: readonly number[];
    readonly padding: number;
    readonly priority: boolean;
  }
  | {
    readonly type: "data";
    readonly id: number;
    readonly data: string;
    readonly end: boolean;
    readonly padding: number;
  }
  | { readonly type: "trailers"; readonly id: number; readonly fields: readonly Field[] }
  | { readonly type: "reset"; readonly id: number; readonly code: number }
  | { readonly type: "window"; readonly id: number; readonly by: number }
  | { readonly type: "settings"; readonly settings: readonly Setting[] }
  | {
    readonly type: "raw";
    readonly frame: number;
    readonly flags: number;
    readonly id: number;
    readonly payload: string;
  };

/** One request as it is sent. */
export interface SentRequest {
  readonly id: number;
  readonly method: string;
  readonly path: string;
  readonly fields: readonly Field[];
  readonly body: string;
  readonly trailers: readonly Field[];
  /** Whether all of it was sent. */
  readonly complete: boolean;
  /** Whether the client has reset it. */
  readonly reset: boolean;
}

const LARGE_WINDOW = 2 ** 24;

/** Encodes the steps of one connection, its preface first. */
export function encodeSteps(steps: readonly Step[]): Uint8Array {
  const encoder = new HpackEncoder();
  return concat([latin1(preface), ...steps.flatMap((step) => encodeStep(encoder, step))]);
}

function encodeStep(encoder: HpackEncoder, step: Step): Uint8Array[] {
  switch (step.type) {
    case "head":
      return encodeHead(encoder, step);
    case "trailers": {
      const payload = encodeBlock(encoder, step.fields, 8);
      return [
        frameBytes({
          type: FrameType.HEADERS,
          flags: Flag.END_HEADERS | Flag.END_STREAM,
          streamId: step.id,
          payload,
        }),
      ];
    }
    case "data": {
      const { id: streamId, data, end, padding } = step;
      const flags = (end ? Flag.END_STREAM : 0) | (padding > 0 ? Flag.PADDED : 0);
      return [frameBytes({ type: FrameType.DATA, flags, streamId, payload: pad(data, padding) })];
    }
    case "reset":
      return [frameBytes({ type: FrameType.RST_STREAM, streamId: step.id, payload: uint(step.code) })];
    case "window":
      return [frameBytes({ type: FrameType.WINDOW_UPDATE, streamId: step.id, payload: uint(step.by) })];
    case "settings":
      return [frameBytes({ type: FrameType.SETTINGS, payload: settingsPayload(step.settings) })];
    case "raw":
      return [frameBytes({ type: step.frame, flags: step.flags, streamId: step.id, payload: step.payload })];
    default:
      return step satisfies never;
  }
}

function pad(payload: string, padding: number): string {
  return padding === 0 ? payload : `${String.fromCharCode(padding)}${payload}${"\0".repeat(padding)}`;
}

function encodeHead(encoder: HpackEncoder, step: Step & { readonly type: "head" }): Uint8Array[] {
  const { id: streamId, fields, end, cuts, padding, priority } = step;
  const block = encodeBlock(encoder, fields, 8);
  const first = cuts[0] ?? block.length;
  const text = Array.from(block.subarray(0, first), (byte) => String.fromCharCode(byte)).join("");
  const flags = (end ? Flag.END_STREAM : 0) | (padding > 0 ? Flag.PADDED : 0) |
    (priority ? Flag.PRIORITY : 0) |
    (first >= block.length ? Flag.END_HEADERS : 0);
  const payload = pad((priority ? "\0\0\0\0\x0f" : "") + text, padding);
  const frames = [frameBytes({ type: FrameType.HEADERS, flags, streamId, payload })];
  for (let at = first, index = 1; at < block.length; index++) {
    const next = index < cuts.length && index < 7 ? at + cuts[index]! : block.length;
    const isLast = next >= block.length;
    const part = block.subarray(at, next);
    frames.push(
      frameBytes({
        type: FrameType.CONTINUATION,
        flags: isLast ? Flag.END_HEADERS : 0,
        streamId,
        payload: part,
      }),
    );
    at = next;
  }
  return frames;
}

// Making steps.

const NAMES = ["x-a", "x-b", "accept", "user-agent", "cookie", "priority", "te", "x-long"];

function makeField(random: Random): Field {
  const name = random.pick(NAMES);
  if (name === "te") return [name, "trailers"];
  if (name === "priority") return [name, `u=${random.below(8)}${random.chance(50) ? ", i" : ""}`];
  if (name === "x-long") return [name, random.text(random.size(900), "abcdef")];
  return [name, random.pick(["", "1", "2", "abc", random.text(random.size(30), "abc d,;=\x80\xff")]).trim()];
}

/** The parts of a request, whose stream is not known yet. */
function makeRequest(random: Random): ((id: number) => Step)[] {
  const method = random.pick(["GET", "GET", "POST", "PUT", "HEAD", "OPTIONS"]);
  const path = `/${random.text(random.size(20), "abc012/?&=%.~")}`.replace(/%/g, "%41");
  const extra = random.times(random.size(6), () => makeField(random));
  const bodies = random.chance(50) ? [] : random.times(random.between(1, 5), () => makeData(random));
  const withTrailers = random.chance(15);
  const declared = random.chance(20) ? [["content-length", `${bodies.join("").length}`] as const] : [];
  const authority = random.pick(["a", "a", "example.org:8080"]);
  const pseudo: Field[] = [[":method", method], [":scheme", "http"], [":authority", authority], [
    ":path",
    path,
  ]];
  const fields = [...random.shuffle(pseudo), ...extra, ...declared];
  const cuts = random.chance(15) ? random.times(random.between(1, 6), () => random.size(40)) : [];
  const [padding, priority] = [random.chance(10) ? random.below(256) : 0, random.chance(10)];
  const head = {
    type: "head",
    fields,
    end: bodies.length === 0 && !withTrailers,
    cuts,
    padding,
    priority,
  } as const;
  const parts: ((id: number) => Step)[] = [(id) => ({ ...head, id })];
  bodies.forEach((data, index) => {
    const end = index === bodies.length - 1 && !withTrailers;
    const dataPadding = random.chance(10) ? random.below(256) : 0;
    parts.push((id) => ({ type: "data", id, data, end, padding: dataPadding }));
  });
  if (withTrailers) {
    parts.push((id) => ({ type: "trailers", id, fields: [["x-sum", random.text(3, "abc")]] }));
  }
  return parts;
}

function makeData(random: Random): string {
  return random.chance(3) ? random.binary(random.size(12_000)) : random.text(random.size(300), "abcdef");
}

function makeOther(random: Random, lastId: number): Step {
  const id = Math.max(1, lastId - 2 * random.below(4));
  return random.make<Step>([
    () => ({ type: "window", id: random.pick([0, id]), by: random.between(1, 5000) }),
    () => ({ type: "raw", frame: FrameType.PING, flags: 0, id: 0, payload: random.binary(8) }),
    () => ({ type: "raw", frame: FrameType.PRIORITY, flags: 0, id, payload: `\0\0\0\0${random.binary(1)}` }),
    () => ({
      type: "raw",
      frame: FrameType.PRIORITY_UPDATE,
      flags: 0,
      id: 0,
      payload: `\0\0\0${String.fromCharCode(id)}u=${random.below(8)}`,
    }),
    () => ({
      type: "raw",
      frame: 0x42,
      flags: random.below(256),
      id,
      payload: random.binary(random.size(20)),
    }),
    () => ({ type: "settings", settings: [[random.pick([1, 3, 5, 6, 99]), 20_000 + random.below(9000)]] }),
    () => ({ type: "settings", settings: [[4, random.pick([0, 10, 1000, 65_535, 1_000_000])]] }),
    () => ({
      type: "settings",
      settings: [[1, random.pick([0, 40, 4096])], [1, random.pick([0, 100, 65_536])]],
    }),
    () => ({ type: "settings", settings: [[2, random.below(2)]] }),
    () => ({ type: "reset", id, code: random.pick([0, 8, 2, 77]) }),
  ]);
}

function makeWrong(random: Random, lastId: number): Step {
  const id = random.pick([0, lastId, lastId + 2, Math.max(1, lastId - 2), 2]);
  return random.make<Step>([
    () => ({ type: "data", id, data: "late", end: random.chance(50), padding: 0 }),
    () => ({ type: "trailers", id, fields: [["x-sum", "1"]] }),
    () => ({ type: "trailers", id, fields: [[":path", "/"], ["X", "1"]] }),
    () => ({ type: "window", id, by: random.pick([0, 2 ** 31 - 1]) }),
    () => ({
      type: "raw",
      frame: random.below(12),
      flags: random.below(256),
      id,
      payload: random.binary(random.size(30)),
    }),
    () => ({ type: "raw", frame: FrameType.GOAWAY, flags: 0, id: 0, payload: "\0\0\0\0\0\0\0\0" }),
    () => ({
      type: "settings",
      settings: [[random.pick([2, 4, 5]), random.pick([2, 2 ** 31, 2 ** 32 - 1])]],
    }),
    () => ({ type: "raw", frame: FrameType.SETTINGS, flags: 1, id: 0, payload: "" }),
    () => ({ type: "raw", frame: FrameType.RST_STREAM, flags: 0, id, payload: random.binary(4) }),
  ]);
}

/** The steps of one connection: requests side by side, other frames between them, and `wrong` of a hundred that may not be there. */
export function makeSteps(random: Random, wrong: number): Step[] {
  const steps: Step[] = [{
    type: "settings",
    settings: random.chance(30) ? [[4, random.below(70_000)]] : [],
  }];
  const waiting = random.times(random.between(1, 12), () => makeRequest(random));
  const open: { readonly id: number; readonly parts: ((id: number) => Step)[] }[] = [];
  let lastId = -1;
  while (waiting.length + open.length > 0) {
    if (random.chance(wrong)) steps.push(makeWrong(random, lastId));
    if (lastId > 0 && random.chance(10)) {
      const other = makeOther(random, lastId);
      steps.push(other);
      const reset = open.findIndex(({ id }) => other.type === "reset" && other.id === id);
      if (reset >= 0) open.splice(reset, 1); // nothing more may be sent on it
      if (waiting.length + open.length === 0) break;
    }
    if (waiting.length > 0 && (open.length === 0 || random.chance(40))) {
      lastId += 2;
      open.push({ id: lastId, parts: waiting.shift()! });
    }
    const index = random.below(open.length);
    const { id, parts } = open[index]!;
    steps.push(parts.shift()!(id));
    if (parts.length === 0) open.splice(index, 1);
  }
  steps.push({ type: "settings", settings: [[4, LARGE_WINDOW], [1, 4096]] }, {
    type: "window",
    id: 0,
    by: LARGE_WINDOW,
  });
  return steps;
}

/** Whether all steps are ones that a client may take. */
export function areRight(steps: readonly Step[]): boolean {
  const open = new Set<number>();
  let lastId = 0;
  return steps[0]?.type === "settings" && steps.every((step) => {
    if (step.type === "settings") return true;
    if (step.type === "raw") return step.id <= lastId && isHarmless(step.frame, step.payload.length);
    if (step.type === "window") return step.id <= lastId && step.by > 0 && step.by <= LARGE_WINDOW;
    if (step.type === "head") {
      const isNext = step.id > lastId && step.fields.filter(([name]) => name.startsWith(":")).length === 4;
      lastId = step.id;
      if (!step.end) open.add(step.id);
      return isNext;
    }
    if (step.type === "reset") return open.delete(step.id) || step.id <= lastId;
    const isOpen = open.has(step.id);
    if (step.type === "trailers" || step.end) open.delete(step.id);
    return isOpen;
  });
}

function isHarmless(type: number, length: number): boolean {
  if (type === FrameType.PRIORITY) return length === 5;
  return type >= FrameType.PRIORITY_UPDATE || type === FrameType.PING || type === FrameType.SETTINGS;
}

/** The requests that the steps make. */
export function requestsOf(steps: readonly Step[]): SentRequest[] {
  const requests = new Map<number, SentRequest>();
  for (const step of steps) {
    if (step.type === "head") requests.set(step.id, beginning(step));
    const request = "id" in step ? requests.get(step.id) : undefined;
    if (request === undefined) continue;
    if (step.type === "data") {
      requests.set(step.id, { ...request, body: request.body + step.data, complete: step.end });
    } else if (step.type === "trailers") {
      requests.set(step.id, { ...request, trailers: step.fields, complete: true });
    } else if (isReset(step)) requests.set(request.id, { ...request, reset: true });
  }
  return [...requests.values()];
}

function isReset(step: Step): boolean {
  return step.type === "reset" || (step.type === "raw" && step.frame === FrameType.RST_STREAM);
}

function beginning({ id, fields, end }: Step & { readonly type: "head" }): SentRequest {
  const value = (name: string) => fields.find((field) => field[0] === name)?.[1] ?? "";
  const regular = fields.filter(([name]) => !name.startsWith(":"));
  const [method, path] = [value(":method"), value(":path")];
  const all: Field[] = [["host", value(":authority")], ...regular];
  return { id, method, path, fields: all, body: "", trailers: [], complete: end, reset: false };
}
