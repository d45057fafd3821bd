/**
 * String literals in Huffman code (RFC 7541 §5.2).
 *
 * Plan: a decoder that takes four bits a step. The code's tree has 256 inner nodes; for each of them and each
 * four bits a table, made at load, says which node follows and which symbol was completed: at most one, since
 * no code is shorter than five bits.
 *
 * @module
 */

import { CompressionError } from "./compression_error.ts";
import { EOS, HUFFMAN_CODES, HUFFMAN_LENGTHS } from "./huffman_table.ts";

const INNER_NODES = 256;

/**
 * Bits of a table entry: the symbol, whether there is one, whether the code is broken, and the next node
 * above them.
 */
const SYMBOL = 0xff;
const HAS_SYMBOL = 0x100;
const BROKEN = 0x200;
const NODE_SHIFT = 10;

interface Tree {
  /** Two numbers a node: what follows a 0 and a 1. A node, or `~symbol`. */
  readonly children: Int16Array;
  /** The nodes at which a string may end: the root, and those that up to seven bits of EOS lead to. */
  readonly accepting: Uint8Array;
}

function buildTree(): Tree {
  const children = new Int16Array(2 * INNER_NODES);
  let count = 1;
  for (let symbol = 0; symbol <= EOS; symbol++) {
    const length = HUFFMAN_LENGTHS[symbol]!;
    const code = HUFFMAN_CODES[symbol]!;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const slot = 2 * node + ((code >>> bit) & 1);
      if (children[slot] === 0) children[slot] = count++;
      node = children[slot]!;
    }
    children[2 * node + (code & 1)] = ~symbol;
  }
  return { children, accepting: markAccepting(children) };
}

// "A padding strictly longer than 7 bits MUST be treated as a decoding error. A padding not corresponding to
// the most significant bits of the code for the EOS symbol MUST be treated as a decoding error."
// (RFC 7541 §5.2)
function markAccepting(children: Int16Array): Uint8Array {
  const accepting = new Uint8Array(INNER_NODES);
  let node = 0;
  for (let bits = 0; bits <= 7; bits++) {
    accepting[node] = 1;
    node = children[2 * node + 1]!;
  }
  return accepting;
}

const TREE = buildTree();

/** For each node and four bits: what they lead to. */
const STEPS: Uint32Array = buildSteps(TREE.children);

function buildSteps(children: Int16Array): Uint32Array {
  const steps = new Uint32Array(16 * INNER_NODES);
  for (let node = 0; node < INNER_NODES; node++) {
    for (let bits = 0; bits < 16; bits++) steps[16 * node + bits] = takeBits(children, node, bits);
  }
  return steps;
}

function takeBits(children: Int16Array, from: number, bits: number): number {
  let node = from;
  let entry = 0;
  for (let bit = 3; bit >= 0; bit--) {
    node = children[2 * node + ((bits >>> bit) & 1)]!;
    if (node >= 0) continue;
    const symbol = ~node;
    // "A Huffman-encoded string literal containing the EOS symbol MUST be treated as a decoding error."
    // (RFC 7541 §5.2)
    if (symbol === EOS) return BROKEN;
    entry = HAS_SYMBOL | symbol;
    node = 0;
  }
  return entry | (node << NODE_SHIFT);
}

/**
 * Decodes the code from `start` to `end` into `room`.
 *
 * @returns how many bytes were decoded: at most 8/5 of the code's
 * @throws {CompressionError} when it is no code, or its padding is wrong
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number, room: Uint8Array): number {
  let node = 0;
  let count = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    const first = STEPS[node | (byte >>> 4)]!;
    if ((first & HAS_SYMBOL) !== 0) room[count++] = first & SYMBOL;
    const second = STEPS[((first >>> NODE_SHIFT) << 4) | (byte & 15)]!;
    if ((second & HAS_SYMBOL) !== 0) room[count++] = second & SYMBOL;
    if (((first | second) & BROKEN) !== 0) {
      throw new CompressionError("A string has the end-of-string symbol (RFC 7541 §5.2)");
    }
    node = (second >>> NODE_SHIFT) << 4;
  }
  if (TREE.accepting[node >>> 4] === 1) return count;
  throw new CompressionError("The padding of a string is not the beginning of EOS (RFC 7541 §5.2)");
}

/** How many bytes the code of a text has; its characters are bytes. */
export function huffmanSize(text: string): number {
  let bits = 0;
  for (let index = 0; index < text.length; index++) bits += HUFFMAN_LENGTHS[text.charCodeAt(index) & 0xff]!;
  return (bits + 7) >>> 3;
}

/**
 * Encodes a text whose characters are bytes into `room`, from `offset` on.
 *
 * @returns where the code ends
 */
export function encodeHuffman(text: string, room: Uint8Array, offset: number): number {
  let at = offset;
  let pending = 0; // bits that do not fill a byte yet: at most 7, above which up to 30 come
  let count = 0;
  for (let index = 0; index < text.length; index++) {
    const symbol = text.charCodeAt(index) & 0xff;
    let length = HUFFMAN_LENGTHS[symbol]!;
    const code = HUFFMAN_CODES[symbol]!;
    while (count + length >= 8) {
      length -= 8 - count;
      room[at++] = (pending << (8 - count)) | (code >>> length);
      pending = 0;
      count = 0;
      if (length < 8) break;
    }
    pending = (pending << length) | (code & ((1 << length) - 1));
    count += length;
  }
  if (count > 0) room[at++] = (pending << (8 - count)) | (0xff >>> count);
  return at;
}
