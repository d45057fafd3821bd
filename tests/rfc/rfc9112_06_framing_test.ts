/** RFC 9112 §6: where a message body ends. */

import { assertEquals } from "../support/assert.ts";
import { within } from "../support/deadline.ts";
import { withServer } from "../support/server.ts";
import { Recorder, testVectors, type Vector } from "../support/vectors.ts";

/** A POST whose body would be five bytes, or a smuggled request, depending on who reads it. */
function post(lines: string, body: string, version = "HTTP/1.1"): string {
  return `POST /a ${version}\r\nHost: a\r\n${lines}\r\n\r\n${body}`;
}

const chunked = "5\r\nhello\r\n0\r\n\r\n";

// §6.2, §6.3: what is well framed
testVectors([
  {
    name: "Content-Length",
    section: "RFC 9112 §6.2",
    bytes: post("Content-Length: 5", "hello"),
    accept: { body: "hello" },
  },
  {
    name: "Content-Length: 0",
    section: "RFC 9112 §6.2",
    bytes: post("Content-Length: 0", ""),
    accept: { body: "" },
  },
  {
    name: "a POST without framing as one without body",
    section: "RFC 9112 §6.3",
    bytes: "POST /a HTTP/1.1\r\nHost: a\r\n\r\n",
    accept: { body: "" },
  },
  {
    name: "a body of every byte",
    section: "RFC 9112 §6.2",
    bytes: post("Content-Length: 256", String.fromCharCode(...Array(256).keys())),
    accept: { body: String.fromCharCode(...Array(256).keys()) },
  },
  {
    name: "a body that looks like a request",
    section: "RFC 9112 §6.2",
    bytes: post("Content-Length: 37", "GET /inside HTTP/1.1\r\nHost: inside\r\n\r"),
    accept: { body: "GET /inside HTTP/1.1\r\nHost: inside\r\n\r" },
  },
  {
    name: "Content-Length with whitespace around it",
    section: "RFC 9112 §5.1",
    bytes: post("Content-Length:\t 5 \t", "hello"),
    accept: { body: "hello" },
  },
  {
    name: "Content-Length in any case",
    section: "RFC 9110 §5.1",
    bytes: post("cONTENT-lENGTH: 5", "hello"),
    accept: { body: "hello" },
  },
  {
    name: "Content-Length with leading zeros",
    section: "RFC 9110 §8.6",
    bytes: post("Content-Length: 0000005", "hello"),
    accept: { body: "hello" },
  },
  {
    name: "Transfer-Encoding: chunked",
    section: "RFC 9112 §6.1",
    bytes: post("Transfer-Encoding: chunked", chunked),
    accept: { body: "hello" },
  },
  {
    name: "Transfer-Encoding: CHUNKED",
    section: "RFC 9112 §7",
    bytes: post("Transfer-Encoding: CHUNKED", chunked),
    accept: { body: "hello" },
  },
  {
    name: "Transfer-Encoding with whitespace around it",
    section: "RFC 9112 §5.1",
    bytes: post("Transfer-Encoding:\t chunked \t", chunked),
    accept: { body: "hello" },
  },
  {
    name: "a body in HTTP/1.0 by Content-Length",
    section: "RFC 9112 §6.3",
    bytes: "POST /a HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello",
    accept: { body: "hello", closes: true },
  },
  ...["DELETE", "PATCH", "PUT", "OPTIONS"].map((method): Vector => ({
    name: `a body with ${method}`,
    section: "RFC 9112 §6",
    bytes: `${method} /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`,
    accept: { body: "hello", method },
  })),
]);

// §6: the framing of a request does not depend on its method: GET and HEAD too
for (const method of ["GET", "HEAD"]) {
  for (
    const [how, lines, body] of [
      ["Content-Length", "Content-Length: 37", "GET /inside HTTP/1.1\r\nHost: inside\r\n\r"],
      ["chunks", "Transfer-Encoding: chunked", chunked],
    ]
  ) {
    Deno.test(`a server never takes the body of ${method} by ${how} for a request (RFC 9112 §6)`, async () => {
      const recorder = new Recorder();
      await withServer(recorder.handler, {}, async ({ connect }) => {
        const raw = connect();
        raw.offer(`${method} /a HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n${body}`);
        raw.offer("GET /behind HTTP/1.1\r\nHost: a\r\n\r\n");
        const first = await raw.readResponse({ method });
        if (first.status === 400) return await raw.expectClosedAfter(first);
        assertEquals(first.status, 200);
        assertEquals((await raw.readResponse()).status, 200);
        assertEquals(recorder.seen.map(({ target }) => target), ["/a", "/behind"]);
      });
    });
  }
}

