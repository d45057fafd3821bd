/**
 * http2-frame-test-case: every normal frame decoded to the values it says, and encoded again where we send such a frame;
 * every faulty one answered with one of the codes it lists.
 *
 * What the corpus expects and this layer does not say:
 * - padding is taken away without a look at what it is: the test finds it between the payload's end and the frame's.
 * - the priority of HEADERS is passed over: the test reads it with `parsePriority()`.
 * - a client may not send PUSH_PROMISE at all; the driver says so, whereas the codec judges the frame.
 *
 * No faulty frame needs the driver to be refused.
 */

import { assert, assertEquals } from "@std/assert";
import { concat } from "@std/bytes";
import { ErrorCode } from "../../../drivers/http2/error_code.ts";
import { Flag, Frame, FRAME_HEADER_SIZE, FrameType } from "../../../drivers/http2/frame.ts";
import { parseData } from "../../../drivers/http2/frames/data.ts";
import { sealFieldBlock } from "../../../drivers/http2/frames/field_block.ts";
import { encodeGoAway, parseGoAway } from "../../../drivers/http2/frames/goaway.ts";
import { parseHeaders } from "../../../drivers/http2/frames/headers.ts";
import { encodePing } from "../../../drivers/http2/frames/ping.ts";
import { parsePriority } from "../../../drivers/http2/frames/priority.ts";
import { parsePushPromise } from "../../../drivers/http2/frames/push_promise.ts";
import { encodeRstStream, parseRstStream } from "../../../drivers/http2/frames/rst_stream.ts";
import { encodeSettings, parseSettings } from "../../../drivers/http2/frames/settings.ts";
import { encodeWindowUpdate, parseWindowUpdate } from "../../../drivers/http2/frames/window_update.ts";
import { fromLatin1 } from "../../support/bytes.ts";
import { answerEachWay, fromHex, payloadOf, readEachWay, readFrame } from "./support.ts";

const CORPUS = new URL("../../../../shared/fixtures/http2-frame-test-case/", import.meta.url);
const FILES = 34;

type Payload = Readonly<Record<string, unknown>>;

interface Fixture {
  readonly description: string;
  readonly wire: string;
  readonly error: readonly number[] | null;
  readonly frame: {
    readonly length: number;
    readonly type: number;
    readonly flags: number;
    readonly stream_identifier: number;
    readonly frame_payload: Payload;
  } | null;
}

