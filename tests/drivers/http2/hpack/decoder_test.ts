/** Blocks that are none, the limits of a list, and the dynamic table with an array as the judge. */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { concat } from "@std/bytes";
import { CompressionError } from "../../../../drivers/http2/hpack/compression_error.ts";
import { HpackDecoder } from "../../../../drivers/http2/hpack/decoder.ts";
import { DynamicTable, mostEntries } from "../../../../drivers/http2/hpack/dynamic_table.ts";
import { HpackEncoder } from "../../../../drivers/http2/hpack/encoder.ts";
import { HeaderField } from "../../../../drivers/http2/hpack/header_field.ts";
import {
  STATIC_FIELDS,
  STATIC_NAMES,
  STATIC_TABLE,
  STATIC_TABLE_LENGTH,
} from "../../../../drivers/http2/hpack/static_table.ts";
import { latin1 } from "../../../support/bytes.ts";
import { encodeBlock, entriesOf, fromHex, Noise, type Pair, pairsOf } from "../support.ts";

const LIMITS = { headerSizeLimit: 65_536, headerCountLimit: 1000 };

/** The list that one or several blocks of one connection end with. */
function decode(...blocks: readonly string[]): Pair[] {
  const decoder = new HpackDecoder(LIMITS);
  return blocks.map((hex) => pairsOf(decoder.decode(fromHex(hex)))).at(-1)!;
}

Deno.test("STATIC_TABLE has 61 entries, which are found by name and by name and value (RFC 7541 appendix A)", () => {
  assertEquals(STATIC_TABLE.length, STATIC_TABLE_LENGTH + 1);
  assertEquals(STATIC_TABLE[0], undefined);
  for (let index = 1; index <= STATIC_TABLE_LENGTH; index++) {
    const { name, value, size } = STATIC_TABLE[index]!;
    const first = STATIC_TABLE.findIndex((entry) => entry?.name === name);
    assertEquals(STATIC_NAMES.get(name), first, `the lowest index of ${name}`);
    assertEquals(STATIC_FIELDS.get(name)?.get(value), value === "" ? undefined : index, `${name}: ${value}`);
    assertEquals(size, name.length + value.length + 32);
  }
});

const STATIC_ENTRIES: readonly (readonly [index: number, name: string, value: string])[] = [
  [1, ":authority", ""],
  [2, ":method", "GET"],
  [3, ":method", "POST"],
  [4, ":path", "/"],
  [5, ":path", "/index.html"],
  [6, ":scheme", "http"],
  [7, ":scheme", "https"],
  [8, ":status", "200"],
  [14, ":status", "500"],
  [15, "accept-charset", ""],
  [16, "accept-encoding", "gzip, deflate"],
  [17, "accept-language", ""],
  [31, "content-type", ""],
  [32, "cookie", ""],
  [38, "host", ""],
  [55, "set-cookie", ""],
  [61, "www-authenticate", ""],
];

for (const [index, name, value] of STATIC_ENTRIES) {
  Deno.test(`HpackDecoder.decode() takes index ${index} for "${name}: ${value}" (RFC 7541 appendix A)`, () => {
    assertEquals(decode((0x80 | index).toString(16)), [[name, value]]);
  });
}

Deno.test("HpackDecoder.decode() takes an empty block, and one of nothing but table size updates (RFC 7541 §4.2)", () => {
  assertEquals(decode(""), []);
  assertEquals(decode("20"), []);
  assertEquals(decode("20 3fe11f"), []);
  assertEquals(decode("2a 20 3fe11f"), [], "more than the two that an encoder needs cost nothing");
});

Deno.test("HpackDecoder.decode() takes strings of every byte, with and without Huffman code (RFC 7541 §5.2)", () => {
  const every = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte));
  assertEquals(decode("0001 61 7f8101" + latin1(every).toHex()), [["a", every]]);
  assertEquals(decode("00 00 00"), [["", ""]]);
  assertEquals(decode("00 80 80"), [["", ""]]);
  for (const text of [every, every.repeat(20)]) {
    assertEquals(pairsOf(new HpackDecoder(LIMITS).decode(encodeBlock(new HpackEncoder(), [["b", text]]))), [[
      "b",
      text,
    ]]);
  }
});

Deno.test("HpackDecoder.decode() takes an integer with zeros behind its digits (RFC 7541 §5.1)", () => {
  const decoder = new HpackDecoder(LIMITS);
  decoder.decode(fromHex("3f 80808000"));
  assertEquals(decoder.table.capacity, 31);
  assertEquals(decode(`000161 7f80808000 ${"62".repeat(127)}`), [["a", "b".repeat(127)]]);
});

