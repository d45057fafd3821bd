/** The Huffman code: the table of appendix B, every byte and pair of bytes, and a decoder that takes bit by bit as the judge. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { CompressionError } from "../../../../drivers/http2/hpack/compression_error.ts";
import { decodeHuffman, encodeHuffman, huffmanSize } from "../../../../drivers/http2/hpack/huffman.ts";
import { EOS, HUFFMAN_CODES, HUFFMAN_LENGTHS } from "../../../../drivers/http2/hpack/huffman_table.ts";
import { fromLatin1 } from "../../../support/bytes.ts";
import { fromHex, Noise } from "../support.ts";

/** The text that a code stands for. */
function decode(code: Uint8Array): string {
  const room = new Uint8Array(Math.floor(8 / 5 * code.length));
  return fromLatin1(room.subarray(0, decodeHuffman(code, 0, code.length, room)));
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  const room = new Uint8Array(4 * text.length);
  return room.slice(0, encodeHuffman(text, room, 0));
}

const SYMBOLS = new Map<string, number>(
  Array.from({ length: EOS + 1 }, (_, symbol) => [bitsOf(symbol), symbol]),
);

function bitsOf(symbol: number): string {
  return HUFFMAN_CODES[symbol]!.toString(2).padStart(HUFFMAN_LENGTHS[symbol]!, "0");
}

/** The same, bit by bit and as the text of the section has it; `null` for what is no code. */
function decodeSlowly(code: Uint8Array): string | null {
  let text = "";
  let pending = "";
  for (const byte of code) {
    for (const bit of byte.toString(2).padStart(8, "0")) {
      pending += bit;
      const symbol = SYMBOLS.get(pending);
      if (symbol === undefined) continue;
      if (symbol === EOS) return null;
      text += String.fromCharCode(symbol);
      pending = "";
    }
  }
  return /^1{0,7}$/.test(pending) ? text : null;
}

function assertAgrees(code: Uint8Array): void {
  const wanted = decodeSlowly(code);
  if (wanted === null) assertThrows(() => decode(code), CompressionError, "(RFC 7541 §5.2)");
  else assertEquals(decode(code), wanted, code.toHex());
}

/** The first and the last code of each length. */
const APPENDIX_B:
  readonly (readonly [length: number, ...codes: (readonly [symbol: number, code: number])[]])[] = [
    [5, [48, 0x0], [116, 0x9]],
    [6, [32, 0x14], [117, 0x2d]],
    [7, [58, 0x5c], [122, 0x7b]],
    [8, [38, 0xf8], [90, 0xfd]],
    [10, [33, 0x3f8], [63, 0x3fc]],
    [11, [39, 0x7fa], [124, 0x7fc]],
    [12, [35, 0xffa], [62, 0xffb]],
    [13, [0, 0x1ff8], [126, 0x1ffd]],
    [14, [94, 0x3ffc], [125, 0x3ffd]],
    [15, [60, 0x7ffc], [123, 0x7ffe]],
    [19, [92, 0x7fff0], [208, 0x7fff2]],
    [20, [128, 0xfffe6], [226, 0xfffed]],
    [21, [153, 0x1fffdc], [230, 0x1fffe8]],
    [22, [129, 0x3fffd2], [233, 0x3fffeb]],
    [23, [1, 0x7fffd8], [239, 0x7ffff4]],
    [24, [9, 0xffffea], [237, 0xfffff5]],
    [25, [199, 0x1ffffec], [235, 0x1ffffef]],
    [26, [192, 0x3ffffe0], [255, 0x3ffffee]],
    [27, [203, 0x7ffffde], [254, 0x7fffff0]],
    [28, [2, 0xfffffe2], [249, 0xffffffe]],
    [30, [10, 0x3ffffffc], [22, 0x3ffffffe], [EOS, 0x3fffffff]],
  ];

for (const [length, ...codes] of APPENDIX_B) {
  Deno.test(`HUFFMAN_CODES has the codes of ${length} bits (RFC 7541 appendix B)`, () => {
    for (const [symbol, code] of codes) {
      assertEquals([HUFFMAN_CODES[symbol], HUFFMAN_LENGTHS[symbol]], [code, length], `symbol ${symbol}`);
    }
  });
}

Deno.test("HUFFMAN_CODES has 257 codes, none the beginning of another, and none unused (RFC 7541 appendix B)", () => {
  assertEquals([HUFFMAN_CODES.length, HUFFMAN_LENGTHS.length, SYMBOLS.size], [257, 257, 257]);
  const sorted = [...SYMBOLS.keys()].sort();
  for (let index = 1; index < sorted.length; index++) {
    assert(!sorted[index]!.startsWith(sorted[index - 1]!), `${sorted[index - 1]} begins ${sorted[index]}`);
  }
  assertEquals(sorted.reduce((sum, bits) => sum + 2 ** -bits.length, 0), 1);
});