// §6.1 and §6.3 item 3: both
testVectors([
  ["chunked after Content-Length", "Content-Length: 5\r\nTransfer-Encoding: chunked"],
  ["chunked ahead of Content-Length", "Transfer-Encoding: chunked\r\nContent-Length: 5"],
  ["chunked and a Content-Length of 0", "Content-Length: 0\r\nTransfer-Encoding: chunked"],
  ["chunked and a Content-Length that agrees", "Content-Length: 15\r\nTransfer-Encoding: chunked"],
  ["chunked and an invalid Content-Length", "Content-Length: x\r\nTransfer-Encoding: chunked"],
  ["an empty Transfer-Encoding and Content-Length", "Transfer-Encoding:\r\nContent-Length: 5"],
  ["identity and Content-Length", "Transfer-Encoding: identity\r\nContent-Length: 5"],
  ["a list of nothing as Transfer-Encoding and Content-Length", "Transfer-Encoding: ,\r\nContent-Length: 5"],
].map(([name, lines = ""]): Vector => ({
  name,
  section: "RFC 9112 §6.1, §6.3",
  bytes: post(lines, chunked),
  reject: name?.startsWith("chunked") ? 400 : [400, 501],
} as Vector)));

// §6.1, §6.3 item 4: codings that are not exactly chunked
testVectors([
  ...[
    ["chunked that is not final", "chunked, gzip", [400]],
    ["chunked that is not final, on two lines", "chunked\r\nTransfer-Encoding: gzip", [400, 501]],
    ["identity", "identity", [400, 501]],
    ["gzip alone", "gzip", [400, 501]],
    ["an empty value", "", [400, 501]],
    ["a list of nothing", ",", [400, 501]],
    ["an unknown coding that ends in chunked", "xchunked", [400, 501]],
    ["an unknown coding that begins with chunked", "chunkedx", [400, 501]],
    ["chunked twice", "chunked, chunked", [400, 501]],
    ["chunked on two lines", "chunked\r\nTransfer-Encoding: chunked", [400, 501]],
    ["chunked with a parameter", "chunked;q=1", [400, 501]],
    ["chunked in quotes", '"chunked"', [400, 501]],
    ["chunked with a vertical tab", "\x0bchunked", [400]],
    ["chunked with a form feed behind it", "chunked\x0c", [400]],
    ["chunked with a no-break space", "\xa0chunked", [400, 501]],
    ["chunked with a NUL", "chunked\0", [400]],
    ["chunked in two words", "chun ked", [400, 501]],
    ["identity and chunked", "identity, chunked", [400, 501]],
    ["an unknown coding and chunked", "x, chunked", [501]],
    ["gzip and chunked, which needs decoding", "gzip, chunked", [501]],
    ["gzip and chunked on two lines", "gzip\r\nTransfer-Encoding: chunked", [501]],
  ].map(([name, value, reject]): Vector => ({
    name: `Transfer-Encoding: ${name}`,
    section: "RFC 9112 §6.1, §6.3",
    bytes: post(`Transfer-Encoding: ${value}`, chunked),
    reject: reject as number[],
  })),
  ...[
    ",chunked",
    "chunked,",
    ", ,chunked ,",
    "\r\nTransfer-Encoding: chunked",
    "chunked\r\nTransfer-Encoding:",
  ]
    .map((value): Vector => ({
      name: `Transfer-Encoding with empty list elements: ${JSON.stringify(value)}`,
      section: "RFC 9112 §6.3, RFC 9110 §5.6.1",
      bytes: post(`Transfer-Encoding: ${value}`, chunked),
      reject: 400,
    })),
  {
    name: "Transfer-Encoding in HTTP/1.0",
    section: "RFC 9112 §6.1",
    bytes: post("Transfer-Encoding: chunked", chunked, "HTTP/1.0"),
    reject: 400,
  },
  {
    name: "Transfer-Encoding in HTTP/1.0 with keep-alive",
    section: "RFC 9112 §6.1",
    bytes: post("Connection: keep-alive\r\nTransfer-Encoding: chunked", chunked, "HTTP/1.0"),
    reject: 400,
  },
]);