// Each row is refused whole, and between other bytes that would make it whole.
const REJECTED: readonly (readonly [name: string, hex: string, section: string])[] = [
  ["an index beyond the static table, the dynamic one being empty", "be", "2.3.3"],
  ["an index one beyond the dynamic table", "4001610162 bf", "2.3.3"],
  ["the greatest index that an integer may be", "ff ffffff7f", "2.3.3"],
  ["a name's index beyond both tables, with incremental indexing", "7e 0161", "2.3.3"],
  ["a name's index beyond both tables, without indexing", "0f2f 0161", "2.3.3"],
  ["a name's index beyond both tables, never indexed", "1f2f 0161", "2.3.3"],
  ["a table size update behind an indexed field", "82 20", "4.2"],
  ["a table size update behind a literal", "0001610162 2a", "4.2"],
  ["a table size update between fields", "82 20 82", "4.2"],
  ["a table size update behind a field, of bytes that would do as a literal", "82 20 0161 0162", "4.2"],
  ["a table size update of two bytes behind a field", "82 3f00 0161", "4.2"],
  ["an index of 5 bytes more than its prefix", "ff 8080808000", "5.1"],
  ["an index of 2^32", "ff 81ffffff0f", "5.1"],
  ["an index that never ends", "ff ffffffffffffffffffffffffffff", "5.1"],
  ["a table size of 5 bytes more than its prefix", "3f 8080808000", "5.1"],
  ["a name's index of 5 bytes more than its prefix, with incremental indexing", "7f 8080808000 0161", "5.1"],
  ["a name's index of 5 bytes more than its prefix, without indexing", "0f 8080808000 0161", "5.1"],
  ["a name's index of 5 bytes more than its prefix, never indexed", "1f 8080808000 0161", "5.1"],
  ["a name's length of 5 bytes more than its prefix", "00 7f8080808000 61", "5.1"],
  ["a value's length of 5 bytes more than its prefix", "000161 7f8080808000 61", "5.1"],
  ["a length of Huffman code of 5 bytes more than its prefix", "00 ff8080808000 61", "5.1"],
  ["an index without its end", "ff", "5.1"],
  ["an index without its second byte", "ff 80", "5.1"],
  ["a table size without its end", "3f", "5.1"],
  ["a value's length without its end", "000161 7f", "5.1"],
  ["a name that is longer than the block", "00 02 61", "5.2"],
  ["a value that is longer than the block", "000161 02 62", "5.2"],
  ["a value of 2^28 bytes", "000161 7f81ffff7f 62", "5.2"],
  ["a name of 2^28 bytes of Huffman code", "40 ff81ffff7f 62", "5.2"],
  ["Huffman code that is longer than the block", "000161 82 1f", "5.2"],
  ["a name with EOS", "00 84fffffffc 0161", "5.2"],
  ["a value with EOS", "000161 84fffffffc", "5.2"],
  ["a value of EOS and its padding", "000161 84ffffffff", "5.2"],
  ["a value with EOS in its middle", "000161 861fffffffff1f", "5.2"],
  ["8 bits of padding", "000161 82f8ff", "5.2"],
  ["8 bits of padding and nothing else", "000161 81ff", "5.2"],
  ["8 bits of padding in a name", "00 81ff 0161", "5.2"],
  ["a padding of zeros", "000161 8118", "5.2"],
  ["a padding with a zero at its end", "000161 811e", "5.2"],
  ["index 0", "80", "6.1"],
  ["index 0 behind a field", "82 80", "6.1"],
  ["a literal with incremental indexing without its name", "40", "6.2.1"],
  ["a literal with incremental indexing and a name's index without its value", "41", "6.2.1"],
  ["a literal with incremental indexing and a name without its value", "400161", "6.2.1"],
  ["a literal without indexing without its name", "00", "6.2.2"],
  ["a literal without indexing and a name's index without its value", "01", "6.2.2"],
  ["a literal without indexing and a name without its value", "000161", "6.2.2"],
  ["a literal never indexed without its name", "10", "6.2.3"],
  ["a literal never indexed and a name's index without its value", "11", "6.2.3"],
  ["a literal never indexed and a name without its value", "100161", "6.2.3"],
  ["a table size one above the limit", "3fe21f", "6.3"],
  ["a table size far above the limit", "3fffffff7f", "6.3"],
  ["a table size above the limit behind one that is below it", "20 3fe21f", "6.3"],
];