const STRINGS: readonly (readonly [text: string, hex: string, section: string])[] = [
  ["www.example.com", "f1e3 c2e5 f23a 6ba0 ab90 f4ff", "C.4.1"],
  ["no-cache", "a8eb 1064 9cbf", "C.4.2"],
  ["custom-key", "25a8 49e9 5ba9 7d7f", "C.4.3"],
  ["custom-value", "25a8 49e9 5bb8 e8b4 bf", "C.4.3"],
  ["302", "6402", "C.6.1"],
  ["private", "aec3 771a 4b", "C.6.1"],
  ["Mon, 21 Oct 2013 20:13:21 GMT", "d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff", "C.6.1"],
  ["https://www.example.com", "9d29 ad17 1863 c78f 0b97 c8e9 ae82 ae43 d3", "C.6.1"],
  ["307", "640e ff", "C.6.2"],
  ["gzip", "9bd9 ab", "C.6.3"],
  [
    "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
    `94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5
     b106 3d50 07`,
    "C.6.3",
  ],
];

for (const [text, hex, section] of STRINGS) {
  Deno.test(`encodeHuffman() and decodeHuffman() turn "${text}" into its code and back (RFC 7541 §${section})`, () => {
    assertEquals(encode(text).toHex(), fromHex(hex).toHex());
    assertEquals(decode(fromHex(hex)), text);
    assertEquals(huffmanSize(text), fromHex(hex).length);
  });
}

Deno.test("decodeHuffman() gives back every byte and every pair of bytes (RFC 7541 §5.2)", () => {
  for (let first = 0; first < 256; first++) {
    const one = String.fromCharCode(first);
    assertEquals(decode(encode(one)), one, `byte ${first}`);
    for (let second = 0; second < 256; second++) {
      const two = String.fromCharCode(first, second);
      assert(decode(encode(two)) === two, `the bytes ${first}, ${second}`);
    }
  }
});

Deno.test("decodeHuffman() gives back texts of any length and bytes (RFC 7541 §5.2)", () => {
  const noise = new Noise(1);
  assertEquals(decode(new Uint8Array(0)), "");
  for (let round = 0; round < 2000; round++) {
    const text = noise.pick([noise.text(noise.below(300)), noise.text(noise.below(300), 0x20, 0x7e)]);
    const code = encode(text);
    assertEquals(code.length, huffmanSize(text));
    assertEquals(decode(code), text);
  }
});

Deno.test("decodeHuffman() takes 0 to 7 bits of padding (RFC 7541 §5.2)", () => {
  const bits = [1, 2, 3, 4, 5, 6, 7, 8].map((count) => 8 * encode("a".repeat(count)).length - 5 * count);
  assertEquals(bits.toSorted(), [0, 1, 2, 3, 4, 5, 6, 7]);
  for (let count = 1; count <= 8; count++) {
    assertEquals(decode(encode("a".repeat(count))), "a".repeat(count));
  }
});

const REJECTED: readonly (readonly [name: string, hex: string])[] = [
  ["8 bits of padding and nothing else", "ff"],
  ["16 bits of padding and nothing else", "ffff"],
  ["24 bits of padding and nothing else", "ffffff"],
  ["8 bits of padding", "f8 ff"],
  ["11 bits of padding", "1f ff"],
  ["19 bits of padding", "1f ffff"],
  ["27 bits of padding", "1f ffffff"],
  ["a padding of zeros", "18"],
  ["a padding whose last bit is 0", "1e"],
  ["a padding whose first bit is 0", "1b"],
  ["7 bits of padding whose last is 0", "18c631fe"],
  ["7 bits of padding whose last but one is 0", "18c631fd"],
  ["EOS and zeros", "fffffffc"],
  ["EOS and padding", "ffffffff"],
  ["EOS with a text in front", "1fffffffff"],
  ["EOS with a text behind", "fffffffc 7f"],
  ["29 bits of padding, one less than EOS has", "ff5f ffffff"],
  ["the beginning of a code of 30 bits", "fffffff0"],
];

for (const [name, hex] of REJECTED) {
  Deno.test(`decodeHuffman() rejects ${name} (RFC 7541 §5.2)`, () => {
    assertEquals(decodeSlowly(fromHex(hex)), null, "the judge agrees");
    assertThrows(() => decode(fromHex(hex)), CompressionError, "(RFC 7541 §5.2)");
  });
}

Deno.test("decodeHuffman() judges every code of one and two bytes as a decoder bit by bit does (RFC 7541 §5.2)", () => {
  for (let first = 0; first < 256; first++) {
    assertAgrees(Uint8Array.of(first));
    for (let second = 0; second < 256; second++) assertAgrees(Uint8Array.of(first, second));
  }
});

Deno.test("decodeHuffman() judges noise as a decoder bit by bit does (RFC 7541 §5.2)", () => {
  const noise = new Noise(2);
  for (let round = 0; round < 20_000; round++) {
    const code = noise.bytes(3 + noise.below(6));
    // Ones lead to the long codes, which noise alone finds hardly ever
    if (round % 2 === 0) code.fill(0xff, 0, noise.below(5));
    assertAgrees(code);
  }
});

Deno.test("decodeHuffman() and encodeHuffman() touch nothing outside of their part (RFC 7541 §5.2)", () => {
  const code = fromHex("ffff a8eb 1064 9cbf ffff");
  assertEquals(decodeHuffman(code, 2, 8, new Uint8Array(9)), 8);
  const room = new Uint8Array(20).fill(0xa5);
  assertEquals(encodeHuffman("no-cache", room, 7), 13);
  assertEquals(room.toHex(), "a5".repeat(7) + "a8eb10649cbf" + "a5".repeat(7));
});
