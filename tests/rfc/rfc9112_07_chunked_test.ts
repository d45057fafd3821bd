/** RFC 9112 §7.1: the chunked transfer coding, and chunk extensions. */

import { assertEquals, assertOneOf } from "../support/assert.ts";
import { within } from "../support/deadline.ts";
import { withServer } from "../support/server.ts";
import { Recorder, testVectors, type Vector } from "../support/vectors.ts";

const section = "RFC 9112 §7.1";

function chunked(body: string): string {
  return `POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
}

testVectors([
  ...[
    ["one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"],
    ["several chunks", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"],
    ["no chunk but the last", "0\r\n\r\n", ""],
    ["sizes in either case", "a\r\n0123456789\r\nA\r\nabcdefghij\r\n0\r\n\r\n", "0123456789abcdefghij"],
    ["a size of two digits", `1F\r\n${"x".repeat(31)}\r\n0\r\n\r\n`, "x".repeat(31)],
    ["leading zeros in a size", "0005\r\nhello\r\n0\r\n\r\n", "hello"],
    ["several zeros as last chunk", "5\r\nhello\r\n000\r\n\r\n", "hello"],
    ["CRLF as data", "2\r\n\r\n\r\n0\r\n\r\n", "\r\n"],
    ["data that looks like the last chunk", "5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n"],
    [
      "every byte as data",
      `100\r\n${String.fromCharCode(...Array(256).keys())}\r\n0\r\n\r\n`,
      String.fromCharCode(...Array(256).keys()),
    ],
    ["many chunks of one byte", "1\r\nx\r\n".repeat(200) + "0\r\n\r\n", "x".repeat(200)],
  ].map(([name, bytes = "", body = ""]): Vector => ({
    name: `a chunked body of ${name}`,
    section,
    bytes: chunked(bytes),
    accept: { body },
  })),
]);

// chunk-size = 1*HEXDIG
testVectors([
  ...[
    ["no digit", ""],
    ["0x ahead of it", "0x5"],
    ["a plus sign", "+5"],
    ["a minus sign", "-5"],
    ["a minus sign at zero", "-0"],
    ["an underscore", "0_5"],
    ["a point", "5.0"],
    ["a letter that is no digit", "5g"],
    ["a space ahead of it", " 5"],
    ["a tab ahead of it", "\t5"],
    ["a space in it", "0 5"],
    ["a comma", "5,"],
    ["a colon", "5:"],
    ["a vertical tab behind it", "5\x0b"],
    ["a no-break space behind it", "5\xa0"],
    ["a NUL behind it", "5\0"],
    ["a fullwidth digit", "\xef\xbc\x95"],
    ["a quote around it", '"5"'],
    ["an h behind it", "5h"],
  ].map(([name, size]): Vector => ({
    name: `a chunk-size with ${name}`,
    section,
    bytes: chunked(`${size}\r\nhello\r\n0\r\n\r\n`),
    reject: 400,
  })),
]);

// §7.1: a recipient MUST anticipate large hexadecimal numerals, and prevent overflow and loss of precision
for (
  const [name, size] of [
    ["2^31 and five", "80000005"],
    ["2^32 and five", "100000005"],
    ["2^53 and five", "20000000000005"],
    ["2^64 and five", "10000000000000005"],
    ["2^128 and five", "100000000000000000000000000000005"],
    ["all bits of 64", "FFFFFFFFFFFFFFFF"],
  ]
) {
  Deno.test(`a chunk-size of ${name} never wraps to a small one (${section})`, async () => {
    const recorder = new Recorder();
    await withServer(recorder.handler, { bodySizeLimit: null }, async ({ connect }) => {
      const raw = connect();
      raw.offer(chunked(`${size}\r\nhello\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`));
      raw.offerEnd();
      const response = await raw.tryResponse();
      assertOneOf(response?.status ?? 400, [400, 408, 413], "the status");
      await raw.expectEnd();
      assertEquals(recorder.seen.filter(({ body }) => body !== null), []);
    });
  });
}

// chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF: CRLF only (erratum 7633)
testVectors([
  ...[
    ["LF ends the chunk-size", "5\nhello\r\n0\r\n\r\n"],
    ["CR ends the chunk-size", "5\rhello\r\n0\r\n\r\n"],
    ["CR and another byte end the chunk-size", "5\rXhello\r\n0\r\n\r\n"],
    ["two CRs end the chunk-size", "5\r\r\nhello\r\n0\r\n\r\n"],
    ["LF ends the data", "5\r\nhello\n0\r\n\r\n"],
    ["CR ends the data", "5\r\nhello\r0\r\n\r\n"],
    ["nothing ends the data", "5\r\nhello0\r\n\r\n"],
    ["other bytes end the data", "5\r\nhelloXX0\r\n\r\n"],
    ["the data is longer than its size", "5\r\nhelloAB\r\n0\r\n\r\n"],
    ["the data is shorter than its size", "6\r\nhello\r\n0\r\n\r\n"],
    ["an empty line follows the data", "5\r\nhello\r\n\r\n0\r\n\r\n"],
    ["LF ends the last chunk", "5\r\nhello\r\n0\n\r\n"],
    ["LF ends the last chunk and the body", "5\r\nhello\r\n0\n\n"],
    ["LF ends the body", "5\r\nhello\r\n0\r\n\n"],
    ["CR and another byte end the body", "5\r\nhello\r\n0\r\n\rX\r\n\r\n"],
    ["other bytes end the body", "5\r\nhello\r\n0\r\nXX\r\n\r\n"],
    ["the next request line ends the body", "5\r\nhello\r\n0\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"],
  ].map(([name, body = ""]): Vector => ({
    name: `a chunked body where ${name}`,
    section: `${section}, erratum 7633`,
    bytes: chunked(body),
    reject: 400,
  })),
]);

// §7.1.1: chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
testVectors([
  ...[
    ["a name", ";a"],
    ["a name and a token", ";a=b"],
    ["several", ";a=b;c;d=e"],
    ["a quoted string", ';a="b c"'],
    ["a semicolon in a quoted string", ';a="b;c"'],
    ["an escaped quote in a quoted string", ';a="b\\"c"'],
    ["an escaped backslash at the end of a quoted string", ';a="b\\\\"'],
    ["an empty quoted string", ';a=""'],
    ["obs-text in a quoted string", ';a="\xe9"'],
  ].map(([name, extension]): Vector => ({
    name: `and ignores a chunk extension: ${name}`,
    section: "RFC 9112 §7.1.1",
    bytes: chunked(`5${extension}\r\nhello\r\n0${extension}\r\n\r\n`),
    accept: { body: "hello" },
  })),
  ...[
    ["a space ahead of the semicolon", " ;a=b"],
    ["a tab around the semicolon", "\t;\ta=b"],
    ["spaces around the equals sign", ";a = b"],
    ["a space at its end", ";a=b "],
    ["nothing behind the semicolon", ";"],
    ["nothing behind the equals sign", ";a="],
    ["a character that is no tchar", ";[=b"],
    ["an empty name", ";=b"],
    ["a quoted string that does not end", ';a="b'],
    ["text behind a quoted string", ';a="b"c'],
  ].map(([name, extension]): Vector => ({
    name: `a chunk extension with ${name}`,
    section: "RFC 9112 §7.1.1",
    bytes: chunked(`5${extension}\r\nhello\r\n0\r\n\r\n`),
    accept: { body: "hello" },
    reject: 400,
  })),
  ...[
    ["a bare LF", ";a=b\nc"],
    ["a bare LF right behind the semicolon", ";\n"],
    ["a bare CR", ";a=b\rc"],
    ["a bare LF in a quoted string", ';a="b\nc"'],
    ["a bare CR in a quoted string", ';a="b\rc"'],
    ["CRLF in a quoted string", ';a="b\r\nc"'],
    ["an escaped CRLF in a quoted string", ';a="b\\\r\nc"'],
    ["a NUL", ";a=b\0"],
    ["a NUL in a quoted string", ';a="\0"'],
    ["DEL", ";a=b\x7f"],
    ["a control character in a quoted string", ';a="\x01"'],
  ].map(([name, extension]): Vector => ({
    name: `a chunk extension with ${name}`,
    section: "RFC 9112 §7.1.1, §2.2",
    bytes: chunked(`5${extension}\r\nhello\r\n0\r\n\r\n`),
    reject: 400,
  })),
  {
    name: "a chunk extension whose LF would hide a request (TERM.EXT)",
    section: "RFC 9112 §7.1.1",
    bytes: chunked("2;\nxx\r\n28\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n\r\n0\r\n\r\n"),
    reject: 400,
  },
]);

Deno.test("a chunk line that never ends is refused (RFC 9112 §7.1.1)", async () => {
  await withServer(new Recorder().handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(chunked("5;" + "a".repeat(100_000)));
    const response = await raw.readResponse();
    assertOneOf(response.status, [400, 413, 431], "the status");
    await raw.expectClosedAfter(response);
  });
});

Deno.test("extensions that outweigh the data are refused (RFC 9112 §7.1.1)", async () => {
  await withServer(new Recorder().handler, { bodySizeLimit: null }, async ({ connect }) => {
    const raw = connect();
    raw.offer(chunked(`1;${"e".repeat(1000)}\r\nx\r\n`.repeat(1000) + "0\r\n\r\n"));
    const response = await raw.readResponse();
    assertOneOf(response.status, [400, 413, 431], "the status");
    await raw.expectClosedAfter(response);
  });
});

Deno.test("chunks reach the handler before the body is complete (RFC 9112 §7.1)", async () => {
  const { promise: gotFirst, resolve: first } = Promise.withResolvers<string>();
  async function handler(request: Request): Promise<Response> {
    let text = "";
    for await (const piece of request.body ?? []) {
      text += new TextDecoder().decode(piece);
      first(text);
    }
    return new Response(text);
  }
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(chunked("5\r\nhello\r\n"));
    assertEquals(await within("the first piece", gotFirst), "hello");
    await raw.send("5\r\nworld\r\n0\r\n\r\n");
    assertEquals((await raw.readResponse()).text, "helloworld");
  });
});
