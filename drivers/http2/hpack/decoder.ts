/**
 * Decodes header blocks (RFC 7541 §3, §6).
 *
 * A block is decoded to its end whatever becomes of it, since the table has to follow. What the list may have
 * is counted while decoding: beyond its limits nothing further is kept, so that one byte that refers to a
 * large entry costs none (CVE-2016-6581, CVE-2026-49975). The block itself is bounded by whoever gathers it.
 *
 * @module
 */

import { decodeLatin1 } from "../../latin1.ts";
import { CompressionError } from "./compression_error.ts";
import { DynamicTable } from "./dynamic_table.ts";
import { HeaderField } from "./header_field.ts";
import { decodeHuffman } from "./huffman.ts";
import { STATIC_TABLE, STATIC_TABLE_LENGTH } from "./static_table.ts";

/** What a decoded list may have. */
export interface HeaderListLimits {
  /** Its size by the count of RFC 9113 §6.5.2: name, value and 32 for each field. */
  readonly headerSizeLimit: number;
  /** How many fields. */
  readonly headerCountLimit: number;
}

/** A decoded block. */
export interface HeaderList {
  /** The fields in their order; not all of them when it is too large. */
  readonly fields: readonly HeaderField[];
  /** Whether it has more than its limits allow. */
  readonly tooLarge: boolean;
}

const NOTHING = new Uint8Array(0);

// 2^28 is more than any block that is let in, and far from where arithmetic on 32 bits would wrap.
const INTEGER_BITS_LIMIT = 28;

/** Memory that is kept for decoding strings, in bytes: enough for nearly all. */
const SCRATCH_SIZE = 1024;

/** The decoding side of one connection. */
export class HpackDecoder {
  readonly #table: DynamicTable;
  readonly #limits: HeaderListLimits;
  #allowed: number;
  #bytes: Uint8Array = NOTHING;
  #at = 0;
  #end = 0;
  readonly #scratch = new Uint8Array(SCRATCH_SIZE);

  /**
   * @param limits what a list may have
   * @param tableSize the SETTINGS_HEADER_TABLE_SIZE that the encoder was told
   */
  constructor(limits: HeaderListLimits, tableSize = 4096) {
    this.#limits = limits;
    this.#allowed = tableSize;
    this.#table = new DynamicTable(tableSize);
  }

  /** The table, for whoever wants to look. */
  get table(): DynamicTable {
    return this.#table;
  }

  /**
   * Decodes the block from `start` to `end` of `bytes`.
   *
   * @throws {CompressionError} when it is no block; the decoder is of no further use then
   */
  decode(bytes: Uint8Array, start = 0, end: number = bytes.length): HeaderList {
    const fields: HeaderField[] = [];
    const { headerSizeLimit, headerCountLimit } = this.#limits;
    let room = headerSizeLimit;
    let tooLarge = false;
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#takeSizeUpdates();
    while (this.#at < this.#end) {
      const field = this.#takeField();
      room -= field.size;
      if (room < 0 || fields.length === headerCountLimit) tooLarge = true;
      else if (!tooLarge) fields.push(field);
    }
    this.#bytes = NOTHING;
    return { fields, tooLarge };
  }

  // "This dynamic table size update MUST occur at the beginning of the first header block following the
  // change" (§4.2)
  #takeSizeUpdates(): void {
    while (this.#at < this.#end && (this.#bytes[this.#at]! & 0xe0) === 0x20) {
      const size = this.#takeInteger(0x1f);
      // "The new maximum size MUST be lower than or equal to the limit determined by the protocol using
      // HPACK." (§6.3)
      if (size > this.#allowed) {
        throw new CompressionError(
          `A table size of ${size}, above the ${this.#allowed} allowed (RFC 7541 §6.3)`,
        );
      }
      this.#table.resize(size);
    }
  }

  #takeField(): HeaderField {
    const byte = this.#bytes[this.#at]!;
    if (byte >= 0x80) return this.#lookUp(this.#takeInteger(0x7f)); // §6.1
    if (byte >= 0x40) { // §6.2.1: with incremental indexing
      const field = this.#takeLiteral(0x3f);
      this.#table.add(field);
      return field;
    }
    if (byte >= 0x20) {
      throw new CompressionError("A table size update behind a field (RFC 7541 §4.2)");
    }
    return this.#takeLiteral(0x0f); // §6.2.2 and §6.2.3: without indexing, never indexed
  }

  #takeLiteral(mask: number): HeaderField {
    const index = this.#takeInteger(mask);
    const name = index === 0 ? this.#takeString() : this.#lookUp(index).name;
    return new HeaderField(name, this.#takeString());
  }

  #lookUp(index: number): HeaderField {
    const field = index <= STATIC_TABLE_LENGTH
      ? STATIC_TABLE[index]
      : this.#table.byNumber(this.#table.added - (index - STATIC_TABLE_LENGTH - 1));
    // "The index value of 0 is not used. It MUST be treated as a decoding error" (§6.1); beyond both tables
    // too (§2.3.3)
    if (field === undefined) throw new CompressionError(`There is no entry ${index} (RFC 7541 §2.3.3)`);
    return field;
  }

  // An integer with a prefix of some bits (§5.1); "Integer encodings that exceed implementation limits -- in
  // value or octet length -- MUST be treated as decoding errors."
  #takeInteger(mask: number): number {
    const bytes = this.#bytes;
    let value = bytes[this.#at++]! & mask;
    if (value < mask) return value;
    for (let shift = 0; shift < INTEGER_BITS_LIMIT; shift += 7) {
      if (this.#at >= this.#end) throw new CompressionError("The block ends in an integer (RFC 7541 §5.1)");
      const byte = bytes[this.#at++]!;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new CompressionError("An integer is beyond any limit (RFC 7541 §5.1)");
  }

  // H, length, data (§5.2): nothing is made before the data is known to be there
  #takeString(): string {
    if (this.#at >= this.#end) throw new CompressionError("The block ends in a field (RFC 7541 §6.2)");
    const isHuffman = this.#bytes[this.#at]! >= 0x80;
    const length = this.#takeInteger(0x7f);
    const start = this.#at;
    if (length > this.#end - start) throw new CompressionError("The block ends in a string (RFC 7541 §5.2)");
    this.#at += length;
    if (!isHuffman) return decodeLatin1(this.#bytes, start, this.#at);
    const room = 2 * length > SCRATCH_SIZE ? new Uint8Array(2 * length) : this.#scratch;
    return decodeLatin1(room, 0, decodeHuffman(this.#bytes, start, this.#at, room));
  }
}
