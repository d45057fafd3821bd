/**
 * Encodes the heads that a server sends: final and informational responses, trailers, promises.
 *
 * What a handler says of connection-specific fields is input to the server's own, and never copied
 * (RFC 9113 §8.2.2).
 *
 * @module
 */

import { FRAME_HEADER_SIZE } from "./frame.ts";
import { type FieldBlock, sealFieldBlock, splitFieldBlock } from "./frames/field_block.ts";
import { FIELD_OVERHEAD, HpackEncoder } from "./hpack/encoder.ts";

// Not above COPIED_WRITE_SIZE, so that the memory may be used again once it was handed to the client.
const ROOM = 4096;

/** Size updates at the beginning of a block, and the identifier of a promised stream. */
const BLOCK_OVERHEAD = 16;

/** How a block is sent. */
export type BlockHead = Pick<FieldBlock, "streamId" | "endStream" | "promised">;

/** Encodes field blocks into frames; what it returns is valid until its next call. */
export class HeadEncoder {
  /** The state of compression. */
  readonly hpack: HpackEncoder = new HpackEncoder();
  /** The memory of the block under way: frames of data may be put behind it, up to its end. */
  room: Uint8Array = new Uint8Array(ROOM);
  /** Where the block under way ends. */
  at = 0;
  #start = 0;

  /** Begins a block. */
  begin(promise = false): void {
    if (this.room.length !== ROOM) this.room = new Uint8Array(ROOM);
    this.#start = FRAME_HEADER_SIZE + (promise ? 4 : 0);
    this.at = this.hpack.begin(this.room, this.#start);
  }

  /** Adds a field, its name in lower case. */
  add(name: string, value: string): void {
    this.#reserve(name.length + value.length);
    this.at = this.hpack.encode(name, value, this.room, this.at);
  }

  /** Adds a field that changes from block to block. */
  addUnindexed(name: string, value: string): void {
    this.#reserve(name.length + value.length);
    this.at = this.hpack.encodeUnindexed(name, value, this.room, this.at);
  }

  /** Adds `:status`. */
  addStatus(status: number): void {
    if (status === 200) this.room[this.at++] = STATUS_200;
    else this.add(":status", String(status));
  }

  /**
   * Ends the block: gives its frames. Those of a block that fits one frame begin the room, which {@link
   * HeadEncoder.at} ends.
   */
  end({ streamId, endStream, promised }: BlockHead): Uint8Array {
    const block: FieldBlock = {
      room: this.room,
      start: 0,
      end: this.at,
      streamId,
      endStream,
      ...(promised === undefined ? {} : { promised }),
    };
    return sealFieldBlock(block) ? this.room.subarray(0, this.at) : splitFieldBlock(block);
  }

  #reserve(size: number): void {
    const needed = this.at + size + 2 * FIELD_OVERHEAD + BLOCK_OVERHEAD;
    if (needed <= this.room.length) return;
    const room = new Uint8Array(2 * needed);
    room.set(this.room.subarray(0, this.at));
    this.room = room;
  }
}

/** `:status: 200` is entry 8 of the static table. */
const STATUS_200 = 0x88;
