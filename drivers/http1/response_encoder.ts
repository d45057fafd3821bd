/**
 * Turns heads and texts into bytes: a small response becomes one run of bytes in memory that is used again for the next.
 *
 * Plan: the body is encoded first, behind room for a head, since the head has to say how many bytes it has; then the head is
 * laid in front of it.
 *
 * @module
 */

import { DateLine } from "./response_head.ts";

// Together they are the largest message that is laid in one piece: not above COPIED_WRITE_SIZE, so that the memory may be
// used again once it was handed to the client.
const HEAD_ROOM = 1536;
const BODY_ROOM = 2560;

const ENCODER = new TextEncoder();

/** Encodes the responses of any number of connections; what it returns is valid until its next call. */
export class ResponseEncoder {
  /** The `date` line, shared by the connections. */
  readonly date: DateLine = new DateLine();
  readonly #scratch = new Uint8Array(HEAD_ROOM + BODY_ROOM);
  readonly #bodyRoom = this.#scratch.subarray(HEAD_ROOM);

  /** Encodes a text that is part of a message: the bytes, and whether they lie behind the room for a head. */
  encodeText(text: string): { bytes: Uint8Array; inPlace: boolean } {
    if (text.length <= BODY_ROOM) {
      const { read, written } = ENCODER.encodeInto(text, this.#bodyRoom);
      if (read === text.length) {
        return { bytes: this.#bodyRoom.subarray(0, written), inPlace: true };
      }
    }
    return { bytes: ENCODER.encode(text), inPlace: false };
  }

  /** Lays a head before the `size` bytes that {@link ResponseEncoder.encodeText} left in place; `null` if it does not fit. */
  join(head: string, size: number): Uint8Array | null {
    if (head.length > HEAD_ROOM) return null;
    const start = HEAD_ROOM - head.length;
    const room = this.#scratch.subarray(start, HEAD_ROOM + size);
    const { read } = ENCODER.encodeInto(head, room.subarray(0, head.length));
    // A character above U+007F takes two bytes in UTF-8: then not all of it fits, and it is sent as ISO-8859-1.
    if (read !== head.length) layLatin1(head, room);
    return room;
  }

  /** Encodes a head alone. */
  encodeHead(head: string): Uint8Array {
    const joined = this.join(head, 0);
    if (joined !== null) return joined;
    const bytes = new Uint8Array(head.length);
    layLatin1(head, bytes);
    return bytes;
  }
}

function layLatin1(text: string, room: Uint8Array): void {
  for (let index = 0; index < text.length; index++) room[index] = text.charCodeAt(index);
}
