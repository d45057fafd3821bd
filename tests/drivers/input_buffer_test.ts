/** The bytes that were received and are not parsed yet. */

import { InputBuffer } from "../../drivers/input_buffer.ts";
import { assertEquals } from "../support/assert.ts";

function filled(size: number, byte: number): Uint8Array {
  return new Uint8Array(size).fill(byte);
}

Deno.test("what is left of a chunk is kept in memory of its own, and what comes next behind it", () => {
  const input = new InputBuffer();
  const chunk = filled(10, 1);
  input.push(chunk);
  input.consume(4);
  input.retain();
  chunk.fill(9);
  input.push(filled(3, 2));
  assertEquals([...input.toBytes()], [1, 1, 1, 1, 1, 1, 2, 2, 2]);
});

Deno.test("a buffer of which everything was consumed holds no memory, whether it was borrowed or its own", () => {
  for (const pieces of [1, 2, 20]) {
    const input = new InputBuffer();
    for (let piece = 0; piece < pieces; piece++) {
      input.push(filled(10_000, piece));
      if (piece < pieces - 1) input.retain();
    }
    input.consume(pieces * 10_000);
    input.retain();
    assertEquals([input.length, input.bytes.length], [0, 0], `${pieces} pieces`);
    input.push(filled(5, 7));
    assertEquals([...input.toBytes()], [7, 7, 7, 7, 7]);
  }
});

Deno.test("release() gives the unparsed bytes in memory of their own, and holds none", () => {
  const input = new InputBuffer();
  const chunk = filled(10, 1);
  input.push(chunk);
  input.consume(8);
  const rest = input.release();
  chunk.fill(9);
  assertEquals([...rest], [1, 1]);
  assertEquals([input.length, input.bytes.length], [0, 0]);
});
