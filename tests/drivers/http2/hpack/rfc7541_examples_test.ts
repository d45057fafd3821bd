/** The examples of RFC 7541 appendix C, byte for byte: each list, and the dynamic table after it. */

import { assertEquals } from "@std/assert";
import { concat } from "@std/bytes";
import { HpackDecoder } from "../../../../drivers/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../../../drivers/http2/hpack/encoder.ts";
import { entriesOf, fromHex, type Pair, pairsOf } from "../support.ts";

const LIMITS = { headerSizeLimit: 4096, headerCountLimit: 64 };

/** A block, the list that it is, and the table that it leaves, the newest entry first. */
interface Example {
  readonly section: string;
  readonly hex: string;
  readonly list: readonly Pair[];
  readonly table: readonly Pair[];
  readonly size: number;
}

/** Each series has a decoder of its own, whose table is of some size. */
function testSeries(name: string, tableSize: number, examples: readonly Example[]): void {
  const forms = ["whole", "within other bytes"] as const;
  for (const form of forms) {
    const decoder = new HpackDecoder(LIMITS, tableSize);
    for (const { section, hex, list, table, size } of examples) {
      Deno.test(`HpackDecoder.decode() takes ${name}, ${form} (RFC 7541 §${section})`, () => {
        const block = fromHex(hex);
        const around = fromHex("82 0f ff");
        const decoded = form === "whole"
          ? decoder.decode(block)
          : decoder.decode(concat([around, block, around]), around.length, around.length + block.length);
        assertEquals(pairsOf(decoded), [...list]);
        assertEquals(decoded.tooLarge, false);
        assertEquals(entriesOf(decoder.table), [...table]);
        assertEquals([decoder.table.size, decoder.table.length], [size, table.length]);
      });
    }
  }
}

// C.1: an integer is the length of a string, the size of a table or an index; the latter two take a prefix of 5 bits as well
Deno.test("HpackDecoder.decode() takes 10 in a prefix of 5 bits, and HpackEncoder.begin() writes it (RFC 7541 §C.1.1)", () => {
  assertEquals(tableSizeBehind("2a"), 10);
  assertEquals(announcement(10), "2a");
});

Deno.test("HpackDecoder.decode() takes 1337 in a prefix of 5 bits, and HpackEncoder.begin() writes it (RFC 7541 §C.1.2)", () => {
  assertEquals(tableSizeBehind("3f 9a 0a"), 1337);
  assertEquals(announcement(1337), "3f9a0a");
});

// HPACK itself has no prefix of 8 bits: 42 stands in one of 7, which is the same byte.
Deno.test("HpackDecoder.decode() takes 42 at the beginning of a byte, and HpackEncoder.encode() writes it (RFC 7541 §C.1.3)", () => {
  const text = "\x00".repeat(42); // never in Huffman code, which would be longer
  const block = concat([fromHex("00 0161 2a"), new Uint8Array(42)]);
  assertEquals(pairsOf(new HpackDecoder(LIMITS).decode(block)), [["a", text]]);
  const room = new Uint8Array(64);
  const end = new HpackEncoder().encode("a", text, room, 0);
  assertEquals(room.slice(end - 43, end), concat([fromHex("2a"), new Uint8Array(42)]));
});

function tableSizeBehind(hex: string): number {
  const decoder = new HpackDecoder(LIMITS);
  assertEquals(pairsOf(decoder.decode(fromHex(hex))), []);
  return decoder.table.capacity;
}

function announcement(size: number): string {
  const encoder = new HpackEncoder();
  const room = new Uint8Array(8);
  encoder.resize(size);
  return room.subarray(0, encoder.begin(room, 0)).toHex();
}

testSeries("a literal with incremental indexing", 4096, [{
  section: "C.2.1",
  hex: "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
  list: [["custom-key", "custom-header"]],
  table: [["custom-key", "custom-header"]],
  size: 55,
}]);