/** The paths of all files, or `null` where the corpus is not there. */
function findFixtures(): string[] | null {
  try {
    const folders = [...Deno.readDirSync(CORPUS)].filter(({ isDirectory }) => isDirectory);
    return folders.flatMap(({ name }) =>
      [...Deno.readDirSync(new URL(`${name}/`, CORPUS))]
        .filter((file) => file.name.endsWith(".json"))
        .map((file) => `${name}/${file.name}`)
    ).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function readFixture(path: string): Fixture {
  return JSON.parse(Deno.readTextFileSync(new URL(path, CORPUS)));
}

const NO_PADDING: Payload = { padding_length: null, padding: null };
const NO_PRIORITY: Payload = { stream_dependency: null, exclusive: null, weight: null };

/** What a frame has between what is left of it to parse and its end. */
function paddingOf(frame: Frame, end: number): Payload {
  if (!frame.has(Flag.PADDED)) return NO_PADDING;
  return { padding_length: end - frame.end, padding: fromLatin1(frame.bytes.subarray(frame.end, end)) };
}

function textOf(frame: Frame): string {
  return fromLatin1(payloadOf(frame));
}

// The corpus has the weight from 1 to 256, the wire has one less (RFC 9113 §5.3.2)
function priorityAt({ bytes }: Frame, start: number): Payload {
  const { dependency, exclusive, weight } = parsePriority(Object.assign(new Frame(), { bytes, start }));
  return { stream_dependency: dependency, exclusive, weight: weight + 1 };
}

/** The values of a frame in the words of the corpus. */
const PARSERS = new Map<number, (frame: Frame) => Payload>([
  [FrameType.DATA, (frame) => {
    const { end } = frame;
    parseData(frame);
    return { data: textOf(frame), ...paddingOf(frame, end) };
  }],
  [FrameType.HEADERS, (frame) => {
    const { end } = frame;
    parseHeaders(frame);
    const priority = frame.has(Flag.PRIORITY) ? priorityAt(frame, frame.start - 5) : NO_PRIORITY;
    return { header_block_fragment: textOf(frame), ...priority, ...paddingOf(frame, end) };
  }],
  [FrameType.PRIORITY, (frame) => ({ ...priorityAt(frame, frame.start), ...NO_PADDING })],
  [FrameType.RST_STREAM, (frame) => ({ error_code: parseRstStream(frame) })],
  [FrameType.SETTINGS, (frame) => ({ settings: parseSettings(frame).map((setting) => [...setting]) })],
  [FrameType.PUSH_PROMISE, (frame) => {
    const { end } = frame;
    const promised_stream_id = parsePushPromise(frame);
    return { promised_stream_id, header_block_fragment: textOf(frame), ...paddingOf(frame, end) };
  }],
  [FrameType.PING, (frame) => ({ opaque_data: textOf(frame) })],
  [FrameType.GOAWAY, (frame) => {
    const { lastStreamId, code, debug } = parseGoAway(frame);
    return { last_stream_id: lastStreamId, error_code: code, additional_debug_data: fromLatin1(debug) };
  }],
  [FrameType.WINDOW_UPDATE, (frame) => ({ window_size_increment: parseWindowUpdate(frame) })],
  [FrameType.CONTINUATION, (frame) => ({ header_block_fragment: textOf(frame) })],
]);

function parse(frame: Frame): Payload {
  return PARSERS.get(frame.type)!(frame);
}

/** Decodes a frame and encodes it again; or why we send no such frame. */
const ENCODERS: Readonly<Record<string, string | ((frame: Frame) => Uint8Array)>> = {
  "continuation/header.json": "a block is only split where it is larger than a frame",
  "continuation/normal.json": "a block is only split where it is larger than a frame",
  "data/normal.json": "we send no padding",
  "goaway/normal.json": (frame) => {
    const { lastStreamId, code, debug } = parseGoAway(frame);
    return encodeGoAway(lastStreamId, code, new TextDecoder().decode(debug));
  },
  "headers/normal.json": (frame) => {
    const room = concat([new Uint8Array(FRAME_HEADER_SIZE), payloadOf(frame)]);
    sealFieldBlock({ room, start: 0, end: room.length, streamId: frame.streamId, endStream: false });
    return room;
  },
  "headers/priority.json": "we send neither padding nor priority",
  "ping/normal.json": (frame) => encodePing(payloadOf(frame)),
  "priority/normal.json": "we send no priority",
  "push_promise/normal.json": "we send no padding",
  "rst_stream/normal.json": (frame) => encodeRstStream(frame.streamId, parseRstStream(frame)),
  "settings/normal.json": (frame) => encodeSettings(parseSettings(frame)),
  "window_update/normal.json": (frame) => encodeWindowUpdate(frame.streamId, parseWindowUpdate(frame)),
};

const CODE_NAMES = new Map<number, string>(Object.entries(ErrorCode).map(([name, code]) => [code, name]));

function testNormal(path: string, { wire, frame: wanted }: Fixture): void {
  assert(wanted !== null);
  Deno.test(`FrameReader.read() and parse functions take http2-frame-test-case/${path} (RFC 9113 §6)`, () => {
    readEachWay(fromHex(wire), (frame) => {
      const { length, type, flags, streamId } = frame;
      assertEquals({ length, type, flags, stream_identifier: streamId, frame_payload: parse(frame) }, wanted);
    });
  });
  const encode = ENCODERS[path];
  assert(encode !== undefined, `${path} is encoded, or there is a reason why not`);
  if (typeof encode === "string") return;
  Deno.test(`encode functions make http2-frame-test-case/${path} (RFC 9113 §6)`, () => {
    assertEquals(encode(readFrame(fromHex(wire))).toHex(), fromHex(wire).toHex());
  });
}

function testError(path: string, { wire, error }: Fixture): void {
  assert(error !== null);
  const allowed = error.map((code) => CODE_NAMES.get(code));
  Deno.test(`FrameReader.read() or a parse function refuses http2-frame-test-case/${path} (RFC 9113 §6)`, () => {
    const answer = answerEachWay(fromHex(wire), parse);
    assert(allowed.includes(answer.split(" ").at(-1)), `${answer} is not among ${allowed.join(", ")}`);
  });
}

const paths = findFixtures();

if (paths === null) {
  Deno.test({
    name:
      `FrameReader.read() takes http2-frame-test-case (RFC 9113 §6) [ignored: ${CORPUS.pathname} is not there]`,
    ignore: true,
    fn: () => {},
  });
} else {
  Deno.test(`http2-frame-test-case has ${FILES} frames, of which none is passed over (RFC 9113 §6)`, () => {
    assertEquals(paths.length, FILES);
    const normal = paths.filter((path) => readFixture(path).error === null);
    assertEquals(normal, Object.keys(ENCODERS));
  });
  for (const path of paths) {
    const fixture = readFixture(path);
    if (fixture.error === null) testNormal(path, fixture);
    else testError(path, fixture);
  }
}
