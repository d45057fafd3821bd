/**
 * Encodes header blocks (RFC 7541 §3, §6).
 *
 * What is put in the table: a field whose name and value were sent before. One that changes each time, such
 * as an identifier, never evicts one that repeats, and the encoder needs no list of names that are worth it.
 * Not in the table are lengths, which take three bytes anyway, and what an attacker could guess by the size
 * of a block (RFC 7541 §7.1.3).
 *
 * @module
 */

import { DynamicTable } from "./dynamic_table.ts";
import { ENTRY_OVERHEAD, HeaderField } from "./header_field.ts";
import { encodeHuffman, huffmanSize } from "./huffman.ts";
import { STATIC_FIELDS, STATIC_NAMES, STATIC_TABLE_LENGTH } from "./static_table.ts";

/** The largest table that is kept, in bytes, whatever the peer would take. */
export const TABLE_SIZE_LIMIT = 4096;

/** How many bytes a field may need beside its name and value. */
export const FIELD_OVERHEAD = 16;

const VALUES_REMEMBERED = 4; // for each name
const NAMES_REMEMBERED = 256;

/** A field of more than this part of the table is not worth its room. */
const LARGEST_PART = 4;

// "An encoder might also choose not to index values for header fields that are considered to be highly
// valuable or sensitive to recovery, such as the Cookie or Authorization header fields" (RFC 7541 §7.1.3)
const SENSITIVE: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "proxy-authorization",
  "set-cookie",
]);

/** What was sent for one name: its last values, and their entries. */
interface Remembered {
  /** Its index in the static table, or 0. */
  readonly index: number;
  readonly sensitive: boolean;
  readonly values: string[];
  /**
   * For each value the number of its entry in the dynamic table, or its negated index in the static one, or
   * 0.
   */
  readonly entries: number[];
  next: number;
}

/** The encoding side of one connection. */
export class HpackEncoder {
  readonly #table = new DynamicTable(TABLE_SIZE_LIMIT);
  readonly #names = new Map<string, Remembered>();
  #smallest = TABLE_SIZE_LIMIT; // since the last block
  #announced = TABLE_SIZE_LIMIT;

  /** The table, for whoever wants to look. */
  get table(): DynamicTable {
    return this.#table;
  }

  /** Takes the peer's SETTINGS_HEADER_TABLE_SIZE. */
  resize(size: number): void {
    const capacity = Math.min(size, TABLE_SIZE_LIMIT);
    this.#smallest = Math.min(this.#smallest, capacity);
    this.#table.resize(capacity);
  }

  /**
   * Begins a block in `room` at `at`: says how large the table has become. Needs up to 8 bytes.
   *
   * @returns where the block goes on
   */
  begin(room: Uint8Array, at: number): number {
    const { capacity } = this.#table;
    let end = at;
    // "at least the smallest maximum size that occurs in that interval MUST be signaled" (RFC 7541 §4.2)
    if (this.#smallest < Math.min(capacity, this.#announced)) {
      end = encodeInteger(room, end, 0x20, 0x1f, this.#smallest);
      this.#announced = this.#smallest;
    }
    if (capacity !== this.#announced) end = encodeInteger(room, end, 0x20, 0x1f, capacity);
    this.#smallest = this.#announced = capacity;
    return end;
  }

  /**
   * Encodes one field, its name in lower case, into `room` at `at`. Needs as many bytes as name and value
   * have, and {@link FIELD_OVERHEAD}.
   *
   * @returns where the block goes on
   */
  encode(name: string, value: string, room: Uint8Array, at: number): number {
    const known = this.#names.get(name) ?? this.#remember(name);
    if (known.sensitive) return encodeLiteral(room, at, 0x10, 0x0f, known.index, name, value);
    const isLarge = LARGEST_PART * (name.length + value.length + ENTRY_OVERHEAD) > this.#table.capacity;
    if (isLarge) return encodeLiteral(room, at, 0, 0x0f, this.#nameIndex(known), name, value);
    const place = known.values.indexOf(value);
    if (place < 0) {
      known.values[known.next] = value;
      known.entries[known.next] = -(STATIC_FIELDS.get(name)?.get(value) ?? 0);
      if (known.entries[known.next]! < 0) {
        return encodeInteger(room, at, 0x80, 0x7f, -known.entries[known.next]!);
      }
      known.next = (known.next + 1) % VALUES_REMEMBERED;
      return encodeLiteral(room, at, 0, 0x0f, this.#nameIndex(known), name, value);
    }
    const entry = known.entries[place]!;
    if (entry < 0) return encodeInteger(room, at, 0x80, 0x7f, -entry);
    if (this.#isLive(entry)) return encodeInteger(room, at, 0x80, 0x7f, this.#indexOf(entry));
    return this.#add(known, place, name, room, at);
  }

  /** A field that is never put in the table, since it changes and is short. */
  encodeUnindexed(name: string, value: string, room: Uint8Array, at: number): number {
    return encodeLiteral(room, at, 0, 0x0f, STATIC_NAMES.get(name) ?? 0, name, value);
  }

  #add(known: Remembered, place: number, name: string, room: Uint8Array, at: number): number {
    const value = known.values[place]!;
    const index = this.#nameIndex(known);
    this.#table.add(new HeaderField(name, value));
    known.entries[place] = this.#table.added;
    return encodeLiteral(room, at, 0x40, 0x3f, index, name, value);
  }

  #remember(name: string): Remembered {
    if (this.#names.size >= NAMES_REMEMBERED) this.#names.clear();
    const known: Remembered = {
      index: STATIC_NAMES.get(name) ?? 0,
      sensitive: SENSITIVE.has(name),
      values: [],
      entries: [],
      next: 0,
    };
    this.#names.set(name, known);
    return known;
  }

  /** An index whose entry has the name, or 0. */
  #nameIndex(known: Remembered): number {
    if (known.index !== 0) return known.index;
    const entry = known.entries.find((number) => this.#isLive(number));
    return entry === undefined ? 0 : this.#indexOf(entry);
  }

  #isLive(entry: number): boolean {
    return entry > this.#table.added - this.#table.length;
  }

  #indexOf(entry: number): number {
    return STATIC_TABLE_LENGTH + 1 + this.#table.added - entry;
  }
}

// 0/1 pattern and name, then value (RFC 7541 §6.2)
function encodeLiteral(
  room: Uint8Array,
  at: number,
  pattern: number,
  mask: number,
  index: number,
  name: string,
  value: string,
): number {
  let end = encodeInteger(room, at, pattern, mask, index);
  if (index === 0) end = encodeString(room, end, name);
  return encodeString(room, end, value);
}

/**
 * An integer in a prefix of the bits of `mask`, with `pattern` above them (RFC 7541 §5.1). Gives where it
 * ends.
 */
function encodeInteger(room: Uint8Array, at: number, pattern: number, mask: number, value: number): number {
  if (value < mask) {
    room[at] = pattern | value;
    return at + 1;
  }
  let end = at;
  let rest = value - mask;
  room[end++] = pattern | mask;
  for (; rest >= 0x80; rest >>>= 7) room[end++] = 0x80 | (rest & 0x7f);
  room[end++] = rest;
  return end;
}

// In Huffman code where that is shorter (RFC 7541 §5.2)
function encodeString(room: Uint8Array, at: number, text: string): number {
  const size = huffmanSize(text);
  if (size < text.length) return encodeHuffman(text, room, encodeInteger(room, at, 0x80, 0x7f, size));
  let end = encodeInteger(room, at, 0, 0x7f, text.length);
  for (let index = 0; index < text.length; index++) room[end++] = text.charCodeAt(index);
  return end;
}
