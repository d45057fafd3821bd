/** The encoder, with our own decoder as the peer: what is indexed, what never is, and the size of the table. */

import { assert, assertEquals } from "@std/assert";
import { HpackDecoder } from "../../../../drivers/http2/hpack/decoder.ts";
import { FIELD_OVERHEAD, HpackEncoder, TABLE_SIZE_LIMIT } from "../../../../drivers/http2/hpack/encoder.ts";
import { encodeBlock, entriesOf, fromHex, Noise, type Pair, pairsOf } from "../support.ts";

const LIMITS = { headerSizeLimit: 2 ** 24, headerCountLimit: 10_000 };

/** One field in a block of its own. */
function encodeField(encoder: HpackEncoder, name: string, value: string): Uint8Array {
  return encodeBlock(encoder, [[name, value]]);
}

/** An encoder and a decoder that follows it: what comes out has to be what went in, and the tables the same. */
class Connection {
  readonly encoder = new HpackEncoder();
  readonly #decoder = new HpackDecoder(LIMITS, TABLE_SIZE_LIMIT);

  /** Sends a list, and gives the size of its block. */
  send(list: readonly Pair[]): number {
    const block = encodeBlock(this.encoder, list);
    assertEquals(pairsOf(this.#decoder.decode(block)), [...list], block.toHex());
    const { table } = this.encoder;
    assertEquals(entriesOf(this.#decoder.table), entriesOf(table));
    assertEquals([this.#decoder.table.size, this.#decoder.table.capacity], [table.size, table.capacity]);
    assert(table.size <= table.capacity && table.capacity <= TABLE_SIZE_LIMIT, `${table.size} bytes`);
    return block.length;
  }

  /**
   * Lets the peer change SETTINGS_HEADER_TABLE_SIZE. It evicts at once, as it may from its acknowledgement on; so an encoder that
   * says too little in its next block refers to what is not there.
   */
  resize(size: number): void {
    const { table } = this.#decoder;
    this.encoder.resize(size);
    if (size < table.capacity) table.resize(size);
  }
}

const STATIC: readonly (readonly [name: string, value: string, hex: string])[] = [
  [":status", "200", "88"],
  [":status", "204", "89"],
  [":status", "404", "8d"],
  [":status", "500", "8e"],
  [":method", "GET", "82"],
  [":path", "/index.html", "85"],
  ["accept-encoding", "gzip, deflate", "90"],
];

for (const [name, value, hex] of STATIC) {
  Deno.test(`HpackEncoder.encode() takes one byte for "${name}: ${value}" each time (RFC 7541 §6.1)`, () => {
    const encoder = new HpackEncoder();
    for (let time = 0; time < 3; time++) assertEquals(encodeField(encoder, name, value).toHex(), hex);
    assertEquals(encoder.table.length, 0);
  });
}

Deno.test("HpackEncoder.encode() indexes a field the second time, and refers to it from then on (RFC 7541 §6.2.1)", () => {
  const encoder = new HpackEncoder();
  const blocks = Array.from({ length: 4 }, () => encodeField(encoder, "x-a", "value").toHex());
  assertEquals(blocks, ["0003782d6184ee3a2d2f", "4003782d6184ee3a2d2f", "be", "be"]);
});

Deno.test("HpackEncoder.encode() takes names from either table (RFC 7541 §6.2)", () => {
  const encoder = new HpackEncoder();
  assertEquals(encodeField(encoder, ":status", "201").slice(0, 1).toHex(), "08", "index 8, without indexing");
  assertEquals(encodeField(encoder, ":status", "201").slice(0, 1).toHex(), "48", "index 8, with indexing");
  assertEquals(encodeField(encoder, "server", "a").slice(0, 2).toHex(), "0f27", "index 54, without indexing");
  encodeBlock(encoder, [["x-a", "1"], ["x-a", "1"]]);
  assertEquals(encodeField(encoder, "x-a", "2").toHex(), "0f2f0132", "index 62, without indexing");
  assertEquals(encodeField(encoder, "x-a", "2").toHex(), "7e0132", "index 62, with indexing");
});

Deno.test("HpackEncoder.encode() writes a string in Huffman code where that is shorter (RFC 7541 §5.2)", () => {
  const encoder = new HpackEncoder();
  assertEquals(encodeField(encoder, "location", "aaaaaaaa").toHex(), "0f1f8518c6318c63");
  assertEquals(encodeField(encoder, "location", "\x00\x01").toHex(), "0f1f020001");
  assertEquals(encodeField(encoder, "location", "").toHex(), "0f1f00");
  assertEquals(encodeField(encoder, "location", "?").toHex(), "0f1f013f", "10 bits of code are not shorter");
});

const SENSITIVE = ["authorization", "cookie", "proxy-authorization", "set-cookie"] as const;

for (const name of SENSITIVE) {
  Deno.test(`HpackEncoder.encode() never lets anyone index "${name}" (RFC 7541 §7.1.3)`, () => {
    const connection = new Connection();
    const { encoder } = connection;
    for (const value of ["secret", "secret", "secret", "", "other", "secret"]) {
      const block = encodeField(encoder, name, value);
      assertEquals(block[0]! & 0xf0, 0x10, "0001: never indexed");
      assertEquals(encoder.table.length, 0);
      connection.send([[name, value], ["x-a", value], [name, value]]);
      assert(!entriesOf(encoder.table).some((entry) => entry[0] === name), "not in the table");
      encoder.resize(0);
      encoder.resize(4096);
      connection.send([]);
    }
  });
}

Deno.test("HpackEncoder.encodeUnindexed() leaves the table alone, however often a field is sent (RFC 7541 §6.2.2)", () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder(LIMITS);
  for (const [name, value, first] of [["content-length", "12345", "0f"], ["x-a", "12345", "00"]] as const) {
    for (let time = 0; time < 3; time++) {
      const room = new Uint8Array(name.length + value.length + FIELD_OVERHEAD);
      const block = room.subarray(0, encoder.encodeUnindexed(name, value, room, 0));
      assertEquals(block.slice(0, 1).toHex(), first);
      assertEquals(pairsOf(decoder.decode(block)), [[name, value]]);
    }
  }
  assertEquals([encoder.table.added, decoder.table.added], [0, 0]);
});

Deno.test("HpackEncoder.encode() leaves a field alone that is more than a quarter of the table (RFC 7541 §4.4)", () => {
  const connection = new Connection();
  for (const [length, entries] of [[1024 - 32 - 3, 1], [1024 - 32 - 2, 0]] as const) {
    const { encoder } = new Connection();
    for (let time = 0; time < 3; time++) encodeField(encoder, "x-a", "v".repeat(length));
    assertEquals(encoder.table.length, entries, `a value of ${length} bytes`);
  }
  for (let time = 0; time < 3; time++) connection.send([["x-a", "v".repeat(10_000)], ["x-b", "v"]]);
  assertEquals(entriesOf(connection.encoder.table), [["x-b", "v"]]);
});

const HEAD: readonly Pair[] = [
  [":status", "200"],
  ["content-type", "text/html; charset=utf-8"],
  ["cache-control", "public, max-age=31536000, immutable"],
  ["vary", "accept-encoding"],
  ["vary", "origin"],
  ["server", "Drover"],
  ["x-content-type-options", "nosniff"],
  ["strict-transport-security", "max-age=63072000; includeSubDomains; preload"],
  ["content-security-policy", "default-src 'self'; img-src *; script-src 'self' 'unsafe-inline'"],
];

Deno.test("HpackEncoder.encode() takes one byte for each field of a head that repeats (RFC 7541 §2.3.2)", () => {
  const connection = new Connection();
  const sizes = Array.from({ length: 6 }, () => connection.send(HEAD));
  assertEquals(sizes.slice(2), [HEAD.length, HEAD.length, HEAD.length, HEAD.length]);
});

Deno.test("HpackEncoder.encode() never lets what changes evict a head that repeats (RFC 7541 §2.3.2)", () => {
  const connection = new Connection();
  const noise = new Noise(6);
  for (let time = 0; time < 1000; time++) {
    const value = noise.text(36, 0x30, 0x39);
    connection.send([["x-request-id", value], ["etag", `"${value}"`], ["age", `${time}`], ...HEAD]);
    if (time > 1) assertEquals(connection.send(HEAD), HEAD.length);
  }
  assertEquals(
    connection.encoder.table.added,
    HEAD.length - 1,
    "all but :status, which is in the static table",
  );
});

Deno.test("HpackEncoder.encode() lets two heads that take turns repeat as well (RFC 7541 §2.3.2)", () => {
  const connection = new Connection();
  const other: Pair[] = [[":status", "404"], ["content-type", "text/plain"], ["cache-control", "no-store"]];
  const sizes = Array.from({ length: 8 }, (_, time) => connection.send(time % 2 === 0 ? HEAD : other));
  assertEquals(sizes.slice(4), [HEAD.length, 3, HEAD.length, 3]);
});

Deno.test("HpackEncoder.encode() goes on behind more names and values than it remembers (RFC 7541 §2.2)", () => {
  const connection = new Connection();
  for (let round = 0; round < 3; round++) {
    connection.send(Array.from({ length: 600 }, (_, index) => [`x-${index % 300}`, `${index % 7}`]));
    for (let index = 0; index < 20; index++) {
      connection.send([["x-a", `${index % 9}`], ["x-a", `${index % 3}`]]);
    }
    assert(connection.send(HEAD) > 0);
  }
});

Deno.test("HpackEncoder.encode() remembers 256 names, and begins anew beyond them (RFC 7541 §7.3)", () => {
  for (const [others, hex] of [[255, "be"], [256, "0003782d610162"]] as const) {
    const connection = new Connection();
    connection.send([["x-a", "b"], ["x-a", "b"]]);
    connection.send(Array.from({ length: others }, (_, index) => [`x-${index}`, "b"]));
    assertEquals(encodeField(connection.encoder, "x-a", "b").toHex(), hex, `${others} other names`);
  }
});

for (const size of [4096, 4097, 65_536, 2 ** 31, 2 ** 32 - 1]) {
  Deno.test(`HpackEncoder.resize() keeps at most 4096 bytes where the peer allows ${size} (RFC 7541 §4.2)`, () => {
    const connection = new Connection();
    connection.resize(size);
    const noise = new Noise(7);
    for (let time = 0; time < 200; time++) {
      const field: Pair = [`x-${time}`, noise.text(200)];
      connection.send([field, field, field]);
    }
    assertEquals(connection.encoder.table.capacity, TABLE_SIZE_LIMIT);
    assert(connection.encoder.table.size > TABLE_SIZE_LIMIT / 2, "the table was in use");
    assertEquals(encodeBlock(connection.encoder, []).length, 0, "nothing is to be said");
  });
}

// "the smallest maximum size that occurs in that interval MUST be signaled [...] The final maximum size is always signaled" (§4.2)
const ANNOUNCED: readonly (readonly [sizes: readonly number[], hex: string])[] = [
  [[], ""],
  [[4096], ""],
  [[65_536], ""],
  [[0], "20"],
  [[30], "3e"],
  [[31], "3f00"],
  [[256], "3fe101"],
  [[4095], "3fe01f"],
  [[0, 0], "20"],
  [[0, 4096], "20 3fe11f"],
  [[0, 65_536], "20 3fe11f"],
  [[256, 4096], "3fe101 3fe11f"],
  [[4096, 256], "3fe101"],
  [[256, 30], "3e"],
  [[30, 256], "3e 3fe101"],
  [[256, 30, 100], "3e 3f45"],
  [[100, 0, 2000, 50, 256, 200], "20 3fa901"],
  [[65_536, 5000], ""],
  [[65_536, 30, 5000], "3e 3fe11f"],
];

for (const [sizes, hex] of ANNOUNCED) {
  const change = sizes.length === 0 ? "no change" : `changes to ${sizes.join(", ")}`;
  Deno.test(`HpackEncoder.begin() says what is needed of ${change}, and says it once (RFC 7541 §4.2)`, () => {
    const encoder = new HpackEncoder();
    for (const size of sizes) encoder.resize(size);
    assertEquals(encodeBlock(encoder, []).toHex(), fromHex(hex).toHex());
    assertEquals(encodeBlock(encoder, []).toHex(), "");
  });
}

// The same again from a table that was made small before
const ANNOUNCED_LATER: readonly (readonly [sizes: readonly number[], hex: string])[] = [
  [[], ""],
  [[100], ""],
  [[100, 100], ""],
  [[4096], "3fe11f"],
  [[65_536], "3fe11f"],
  [[200, 150], "3f77"],
  [[200, 100], ""],
  [[50], "3f13"],
  [[50, 100], "3f13 3f45"],
  [[200, 50, 4096], "3f13 3fe11f"],
  [[0], "20"],
];

for (const [sizes, hex] of ANNOUNCED_LATER) {
  const change = sizes.length === 0 ? "no change" : `changes to ${sizes.join(", ")}`;
  Deno.test(`HpackEncoder.begin() says what is needed of ${change} from a table of 100 (RFC 7541 §4.2)`, () => {
    const encoder = new HpackEncoder();
    encoder.resize(100);
    encodeBlock(encoder, []);
    for (const size of sizes) encoder.resize(size);
    assertEquals(encodeBlock(encoder, []).toHex(), fromHex(hex).toHex());
    assertEquals(encodeBlock(encoder, []).toHex(), "");
  });
}

Deno.test("HpackEncoder.resize() evicts what the peer evicts, and refers to nothing that is gone (RFC 7541 §4.3)", () => {
  const connection = new Connection();
  for (
    const sizes of [[], [0], [4096], [300], [0, 4096], [200, 4096, 300], [65_536], [0, 0], [31], [33, 4096]]
  ) {
    for (const size of sizes) connection.resize(size);
    for (let time = 0; time < 3; time++) connection.send(HEAD);
  }
});

/** Names and values of all kinds, few enough to come again. */
function vocabulary(noise: Noise): Pair[] {
  const names = [
    ":status",
    "content-type",
    "vary",
    "server",
    "set-cookie",
    "x-a",
    "x-b",
    "",
    noise.text(8, 0x61, 0x7a),
  ];
  for (let count = 0; count < 8; count++) names.push(noise.text(1 + noise.below(40)));
  return Array.from({ length: 60 }, () => {
    const length = noise.pick([0, 1, 5, 30, 126, 127, 128, 254, 255, 1000, 5000]);
    return [noise.pick(names), noise.pick([noise.text(length), noise.text(length, 0x20, 0x7e), "200", "a"])];
  });
}

Deno.test("HpackDecoder.decode() gives back what HpackEncoder.encode() is given, whatever the tables do (RFC 7541 §2.2)", () => {
  const noise = new Noise(8);
  const sizes = [0, 1, 31, 32, 33, 100, 300, 1000, 2000, 4095, 4096, 4097, 10_000];
  for (let round = 0; round < 60; round++) {
    const connection = new Connection();
    const words = vocabulary(noise);
    for (let block = 0; block < 40; block++) {
      for (let changes = noise.pick([0, 0, 0, 1, 2, 5]); changes > 0; changes--) {
        connection.resize(noise.pick(sizes));
      }
      connection.send(Array.from({ length: noise.below(20) }, () => noise.pick(words)));
    }
  }
});

Deno.test("HpackDecoder.decode() gives back every byte in names and values (RFC 7541 §5.2)", () => {
  const connection = new Connection();
  for (let byte = 0; byte < 256; byte++) {
    const text = String.fromCharCode(byte);
    for (let time = 0; time < 3; time++) connection.send([[text, text], [`a${text}`, text.repeat(200)]]);
  }
});

Deno.test("HpackEncoder.encode() writes to its part of the room alone (RFC 7541 §6)", () => {
  const noise = new Noise(9);
  const encoder = new HpackEncoder();
  for (let round = 0; round < 2000; round++) {
    const room = new Uint8Array(2000).fill(0xa5);
    const [name, value] = [
      noise.text(noise.below(20)),
      noise.text(noise.below(400), noise.pick([0, 0x20]), 0x7e),
    ];
    const start = noise.below(1000);
    const end = encoder.encode(name, value, room, encoder.begin(room, start));
    assert(end - start <= name.length + value.length + FIELD_OVERHEAD, `${end - start} bytes`);
    assert(room.subarray(0, start).every((byte) => byte === 0xa5), "the bytes in front are left alone");
    assert(room.subarray(end).every((byte) => byte === 0xa5), "the bytes behind are left alone");
  }
});