for (const [name, hex, section] of REJECTED) {
  Deno.test(`HpackDecoder.decode() rejects ${name} (RFC 7541 §${section})`, () => {
    const block = fromHex(hex);
    for (const around of ["", "00", "01", "61", "1f", "82"].map((byte) => fromHex(byte.repeat(8)))) {
      const bytes = concat([around, block, around]);
      const error = rejectionOf(new HpackDecoder(LIMITS), bytes, around.length, around.length + block.length);
      assert(/\(RFC 7541 §[\d.]+\)$/.test(error.message), error.message);
    }
  });
}

function rejectionOf(decoder: HpackDecoder, bytes: Uint8Array, start: number, end: number): CompressionError {
  const error = assertThrows(() => decoder.decode(bytes, start, end), CompressionError);
  assertEquals([error.name, error.constructor], ["CompressionError", CompressionError]);
  return error;
}

Deno.test("HpackDecoder.decode() rejects the index of an entry that was evicted (RFC 7541 §2.3.3)", () => {
  assertEquals(decode("4001610162", "be"), [["a", "b"]]);
  assertThrows(() => decode("4001610162", "20 be"), CompressionError, "§2.3.3");
  assertThrows(() => decode("4001610162", "20 3fe11f be"), CompressionError, "§2.3.3");
});

Deno.test("HpackDecoder.decode() takes a table size at the limit it was made with, and not one more (RFC 7541 §6.3)", () => {
  for (
    const [size, at, beyond] of [[0, "20", "21"], [256, "3fe101", "3fe201"], [
      4096,
      "3fe11f",
      "3fe21f",
    ]] as const
  ) {
    const decoder = new HpackDecoder(LIMITS, size);
    assertEquals(pairsOf(decoder.decode(fromHex(at))), []);
    assertEquals(decoder.table.capacity, size);
    assertThrows(() => decoder.decode(fromHex(beyond)), CompressionError, "(RFC 7541 §6.3)");
  }
});

/** A block of every representation in pieces: a block that ends behind one of them is whole. */
const PIECES: readonly string[] = [
  "20",
  "3fe11f",
  "82",
  "40 0161 0162",
  "be",
  "7e 0163",
  "41 8cf1e3c2e5f23a6ba0ab90f4ff",
  "0f2f 0178",
  "0001 64 00",
  "10 811f 811f",
  "1f10 0179",
  "1002 6b65 811f",
  `00 7f00${"6e".repeat(127)} 7f8101${"76".repeat(256)}`,
  `40 0164 ff00${"00".repeat(126)}3f`,
];

Deno.test("HpackDecoder.decode() rejects a block that is cut at any byte but those between its fields (RFC 7541 §6.2)", () => {
  const whole = concat(PIECES.map(fromHex));
  const list = pairsOf(new HpackDecoder(LIMITS).decode(whole));
  assertEquals(list.length, PIECES.length - 2);
  const ends = new Map<number, number>([[0, 0]]);
  let at = 0;
  PIECES.forEach((piece, index) => ends.set(at += fromHex(piece).length, Math.max(0, index - 1)));
  for (let end = 0; end <= whole.length; end++) {
    const decoder = new HpackDecoder(LIMITS);
    const fields = ends.get(end);
    if (fields === undefined) rejectionOf(decoder, whole, 0, end);
    else assertEquals(pairsOf(decoder.decode(whole, 0, end)), list.slice(0, fields), `${end} bytes`);
  }
});

Deno.test("HpackDecoder.decode() takes a list of headerSizeLimit, each field counted with 32 bytes (RFC 9113 §6.5.2)", () => {
  const block = fromHex("82 82 0001610162"); // 42 + 42 + 34
  const at = new HpackDecoder({ headerSizeLimit: 118, headerCountLimit: 10 }).decode(block);
  assertEquals([at.tooLarge, at.fields.length], [false, 3]);
  const beyond = new HpackDecoder({ headerSizeLimit: 117, headerCountLimit: 10 }).decode(block);
  assertEquals([beyond.tooLarge, beyond.fields.length], [true, 2]);
});

