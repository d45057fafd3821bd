/** The judge judged: what the parser of responses must refuse, and what it must take. */

import { assert, assertEquals, rejection } from "./assert.ts";
import { latin1 } from "./bytes.ts";
import { type Asked, ResponseFault, ResponseReader } from "./response_parser.ts";

const date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

/** A reader of these bytes, `step` of them at a time. */
function reader(bytes: string, step = bytes.length): ResponseReader {
  let offset = 0;
  return new ResponseReader(() => {
    if (offset >= bytes.length) return Promise.resolve(null);
    const piece = latin1(bytes.slice(offset, offset + step));
    offset += step;
    return Promise.resolve(piece);
  });
}

const good: readonly (readonly [name: string, bytes: string, body: string, asked?: Asked])[] = [
  ["a length", `HTTP/1.1 200 OK\r\n${date}Content-Length: 2\r\n\r\nhi`, "hi"],
  [
    "chunks",
    `HTTP/1.1 200 \r\n${date}transfer-encoding: chunked\r\n\r\n1\r\nh\r\nA\r\ni123456789\r\n0\r\nX: y\r\n\r\n`,
    "hi123456789",
  ],
  ["the close", `HTTP/1.1 200 OK\r\n${date}Connection: close\r\n\r\nhi`, "hi"],
  ["nothing for HEAD", `HTTP/1.1 200 OK\r\n${date}Content-Length: 2\r\n\r\n`, "", { method: "HEAD" }],
  ["nothing for 204", `HTTP/1.1 204 No Content\r\n${date}\r\n`, ""],
  ["nothing for 304", `HTTP/1.1 304 Not Modified\r\n${date}Content-Length: 9\r\n\r\n`, ""],
  [
    "an interim response first",
    `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n`,
    "",
  ],
];

for (const [name, bytes, body, asked] of good) {
  for (const step of [bytes.length, 1, 7]) {
    Deno.test(`the parser takes a body delimited by ${name}, ${step} bytes at a time`, async () => {
      const response = await reader(bytes, step).readResponse(asked);
      assertEquals([response?.text, response?.complete], [body, true]);
    });
  }
}

const head = `HTTP/1.1 200 OK\r\n${date}`;
const bad: readonly (readonly [name: string, bytes: string, asked?: Asked])[] = [
  ["another protocol", "HTTP/2.0 200 OK\r\n\r\n"],
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
  ["no space after the status", "HTTP/1.1 200\r\n\r\n"],
  ["LF for CRLF", `HTTP/1.1 200 OK\n${date}\r\n`],
  ["a bare CR", `${head}X: a\rb\r\nContent-Length: 0\r\n\r\n`],
  ["a NUL", `${head}X: a\0b\r\nContent-Length: 0\r\n\r\n`],
  ["whitespace ahead of a colon", `${head}X : a\r\nContent-Length: 0\r\n\r\n`],
  ["a fold", `${head}X: a\r\n b\r\nContent-Length: 0\r\n\r\n`],
  ["a head that does not end", `${head}X: a\r\n`],
  ["no Date", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
  [
    "a Date of another form",
    "HTTP/1.1 200 OK\r\nDate: Sunday, 06-Nov-94 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n",
  ],
  ["two Dates", `${head}${date}Content-Length: 0\r\n\r\n`],
  ["two Content-Lengths", `${head}Content-Length: 0\r\ncontent-length: 0\r\n\r\n`],
  ["a length that is no number", `${head}Content-Length: 1e1\r\n\r\n`],
  ["both framings", `${head}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ["gzip as coding", `${head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ["no framing and no close", `${head}\r\n`],
  ["chunks to HTTP/1.0", `${head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, { version: "HTTP/1.0" }],
  ["100 to HTTP/1.0", "HTTP/1.1 100 Continue\r\n\r\n", { version: "HTTP/1.0" }],
  ["100 with a length", "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n"],
  ["100 and the end", "HTTP/1.1 100 Continue\r\n\r\n"],
  ["204 with a length", `HTTP/1.1 204 No Content\r\n${date}Content-Length: 0\r\n\r\n`],
  ["205 with content", `HTTP/1.1 205 Reset\r\n${date}Content-Length: 1\r\n\r\nx`],
  ["a foreign connection option", `${head}Connection: x-foo\r\nContent-Length: 0\r\n\r\n`],
  ["Upgrade in a 200", `${head}Upgrade: h2c\r\nContent-Length: 0\r\n\r\n`],
  ["a chunk-size with 0x", `${head}Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n`],
  ["data longer than its chunk", `${head}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n`],
  ["LF in chunks", `${head}Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n`],
  ["a framing field as trailer", `${head}Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 0\r\n\r\n`],
];

for (const [name, bytes, asked] of bad) {
  Deno.test(`the parser refuses ${name}`, async () => {
    const error = await rejection(reader(bytes).readResponse(asked), "the parser");
    assert(error instanceof ResponseFault, `got ${error}`);
  });
}

for (
  const [name, bytes] of [
    ["a length", `${head}Content-Length: 5\r\n\r\nhel`],
    ["chunks", `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhel`],
    ["chunks without a last one", `${head}Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n`],
    [
      "chunks without the end of their trailers",
      `${head}Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n0\r\n`,
    ],
  ] as const
) {
  Deno.test(`the parser tells that a body by ${name} is cut`, async () => {
    const response = await reader(bytes).readResponse();
    assertEquals([response?.text, response?.complete], ["hel", false]);
  });
}

Deno.test("the parser reads one response after the other and no further", async () => {
  const one = `${head}Content-Length: 1\r\n\r\n`;
  const both = reader(`${one}a${one}brest`);
  assertEquals((await both.readResponse())?.text, "a");
  assertEquals((await both.readResponse())?.text, "b");
  assertEquals(new TextDecoder().decode(await both.readToEnd()), "rest");
  assertEquals(await both.readResponse(), null);
});
