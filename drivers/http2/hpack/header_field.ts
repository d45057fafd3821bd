/**
 * A field as HPACK has it: name and value, shared by the table and the blocks that refer to it.
 *
 * @module
 */

/** What an entry costs beside its text (RFC 7541 §4.1). */
export const ENTRY_OVERHEAD = 32;

/** One field line, its characters bytes. What a block refers to by an index is the same object each time. */
export class HeaderField {
  /** The name. */
  readonly name: string;
  /** The value. */
  readonly value: string;
  /**
   * "The size of an entry is the sum of its name's length in octets, its value's length in octets, and 32"
   * (RFC 7541 §4.1)
   */
  readonly size: number;
  /** What a reader of blocks has found out about the field, so that it need not again; 0 for nothing. */
  note = 0;

  /** Makes a field. */
  constructor(name: string, value: string) {
    this.name = name;
    this.value = value;
    this.size = name.length + value.length + ENTRY_OVERHEAD;
  }
}
