/** RFC 9113 §8.1: answers to requests whose head cannot be taken. */

import { Response } from "../../mod.ts";
import { assertEquals } from "../support/assert.ts";
import { type Fields, requestFields, withHttp2 } from "../support/http2_client.ts";
import type { ServerOptions } from "../support/server.ts";

const MANY: Fields = Array.from({ length: 9 }, (_, index) => [`x-${index}`, "1"]);

/** Heads that are refused, and the status. */
const REFUSED: readonly (readonly [what: string, fields: (method: string) => Fields, status: number])[] = [
  ["too long a target", (method) => requestFields(method, `/${"a".repeat(20)}`), 414],
  ["too many fields", (method) => requestFields(method, "/", MANY), 431],
  ["an expectation that nobody knows", (method) => requestFields(method, "/", [["expect", "x"]]), 417],
];

const OPTIONS: ServerOptions = { targetSizeLimit: 10, headerCountLimit: 8 };

for (const [what, fields, status] of REFUSED) {
  Deno.test(`a HEAD with ${what} is answered without content, a GET with some (RFC 9110 §9.3.2)`, async () => {
    await withHttp2(() => new Response(), OPTIONS, async ({ connect }) => {
      const client = connect();
      client.headers(1, fields("HEAD"));
      client.headers(3, fields("GET"));
      const [head, get] = [await client.over(1), await client.over(3)];
      assertEquals([head.status, head.size, get.status, get.size > 0], [status, 0, status, true]);
    });
  });
}

Deno.test("a head that is cut off before its method is answered without content (RFC 9110 §9.3.2)", async () => {
  await withHttp2(() => new Response(), { headerCountLimit: 3 }, async ({ connect }) => {
    const client = connect();
    const [method, ...others] = requestFields("HEAD", "/");
    client.headers(1, [...others, method!]);
    const answer = await client.over(1);
    assertEquals([answer.status, answer.size, answer.field("content-length")], [431, 0, "0"]);
  });
});