// RFC 9110 §8.6 and RFC 9112 §6.3 item 5: Content-Length = 1*DIGIT
testVectors([
  ...[
    "",
    "+5",
    "-5",
    "-0",
    "0x5",
    "5.0",
    "5e0",
    "5_0",
    "5 5",
    "5\t5",
    "5a",
    "a",
    "five",
    "'5'",
    '"5"',
    "5;",
    "0b101",
    "Infinity",
    "NaN",
    "null",
    "\xb2",
    "\xd9\xa5",
    "\xa05",
    "5\xa0",
    "\x0b5",
    "5\x0c",
    "5\0",
    "5, x",
    "5,-5",
  ].map((value): Vector => ({
    name: `Content-Length: ${JSON.stringify(value)}`,
    section: "RFC 9110 §8.6, RFC 9112 §6.3",
    bytes: post(`Content-Length: ${value}`, "hello"),
    reject: 400,
  })),
  ...[
    "9007199254740993",
    "4294967301000000000000",
    "9223372036854775808",
    "18446744073709551621",
    "99999999999999999999999999999999",
  ].map((value): Vector => ({
    name: `Content-Length: ${value}, which no counter holds`,
    section: "RFC 9110 §8.6",
    bytes: post(`Content-Length: ${value}`, "hello"),
    reject: [400, 413],
  })),
  {
    name: "Content-Length with a thousand leading zeros",
    section: "RFC 9110 §8.6",
    bytes: post(`Content-Length: ${"0".repeat(1000)}5`, "hello"),
    accept: { body: "hello" },
    reject: [400, 413],
  },
  ...[
    ["two different lines", "Content-Length: 5\r\nContent-Length: 6"],
    ["two different lines, the later one shorter", "Content-Length: 5\r\nContent-Length: 0"],
    ["two lines that differ in zeros only", "Content-Length: 5\r\nContent-Length: 05"],
    ["an empty line beside a good one", "Content-Length: 5\r\nContent-Length:"],
    ["a list of two that differ", "Content-Length: 5, 6"],
    ["a list and a line that differ", "Content-Length: 5, 5\r\nContent-Length: 6"],
  ].map(([name, lines = ""]): Vector => ({
    name: `Content-Length on ${name}`,
    section: "RFC 9112 §6.3",
    bytes: post(lines, "hello"),
    reject: 400,
  })),
  ...[
    ["two equal lines", "Content-Length: 5\r\nContent-Length: 5"],
    ["a list of equals", "Content-Length: 5, 5"],
    ["a list with empty elements", "Content-Length: ,5,"],
  ].map(([name, lines = ""]): Vector => ({
    name: `Content-Length as ${name}`,
    section: "RFC 9112 §6.3",
    bytes: post(lines, "hello"),
    accept: { body: "hello" },
    reject: 400,
  })),
]);

Deno.test("a body may arrive long after its head (RFC 9112 §6.2)", async () => {
  const recorder = new Recorder();
  await withServer(recorder.handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(post("Content-Length: 5", ""));
    await raw.send("he");
    await raw.send("llo");
    assertEquals((await raw.readResponse()).text, "5 bytes");
    assertEquals(recorder.seen[0]?.body, "hello");
  });
});

Deno.test("a handler can stream a body before it is complete (RFC 9112 §6)", async () => {
  const { promise: gotFirst, resolve: first } = Promise.withResolvers<string>();
  async function handler(request: Request): Promise<Response> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const piece of request.body ?? []) {
      text += decoder.decode(piece, { stream: true });
      first(text);
    }
    return new Response(text);
  }
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(post("Content-Length: 10", "hello"));
    assertEquals(await within("the first piece", gotFirst), "hello");
    await raw.send("world");
    assertEquals((await raw.readResponse()).text, "helloworld");
  });
});
