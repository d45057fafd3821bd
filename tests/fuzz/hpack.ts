/**
 * HPACK both ways: the encoder into the decoder and into a plain one, and the decoder beside the plain one on blocks that are made
 * by the grammar, or mutated.
 *
 * @module
 */

import { CompressionError } from "../../drivers/http2/hpack/compression_error.ts";
import { HpackDecoder } from "../../drivers/http2/hpack/decoder.ts";
import { FIELD_OVERHEAD, HpackEncoder } from "../../drivers/http2/hpack/encoder.ts";
import { encodeHuffman, huffmanSize } from "../../drivers/http2/hpack/huffman.ts";
import { fromLatin1, latin1 } from "../support/bytes.ts";
import { hpackInteger } from "../support/http2_client.ts";
import { type Field, ReferenceDecoder, ReferenceError, sizeOf } from "./hpack_reference.ts";
import { mutate } from "./mutate.ts";
import type { Random } from "./random.ts";
import { shorterTexts, smallerLists, smallerMember } from "./shrink.ts";
import { type Outcome, same, type Target } from "./target.ts";

const NAMES = [
  ":status",
  ":path",
  "x-a",
  "x-b",
  "cookie",
  "set-cookie",
  "content-length",
  "accept",
  "user-agent",
  "te",
];
const NO_LIMITS = { headerSizeLimit: 2 ** 30, headerCountLimit: 10_000 };

/** Some text of a field, often one that was there before. */
export function makeFieldText(random: Random, known: readonly string[]): string {
  return random.weigh([
    [6, () => random.pick(known)],
    [3, () => random.text(random.size(20), "abcdefghij-0123456789")],
    [1, () => random.binary(random.size(40))],
    [0.1, () => random.text(random.size(3000), "ab0")],
  ]);
}

/** Values that come again and again: enough of them to fill a table. */
const VALUES = [
  "",
  "1",
  "200",
  "/",
  ...Array.from({ length: 60 }, (_, index) => `${index} `.repeat(20).trim()),
];

const MANY_NAMES = [...NAMES, ...Array.from({ length: 30 }, (_, index) => `x-${index}`)];

function makeField(random: Random): Field {
  return [makeFieldText(random, MANY_NAMES), makeFieldText(random, VALUES)];
}

/** What is done with an encoder: the peer's table size changes, or a block is encoded. */
type EncoderStep = { readonly resize: number } | {
  readonly fields: readonly Field[];
  readonly unindexed: number;
};

/** Encodes a block; of eight fields the one at `unindexed` as one that is never indexed. */
export function encodeBlock(encoder: HpackEncoder, fields: readonly Field[], unindexed: number): Uint8Array {
  const room = new Uint8Array(fields.reduce((sum, field) => sum + sizeOf(field) + FIELD_OVERHEAD, 16));
  let at = encoder.begin(room, 0);
  fields.forEach(([name, value], index) => {
    at = index % 8 === unindexed
      ? encoder.encodeUnindexed(name, value, room, at)
      : encoder.encode(name, value, room, at);
  });
  return room.subarray(0, at);
}

/** Fuzzes the encoder of HPACK. */
export const hpackEncoder: Target<readonly EncoderStep[]> = {
  name: "hpack-encoder",
  depth: { accepted: [100, 100], labels: 3 },
  make(random) {
    const known = random.times(random.between(1, 80), () => makeField(random));
    const field = () => random.chance(90) ? random.pick(known) : makeField(random);
    return random.times(random.between(1, 20), () => {
      if (random.chance(10)) return { resize: random.pick([0, 31, 64, 100, 500, 4096, 4096, 65_536]) };
      return { fields: random.times(random.size(30), field), unindexed: random.below(16) };
    });
  },
  run(steps): Outcome {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(NO_LIMITS);
    const reference = new ReferenceDecoder();
    const labels = new Set<string>();
    for (const step of steps) {
      if ("resize" in step) {
        encoder.resize(step.resize);
        continue;
      }
      const block = encodeBlock(encoder, step.fields, step.unindexed);
      const decoded = decoder.decode(block).fields.map(({ name, value }) => [name, value]);
      same("what is encoded, and what is decoded", step.fields, decoded);
      same("what is encoded, and what a plain decoder finds", step.fields, reference.decode(block));
      const { length, size } = encoder.table;
      same("the tables", { length, size }, { length: decoder.table.length, size: decoder.table.size });
      same("the table, and a plain one", { length, size }, reference.table);
      labels.add(length === 0 ? "empty table" : size > 3000 ? "full table" : "table");
    }
    return { accepted: steps.length, refused: 0, labels: [...labels] };
  },
  *shrink(steps) {
    yield* smallerLists(steps, function* (step) {
      if ("fields" in step) {
        yield* smallerMember(step, "fields", (fields) => smallerLists(fields, smallerFields));
      }
    });
  },
};

