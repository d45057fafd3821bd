/** Heads and texts as bytes: the same whatever was encoded before them. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { ResponseEncoder } from "../../../drivers/http1/response_encoder.ts";
import { encodeResponseHead, type HeadParts } from "../../../drivers/http1/response_head.ts";
import { fromLatin1 } from "../../support/bytes.ts";

const PARTS: HeadParts = {
  minor: 1,
  status: 200,
  statusText: "",
  lines: "a: 1\r\n",
  ending: "date: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n",
  framing: { kind: "length", length: 2 },
  close: false,
  upgrade: null,
};

/** Heads that differ from {@link PARTS} in one thing each. */
const OTHERS: readonly HeadParts[] = [
  { ...PARTS, minor: 0 },
  { ...PARTS, status: 404 },
  { ...PARTS, statusText: "Fine" },
  { ...PARTS, lines: "a: 2\r\n" },
  { ...PARTS, lines: "a: caf\xe9\r\n" },
  { ...PARTS, lines: "" },
  { ...PARTS, ending: "date: Thu, 01 Jan 2026 00:00:01 GMT\r\n\r\n" },
  { ...PARTS, framing: { kind: "length", length: 3 } },
  { ...PARTS, framing: { kind: "none", length: 2 } },
  { ...PARTS, framing: { kind: "none", length: null } },
  { ...PARTS, framing: { kind: "chunked" } },
  { ...PARTS, framing: { kind: "close" } },
  { ...PARTS, close: true },
  { ...PARTS, status: 426, upgrade: "a" },
  { ...PARTS, status: 426, upgrade: "b" },
  { ...PARTS, lines: `a: ${"1".repeat(5000)}\r\n` },
];

function textOf(bytes: Uint8Array | null): string | null {
  return bytes && fromLatin1(bytes);
}

Deno.test("ResponseEncoder encodes a head and a text whatever it has encoded before (RFC 9112 §4)", () => {
  for (const one of [PARTS, ...OTHERS]) {
    for (const other of [PARTS, ...OTHERS]) {
      const encoder = new ResponseEncoder();
      for (const parts of [one, one, other, other, one]) {
        const head = encodeResponseHead(parts);
        assertEquals(textOf(encoder.encodeHead({ ...parts })), head);
        const message = textOf(encoder.encodeMessage({ ...parts }, "ok"));
        assertEquals(message, head.length > 4096 ? null : `${head}ok`);
        assertEquals(textOf(encoder.encodeMessage(parts, "Hello")), message && `${head}Hello`);
      }
      assertEquals(textOf(encoder.encode("HTTP/1.1 100 Continue\r\n\r\n")), "HTTP/1.1 100 Continue\r\n\r\n");
      assertEquals(textOf(encoder.encodeHead(one)), encodeResponseHead(one));
    }
  }
});

Deno.test("ResponseEncoder.encodeMessage() takes texts of ASCII that there is room for, and no others", () => {
  const encoder = new ResponseEncoder();
  const head = encodeResponseHead(PARTS);
  const room = 4096 - head.length;
  for (const length of [0, 1, 47, 48, 49, 1000, room - 1, room]) {
    const text = "x".repeat(length);
    assertEquals(textOf(encoder.encodeMessage(PARTS, text)), head + text, `${length}`);
    for (const strange of ["\x80", "\xe9", "\u20ac", "\ud83d\ude00", "\ud83d"]) {
      for (const other of [strange + text.slice(strange.length), text.slice(strange.length) + strange]) {
        assertStrictEquals(encoder.encodeMessage(PARTS, other), null, `${length} ${other.slice(0, 3)}`);
      }
    }
  }
  assertStrictEquals(encoder.encodeMessage(PARTS, "x".repeat(room + 1)), null);
  const long = { ...PARTS, lines: `a: ${"1".repeat(room - 10 - "a: \r\n".length + PARTS.lines.length)}\r\n` };
  assertEquals(textOf(encoder.encodeMessage(long, "0123456789"))?.slice(-10), "0123456789");
  assertStrictEquals(encoder.encodeMessage(long, "0123456789a"), null);
  assertStrictEquals(encoder.encodeMessage(PARTS, "\xe9".repeat(room)), null);
  assertEquals(textOf(encoder.encodeMessage(PARTS, "x\0\x7f")), `${head}x\0\x7f`);
});
