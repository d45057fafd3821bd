/**
 * A decoder of HPACK (RFC 7541) written to be plain: bit by bit, with the tables as lists. It shares the two tables of the
 * RFC's appendices with the decoder that it judges, and nothing else.
 *
 * @module
 */

import { EOS, HUFFMAN_CODES, HUFFMAN_LENGTHS } from "../../drivers/http2/hpack/huffman_table.ts";
import { STATIC_TABLE } from "../../drivers/http2/hpack/static_table.ts";

/** A field: name and value. */
export type Field = readonly [name: string, value: string];

/** The symbols by their codes, each with a 1 before it, so that its zeros count. */
const SYMBOLS: ReadonlyMap<number, number> = new Map(
  Array.from(HUFFMAN_LENGTHS, (length, symbol) => [2 ** length + HUFFMAN_CODES[symbol]!, symbol]),
);

/** What is wrong with a block. */
export class ReferenceError extends Error {}

/** Decodes the blocks of one connection. */
export class ReferenceDecoder {
  readonly #limit: number;
  #capacity: number;
  #entries: Field[] = [];
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  /** @param limit the largest table that the encoder may ask for */
  constructor(limit = 4096) {
    this.#limit = this.#capacity = limit;
  }

  /** The sizes of the table. */
  get table(): { readonly length: number; readonly size: number } {
    return { length: this.#entries.length, size: this.#size };
  }

  get #size(): number {
    return this.#entries.reduce((sum, field) => sum + sizeOf(field), 0);
  }

  /** Decodes a block. */
  decode(bytes: Uint8Array): Field[] {
    const fields: Field[] = [];
    this.#bytes = bytes;
    this.#at = 0;
    while (this.#at < bytes.length) {
      const byte = bytes[this.#at]!;
      if (byte >> 5 === 1) {
        if (fields.length > 0) throw new ReferenceError("a size update behind a field");
        this.#resize(this.#integer(5));
      } else if (byte >= 0x80) fields.push(this.#entry(this.#integer(7)));
      else fields.push(this.#literal(byte >= 0x40));
    }
    return fields;
  }

  #resize(capacity: number): void {
    if (capacity > this.#limit) throw new ReferenceError("a table that is too large");
    this.#capacity = capacity;
    this.#evict();
  }

  #evict(): void {
    while (this.#size > this.#capacity) this.#entries.pop();
  }

  #literal(isAdded: boolean): Field {
    const index = this.#integer(isAdded ? 6 : 4);
    const name = index === 0 ? this.#string() : this.#entry(index)[0];
    const field: Field = [name, this.#string()];
    if (isAdded) {
      this.#entries.unshift(field);
      this.#evict();
    }
    return field;
  }

  #entry(index: number): Field {
    if (index > 61) {
      const field = this.#entries[index - 62];
      if (field === undefined) throw new ReferenceError("no such entry");
      return field;
    }
    const entry = STATIC_TABLE[index];
    if (entry === undefined) throw new ReferenceError("the entry 0");
    return [entry.name, entry.value];
  }

  #integer(bits: number): number {
    const most = 2 ** bits - 1;
    let value = this.#byte() & most;
    if (value < most) return value;
    for (let index = 0; index < 4; index++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 128 ** index;
      if (byte < 0x80) return value;
    }
    throw new ReferenceError("an integer of too many bytes");
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new ReferenceError("the block is too short");
    return byte;
  }

  #string(): string {
    const isHuffman = (this.#bytes[this.#at] ?? 0) >= 0x80;
    const length = this.#integer(7);
    if (this.#at + length > this.#bytes.length) throw new ReferenceError("the block is too short");
    const bytes = this.#bytes.subarray(this.#at, this.#at += length);
    return isHuffman ? decodeBits(bytes) : Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  }
}

function decodeBits(bytes: Uint8Array): string {
  let text = "";
  let code = 1;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = 2 * code + ((byte >> bit) & 1);
      const symbol = SYMBOLS.get(code);
      if (symbol === undefined) continue;
      if (symbol === EOS) throw new ReferenceError("the end of a string as a symbol");
      text += String.fromCharCode(symbol);
      code = 1;
    }
  }
  const isPadding = code < 256 && (code & (code + 1)) === 0; // a 1, and up to seven further ones
  if (!isPadding) throw new ReferenceError("wrong padding");
  return text;
}

/** The size of an entry (RFC 7541 §4.1). */
export function sizeOf([name, value]: Field): number {
  return name.length + value.length + 32;
}