testSeries("a literal without indexing", 4096, [{
  section: "C.2.2",
  hex: "040c 2f73 616d 706c 652f 7061 7468",
  list: [[":path", "/sample/path"]],
  table: [],
  size: 0,
}]);

testSeries("a literal that is never indexed", 4096, [{
  section: "C.2.3",
  hex: "1008 7061 7373 776f 7264 0673 6563 7265 74",
  list: [["password", "secret"]],
  table: [],
  size: 0,
}]);

testSeries("an indexed field", 4096, [{
  section: "C.2.4",
  hex: "82",
  list: [[":method", "GET"]],
  table: [],
  size: 0,
}]);

const AUTHORITY: Pair = [":authority", "www.example.com"];
const NO_CACHE: Pair = ["cache-control", "no-cache"];
const CUSTOM: Pair = ["custom-key", "custom-value"];

/** The requests: the same three without and with Huffman code. */
function requests(section: string, blocks: readonly [string, string, string]): Example[] {
  const list = [[":method", "GET"], [":scheme", "http"], [":path", "/"], AUTHORITY] as const;
  const third = [[":method", "GET"], [":scheme", "https"], [":path", "/index.html"], AUTHORITY] as const;
  return [
    { section: `${section}.1`, hex: blocks[0], list, table: [AUTHORITY], size: 57 },
    {
      section: `${section}.2`,
      hex: blocks[1],
      list: [...list, NO_CACHE],
      table: [NO_CACHE, AUTHORITY],
      size: 110,
    },
    {
      section: `${section}.3`,
      hex: blocks[2],
      list: [...third, CUSTOM],
      table: [CUSTOM, NO_CACHE, AUTHORITY],
      size: 164,
    },
  ];
}

testSeries(
  "requests without Huffman code",
  4096,
  requests("C.3", [
    "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
    "8286 84be 5808 6e6f 2d63 6163 6865",
    "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
  ]),
);

testSeries(
  "requests in Huffman code",
  4096,
  requests("C.4", [
    "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
    "8286 84be 5886 a8eb 1064 9cbf",
    "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
  ]),
);

const PRIVATE: Pair = ["cache-control", "private"];
const DATE: Pair = ["date", "Mon, 21 Oct 2013 20:13:21 GMT"];
const LATER: Pair = ["date", "Mon, 21 Oct 2013 20:13:22 GMT"];
const LOCATION: Pair = ["location", "https://www.example.com"];
const GZIP: Pair = ["content-encoding", "gzip"];
const COOKIE: Pair = ["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"];

/** The responses, whose table of 256 bytes evicts: the same three without and with Huffman code. */
function responses(section: string, blocks: readonly [string, string, string]): Example[] {
  return [
    {
      section: `${section}.1`,
      hex: blocks[0],
      list: [[":status", "302"], PRIVATE, DATE, LOCATION],
      table: [LOCATION, DATE, PRIVATE, [":status", "302"]],
      size: 222,
    },
    {
      section: `${section}.2`,
      hex: blocks[1],
      list: [[":status", "307"], PRIVATE, DATE, LOCATION],
      table: [[":status", "307"], LOCATION, DATE, PRIVATE],
      size: 222,
    },
    {
      section: `${section}.3`,
      hex: blocks[2],
      list: [[":status", "200"], PRIVATE, LATER, LOCATION, GZIP, COOKIE],
      table: [COOKIE, GZIP, LATER],
      size: 215,
    },
  ];
}

testSeries(
  "responses without Huffman code, which evict",
  256,
  responses("C.5", [
    `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32
     3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
    "4803 3330 37c1 c0bf",
    `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970
     7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61
     6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31`,
  ]),
);

testSeries(
  "responses in Huffman code, which evict",
  256,
  responses("C.6", [
    `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad
     1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
    "4883 640e ffc1 c0bf",
    `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2
     e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
  ]),
);