Deno.test("HpackDecoder.decode() takes a list of headerCountLimit fields, and not one more (RFC 9113 §10.5.1)", () => {
  const decoder = new HpackDecoder({ headerSizeLimit: 4096, headerCountLimit: 3 });
  const at = decoder.decode(fromHex("828282"));
  assertEquals([at.tooLarge, at.fields.length], [false, 3]);
  const beyond = decoder.decode(fromHex("82828282"));
  assertEquals([beyond.tooLarge, beyond.fields.length], [true, 3]);
  assertEquals(decoder.decode(fromHex("828282")).tooLarge, false, "the limits are those of one list");
});

Deno.test("HpackDecoder.decode() keeps nothing behind the field that was too large (RFC 9113 §10.5.1)", () => {
  const decoder = new HpackDecoder({ headerSizeLimit: 100, headerCountLimit: 10 });
  const { tooLarge, fields } = decoder.decode(fromHex(`82 000161 7f00${"62".repeat(127)} 000000 000000`));
  assertEquals([tooLarge, fields.map(({ name }) => name)], [true, [":method"]]);
});

Deno.test("HpackDecoder.decode() keeps the table in step behind a limit (RFC 9113 §10.5.1)", () => {
  for (
    const limits of [{ headerSizeLimit: 40, headerCountLimit: 10 }, {
      headerSizeLimit: 4096,
      headerCountLimit: 1,
    }]
  ) {
    const decoder = new HpackDecoder(limits);
    const { tooLarge } = decoder.decode(fromHex("4001610131 4001620132 7e0133"));
    assertEquals(tooLarge, true);
    assertEquals(entriesOf(decoder.table), [["b", "3"], ["b", "2"], ["a", "1"]]);
    const next = decoder.decode(fromHex("c0"));
    assertEquals([next.tooLarge, pairsOf(next)], [false, [["a", "1"]]]);
  }
});

Deno.test("HpackDecoder.decode() rejects a fault behind a limit (RFC 9113 §4.3)", () => {
  const decoder = new HpackDecoder({ headerSizeLimit: 40, headerCountLimit: 1 });
  assertThrows(() => decoder.decode(fromHex("82828280")), CompressionError);
});

Deno.test("HpackDecoder.decode() makes nothing of 16,000 references to one large entry (RFC 7541 §7.3)", () => {
  const decoder = new HpackDecoder({ headerSizeLimit: 32_768, headerCountLimit: 100 });
  decoder.decode(concat([fromHex("400161 7fa11e"), new Uint8Array(4000).fill(0x62)]));
  assertEquals(decoder.table.size, 4033);
  const bomb = new Uint8Array(16_000).fill(0xbe);
  decoder.decode(bomb);
  const before = Deno.memoryUsage().heapUsed;
  const lists = Array.from({ length: 100 }, () => decoder.decode(bomb));
  const growth = Deno.memoryUsage().heapUsed - before;
  assert(growth < 4 * 2 ** 20, `1,600,000 references took ${growth} bytes`);
  for (const { fields, tooLarge } of lists) {
    assertEquals([tooLarge, fields.length], [true, 8]);
    for (const field of fields) assertStrictEquals(field, decoder.table.byNumber(1));
  }
});

Deno.test("HpackDecoder.decode() keeps no more than headerCountLimit of 16,000 references to a small entry (RFC 7541 §7.3)", () => {
  const decoder = new HpackDecoder({ headerSizeLimit: 2 ** 30, headerCountLimit: 100 });
  const { fields, tooLarge } = decoder.decode(
    concat([fromHex("40000161"), new Uint8Array(16_000).fill(0xbe)]),
  );
  assertEquals([tooLarge, fields.length], [true, 100]);
  assertEquals(new Set(fields).size, 1);
});

Deno.test("HpackDecoder.decode() takes the name of an entry that the new one evicts (RFC 7541 §4.4)", () => {
  const decoder = new HpackDecoder(LIMITS, 70);
  decoder.decode(fromHex("40 036b6579 01 31"));
  assertEquals(pairsOf(decoder.decode(fromHex("7e 0132 be"))), [["key", "2"], ["key", "2"]]);
  assertEquals([entriesOf(decoder.table), decoder.table.size], [[["key", "2"]], 36]);
});

Deno.test("HpackDecoder.decode() empties the table for an entry that is larger than it (RFC 7541 §4.4)", () => {
  const decoder = new HpackDecoder(LIMITS, 40);
  decoder.decode(fromHex("4001610162"));
  assertEquals(decoder.table.length, 1);
  assertEquals(pairsOf(decoder.decode(fromHex("40 0161 08 3132333435363738"))), [["a", "12345678"]]);
  assertEquals([decoder.table.length, decoder.table.size], [0, 0]);
  assertEquals(
    pairsOf(decoder.decode(fromHex("40 0161 07 31323334353637 be"))).length,
    2,
    "one of its size fits",
  );
});

