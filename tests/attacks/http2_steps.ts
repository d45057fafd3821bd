/**
 * The steps of the HTTP/2 cases.
 *
 * @module
 */

import { CONNECTION_PREFACE } from "../../drivers/http2/preface.ts";
import { latin1 } from "../support/bytes.ts";
import { pass } from "../support/deadline.ts";
import type { Http2Case, Json, Step } from "./http2_case.ts";
import { encodeFrame, type Http2Session } from "./http2_session.ts";

const FRAME_SIZE = 16_384;

/** Bytes of several arrays. */
function concat(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function unhex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (digits) => parseInt(digits, 16));
}

// An integer of 7 bits and more (RFC 7541 §5.1).
function length(value: number): number[] {
  if (value < 127) return [value];
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest >>>= 7) bytes.push(128 | (rest & 127));
  return [...bytes, rest];
}

/** A text, or one that is repeated. */
function textOf(value: Json): string {
  if (typeof value === "string") return value;
  const { rep, n } = value as { rep: string; n: number };
  return rep.repeat(n);
}

/** Literals without indexing, new names, no Huffman. */
function block(fields: Json): Uint8Array {
  const parts = (fields as readonly (readonly [string, Json])[]).map(([name, value]) => {
    const [nameBytes, valueBytes] = [latin1(name), latin1(textOf(value))];
    return concat([0], length(nameBytes.length), nameBytes, length(valueBytes.length), valueBytes);
  });
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** What is needed to perform a step. */
interface Context {
  readonly session: Http2Session;
  readonly attack: Http2Case;
}

type Performer = (step: Step, context: Context) => Promise<void> | Uint8Array;

/** The steps that are bytes, and those that take time. */
const PERFORMERS: Readonly<Record<string, Performer>> = {
  preface: () => CONNECTION_PREFACE,
  settings: ({ values, ack }) =>
    encodeFrame(
      4,
      ack === true ? 1 : 0,
      0,
      concat(...(values as readonly (readonly [number, number])[]).map(([id, value]) =>
        concat([id >>> 8, id & 255], uint32(value))
      )),
    ),
  headers: (step, { attack }) => encodeHeaders(step, attack.autoContinuation),
  continuation: ({ stream, fields, hex, end_headers }) =>
    encodeFrame(
      9,
      end_headers === true ? 4 : 0,
      Number(stream),
      fields === undefined ? unhex(String(hex)) : block(fields),
    ),
  frame: ({ type, flags, stream, hex, fill }) => {
    const { byte, n } = (fill ?? { byte: "00", n: 0 }) as { byte: string; n: number };
    const payload = concat(unhex(String(hex)), new Uint8Array(n).fill(parseInt(byte, 16)));
    return encodeFrame(Number(type), Number(flags), Number(stream), payload);
  },
  raw: ({ hex, text }) => hex === undefined ? latin1(String(text)) : unhex(String(hex)),
  window_update: ({ stream, inc }) => encodeFrame(8, 0, Number(stream), uint32(Number(inc))),
  rst_stream: ({ stream, code }) => encodeFrame(3, 0, Number(stream), uint32(Number(code))),
  priority: ({ stream, dep, weight }) =>
    encodeFrame(2, 0, Number(stream), concat(uint32(Number(dep)), [Number(weight)])),
  goaway: ({ last, code, debug_len }) =>
    encodeFrame(
      7,
      0,
      0,
      concat(uint32(Number(last)), uint32(Number(code)), new Uint8Array(Number(debug_len ?? 0))),
    ),
  sleep: ({ ms }, { session }) =>
    session.until(() => false, Number(ms)).then(() => rest(Number(ms), session)),
  noread: (_, { session }) => Promise.resolve(session.connection.pause()),
  await: ({ what, stream }, { session }) => awaitEvent(String(what), Number(stream), session),
  data: (step, { session }) => sendData(step, session),
  repeat: (step, context) => repeat(step, context),
  bytewise: ({ steps }, context) => bytewise(steps as readonly Step[], context),
  hpack_refs: (step) => encodeRefs(step),
  continuation_flood: (step, { session }) => floodContinuations(step, session),
  oversize_then_ref: ({ bytes }) => encodeOversize(Number(bytes)),
  data_over_conn_window: (_, { session }) => exceedConnection(session),
};

/** Performs the steps of a case. */
export async function perform(steps: readonly Step[], context: Context): Promise<void> {
  for (const step of steps) {
    const { session } = context;
    if (typeof step["stream"] === "number" && step.op === "headers") {
      session.lastStream = Math.max(session.lastStream, step["stream"]);
    }
    const done = PERFORMERS[step.op]!(step, context);
    if (done instanceof Uint8Array) await session.send(done);
    else await done;
  }
}

async function rest(milliseconds: number, { connection }: Http2Session): Promise<void> {
  if (connection.ending === null) await pass(Math.min(1, milliseconds));
}

function encodeHeaders(step: Step, splits: boolean): Uint8Array {
  const { stream, fields, end_stream, end_headers, pad, prio } = step;
  const payload = block(fields!);
  const flags = (end_stream === true ? 1 : 0) | (pad === undefined ? 0 : 8) | (prio === undefined ? 0 : 32);
  const before = pad === undefined ? [] : [Number(pad)];
  const [dependency, weight, exclusive] = (prio ?? [0, 0, false]) as readonly [number, number, boolean];
  const priority = prio === undefined
    ? []
    : [...uint32(exclusive ? dependency + 2 ** 31 : dependency), weight];
  const id = Number(stream);
  const last = end_headers === true ? 4 : 0;
  const whole = concat(before, priority, payload, new Uint8Array(Number(pad ?? 0)));
  if (!splits || whole.length <= FRAME_SIZE) return encodeFrame(1, flags | last, id, whole);
  const frames = [encodeFrame(1, flags, id, whole.subarray(0, FRAME_SIZE))];
  for (let at = FRAME_SIZE; at < whole.length; at += FRAME_SIZE) {
    const end = at + FRAME_SIZE >= whole.length ? last : 0;
    frames.push(encodeFrame(9, end, id, whole.subarray(at, at + FRAME_SIZE)));
  }
  return concat(...frames);
}

async function sendData({ stream, n, end_stream, pad }: Step, session: Http2Session): Promise<void> {
  const id = Number(stream);
  let left = Number(n);
  do {
    const size = Math.min(left, FRAME_SIZE);
    const padding = pad === undefined ? 0 : Number(pad);
    const cost = size + (pad === undefined ? 0 : 1 + padding);
    await session.until(() => session.left(id) >= cost && session.connectionLeft >= cost, 2_000);
    left -= size;
    const flags = (left === 0 && end_stream === true ? 1 : 0) | (pad === undefined ? 0 : 8);
    const payload = new Uint8Array(cost).fill(0x61, 0, cost - padding);
    if (pad !== undefined) payload[0] = padding;
    session.count(id, cost);
    await session.send(encodeFrame(0, flags, id, payload));
  } while (left > 0 && session.connection.ending === null);
}

async function repeat({ n, first_stream, steps }: Step, context: Context): Promise<void> {
  const { session } = context;
  const text = JSON.stringify(steps);
  const isBytes = !/"op":"(?:sleep|await|data|noread)"/.test(text);
  let batch: Uint8Array[] = [];
  for (let index = 0; index < Number(n) && session.connection.ending === null; index++) {
    const id = Number(first_stream) + 2 * index;
    const own = JSON.parse(text.replaceAll('"$s"', String(id)).replaceAll("$s", String(id))) as Step[];
    if (!isBytes) await perform(own, context);
    for (const step of isBytes ? own : []) {
      const bytes = PERFORMERS[step.op]!(step, context);
      if (bytes instanceof Uint8Array) batch.push(bytes);
      if (step.op === "headers") session.lastStream = Math.max(session.lastStream, Number(step["stream"]));
    }
    if (batch.length >= 200) {
      await session.send(concat(...batch));
      batch = [];
      session.parse();
    }
  }
  if (batch.length > 0) await session.send(concat(...batch));
}

async function bytewise(steps: readonly Step[], context: Context): Promise<void> {
  for (const step of steps) {
    const bytes = PERFORMERS[step.op]!(step, context);
    if (!(bytes instanceof Uint8Array)) throw new TypeError(`${step.op} cannot be sent by the byte`);
    for (const byte of bytes) await context.session.send(Uint8Array.of(byte));
  }
}

async function awaitEvent(what: string, id: number, session: Http2Session): Promise<void> {
  const before = session.settingsAcknowledged;
  if (what === "settings_ack") await session.until(() => session.settingsAcknowledged > before, 1_500);
  else if (what === "headers") await session.until(() => session.stream(id).heads.length > 0);
  else if (what === "end_stream") await session.until(() => session.stream(id).ended);
  else throw new TypeError(`nothing is known of waiting for ${what}`);
}

function encodeRefs({ stream, block_prefix, index, n }: Step): Uint8Array {
  const refs = new Uint8Array(Number(n)).fill(0x80 | Number(index));
  const whole = concat(unhex(String(block_prefix)), refs);
  const frames: Uint8Array[] = [];
  for (let at = 0; at < whole.length; at += FRAME_SIZE) {
    const end = at + FRAME_SIZE >= whole.length ? 4 : 0;
    frames.push(
      encodeFrame(
        at === 0 ? 1 : 9,
        end | (at === 0 ? 1 : 0),
        Number(stream),
        whole.subarray(at, at + FRAME_SIZE),
      ),
    );
  }
  return concat(...frames);
}

const GET = [[":method", "GET"], [":scheme", "http"], [":path", "/"], [":authority", "a"]];

async function floodContinuations({ stream, kind, max_bytes }: Step, session: Http2Session): Promise<void> {
  const id = Number(stream);
  await session.send(encodeFrame(1, 1, id, block(GET)));
  const fragment = kind === "literal"
    ? block(Array.from({ length: 15 }, (_, index) => [`x-${index}`, "b".repeat(1000)]))
    : kind === "huffman"
    ? concat([0, 1, 0x61, 255, ...length(15_000).slice(1)], new Uint8Array(15_000).fill(0x18))
    : Uint8Array.of(0);
  const frame = encodeFrame(9, 0, id, fragment);
  for (let sent = 0; sent < Number(max_bytes) && session.connection.ending === null; sent += frame.length) {
    await session.send(frame);
    if (sent % 100 === 0) session.parse();
  }
}

function encodeOversize(bytes: number): Uint8Array {
  const indexed = concat([0x40], [5], latin1("x-dyn"), [1], latin1("1"));
  const large = Array.from(
    { length: Math.ceil(bytes / 1000) },
    (_, index) => [`x-${index}`, "b".repeat(990)],
  );
  const first = concat(block(GET), indexed, block(large));
  const frames: Uint8Array[] = [];
  for (let at = 0; at < first.length; at += FRAME_SIZE) {
    const end = at + FRAME_SIZE >= first.length ? 4 : 0;
    const flags = end | (at === 0 ? 1 : 0);
    frames.push(encodeFrame(at === 0 ? 1 : 9, flags, 1, first.subarray(at, at + FRAME_SIZE)));
  }
  const info = block(GET.map(([name, value]) => [name!, name === ":path" ? "/info" : value!]));
  return concat(...frames, encodeFrame(1, 5, 3, concat(info, [0x80 | 62])));
}

/** Fills the window of the connection over several streams, and sends one byte more. */
async function exceedConnection(session: Http2Session): Promise<void> {
  await session.until(() => false, 200);
  for (let id = 1; id <= session.lastStream; id += 2) {
    while (session.left(id) > 0 && session.connectionLeft > 0 && session.connection.ending === null) {
      const size = Math.min(FRAME_SIZE, session.left(id), session.connectionLeft);
      session.count(id, size);
      await session.send(encodeFrame(0, 0, id, new Uint8Array(size)));
    }
    if (session.connectionLeft === 0) {
      await session.send(encodeFrame(0, 0, id, new Uint8Array(1)));
      return;
    }
  }
}