function* smallerFields([name, value]: Field): Generator<Field> {
  for (const shorter of shorterTexts(value)) yield [name, shorter];
  for (const shorter of shorterTexts(name)) yield [shorter, value];
}

function encodeText(random: Random, text: string): string {
  if (random.chance(50)) return `${fromLatin1(Uint8Array.from(hpackInteger(text.length, 7)))}${text}`;
  const room = new Uint8Array(huffmanSize(text) + 4);
  const length = encodeHuffman(text, room, 0);
  return fromLatin1(Uint8Array.from([...hpackInteger(length, 7, 0x80), ...room.subarray(0, length)]));
}

function encodeIndex(random: Random, bits: number, pattern: number): string {
  const index = random.weigh([[4, () => random.between(1, 61)], [2, () => random.between(62, 64)], [
    1,
    () => random.below(300),
  ]]);
  return fromLatin1(Uint8Array.from(hpackInteger(index, bits, pattern)));
}

function makeRepresentation(random: Random): string {
  const [bits, pattern] = random.pick([[6, 0x40], [6, 0x40], [4, 0], [4, 0x10]] as const);
  const text = () => encodeText(random, makeFieldText(random, NAMES));
  return random.weigh([
    [4, () => encodeIndex(random, 7, 0x80)],
    [4, () => encodeIndex(random, bits, pattern) + text()],
    [4, () => String.fromCharCode(pattern) + text() + text()],
  ]);
}

function makeBlock(random: Random): string {
  const updates = random.chance(20)
    ? random.times(random.between(1, 3), () => random.pick([0, 40, 100, 4096, 5000]))
    : [];
  const prefix = updates.map((size) => fromLatin1(Uint8Array.from(hpackInteger(size, 5, 0x20)))).join("");
  return prefix + random.times(random.size(12), () => makeRepresentation(random)).join("");
}

/** The blocks of one connection, and the limits of their lists. */
interface DecoderInput {
  readonly blocks: readonly string[];
  readonly headerSizeLimit: number;
  readonly headerCountLimit: number;
}

/** Fuzzes the decoder of HPACK. */
export const hpackDecoder: Target<DecoderInput> = {
  name: "hpack-decoder",
  depth: { accepted: [30, 95], labels: 9 },
  make(random) {
    const blocks = random.times(random.between(1, 6), () => makeBlock(random));
    const at = random.chance(40) ? random.below(blocks.length) : -1;
    return {
      blocks: blocks.map((block, index) =>
        index === at ? mutate(random, block, ["\x80", "\x3f\xe1\x1f", "\xff\xff\xff"]) : block
      ),
      headerSizeLimit: random.pick([100, 1000, 32_768]),
      headerCountLimit: random.pick([1, 5, 100]),
    };
  },
  run({ blocks, ...limits }): Outcome {
    const decoder = new HpackDecoder(limits);
    const reference = new ReferenceDecoder();
    const labels: string[] = [];
    for (const [index, block] of blocks.entries()) {
      const bytes = latin1(`\x82${block}\x82`);
      const found = decodeWith(() => decoder.decode(bytes, 1, bytes.length - 1), CompressionError);
      const expected = decodeWith(() => reference.decode(bytes.subarray(1, -1)), ReferenceError);
      same("whether the block is one", expected instanceof Error, found instanceof Error);
      if (found instanceof Error || expected instanceof Error) {
        labels.push(found instanceof Error ? found.message.replaceAll(/[0-9]+/g, "n") : "");
        return { accepted: index, refused: 1, labels };
      }
      const fields = within(expected, limits);
      same("the fields", fields, found.fields.map(({ name, value }) => [name, value]));
      same("whether the list is too large", fields.length < expected.length, found.tooLarge);
      same("the tables", reference.table, { length: decoder.table.length, size: decoder.table.size });
      labels.push(found.tooLarge ? "too large" : "decoded");
    }
    return { accepted: blocks.length, refused: 0, labels };
  },
  *shrink(input) {
    yield* smallerMember(input, "blocks", (blocks) => smallerLists(blocks, shorterTexts));
  },
};

function decodeWith<T>(decode: () => T, expected: abstract new (...parameters: never[]) => Error): T | Error {
  try {
    return decode();
  } catch (error) {
    if (error instanceof expected) return error;
    throw error;
  }
}

/** The first fields of a list, as far as its limits allow. */
function within(
  fields: readonly Field[],
  limits: { headerSizeLimit: number; headerCountLimit: number },
): readonly Field[] {
  let room = limits.headerSizeLimit;
  const end = fields.findIndex((field, index) =>
    (room -= sizeOf(field)) < 0 || index === limits.headerCountLimit
  );
  return end < 0 ? fields : fields.slice(0, end);
}