Deno.test("DynamicTable.add() and resize() keep what an array would (RFC 7541 §4)", () => {
  const noise = new Noise(3);
  for (let round = 0; round < 200; round++) {
    let capacity = noise.below(3000);
    const table = new DynamicTable(capacity);
    const model: HeaderField[] = [];
    for (let step = 0; step < 200; step++) {
      const field = new HeaderField("a", "b".repeat(noise.pick([0, 1, 50, 400, capacity])));
      if (noise.below(10) > 0) addTo(model, field, capacity, table);
      else table.resize(capacity = noise.pick([0, 31, 33, noise.below(3000), 4096]));
      evictFrom(model, capacity);
      assertSame(table, model, capacity);
    }
  }
});

function addTo(model: HeaderField[], field: HeaderField, capacity: number, table: DynamicTable): void {
  table.add(field);
  evictFrom(model, capacity - field.size);
  if (field.size <= capacity) model.unshift(field);
}

function evictFrom(model: HeaderField[], room: number): void {
  while (model.length > 0 && sizeOf(model) > room) model.pop();
}

function sizeOf(model: readonly HeaderField[]): number {
  return model.reduce((sum, { size }) => sum + size, 0);
}

function assertSame(table: DynamicTable, model: readonly HeaderField[], capacity: number): void {
  assertEquals([table.length, table.size, table.capacity], [model.length, sizeOf(model), capacity]);
  assert(table.length <= mostEntries(capacity), `${table.length} entries in ${capacity} bytes`);
  model.forEach((field, place) => assert(table.byNumber(table.added - place) === field, `entry ${place}`));
  for (const number of [table.added + 1, table.added - model.length, -1]) {
    assertEquals(table.byNumber(number), undefined, `entry number ${number}`);
  }
}

Deno.test("mostEntries() is how many of the smallest entries have room (RFC 7541 §4.1)", () => {
  for (const capacity of [0, 31, 32, 63, 64, 4096]) {
    const table = new DynamicTable(capacity);
    for (let count = 0; count < 200; count++) table.add(new HeaderField("", ""));
    assertEquals(table.length, mostEntries(capacity));
  }
});

/** Whether one decoder takes one more block; nothing but a CompressionError may escape. */
function survives(decoder: HpackDecoder, block: Uint8Array): boolean {
  try {
    const { fields } = decoder.decode(block);
    assert(fields.length <= 20 && fields.reduce((sum, { size }) => sum + size, 0) <= 2000, "the limits hold");
    return true;
  } catch (error) {
    assert(
      error instanceof CompressionError,
      `only a CompressionError escapes: ${error} by ${block.toHex()}`,
    );
    return false;
  } finally {
    const { size, capacity } = decoder.table;
    assert(size <= capacity && capacity <= 4096, `a table of ${size} in ${capacity}`);
  }
}

Deno.test("HpackDecoder.decode() lets only CompressionError out, whatever the bytes (RFC 9113 §4.3)", () => {
  const noise = new Noise(4);
  let [taken, refused] = [0, 0];
  for (let round = 0; round < 5000; round++) {
    const decoder = new HpackDecoder({ headerSizeLimit: 2000, headerCountLimit: 20 });
    for (let blocks = 0; blocks < 8; blocks++) {
      if (!survives(decoder, noise.bytes(noise.below(noise.pick([4, 16, 100]))))) {
        refused++;
        break;
      }
      taken++;
    }
  }
  assert(taken > 500 && refused > 500, `${taken} blocks were taken, ${refused} refused`);
});

Deno.test("HpackDecoder.decode() lets only CompressionError out, whatever bits of a block are turned (RFC 9113 §4.3)", () => {
  const noise = new Noise(5);
  const whole = concat(PIECES.map(fromHex));
  let [taken, refused] = [0, 0];
  for (let round = 0; round < 20_000; round++) {
    const block = whole.slice(0, 1 + noise.below(noise.pick([60, whole.length])));
    for (let turned = noise.below(4); turned >= 0; turned--) {
      const at = noise.below(block.length);
      block[at] = block[at]! ^ (1 << noise.below(8));
    }
    if (survives(new HpackDecoder({ headerSizeLimit: 2000, headerCountLimit: 20 }), block)) taken++;
    else refused++;
  }
  assert(taken > 500 && refused > 500, `${taken} blocks were taken, ${refused} refused`);
});
