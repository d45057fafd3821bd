/** RFC 9112 §5 and RFC 9110 §5: field lines, and how many and how large they may be. */

import { assertEquals } from "../support/assert.ts";
import { withServer } from "../support/server.ts";
import { Recorder, testVectors, type Vector } from "../support/vectors.ts";

function withLine(line: string): string {
  return `GET /a HTTP/1.1\r\nHost: a\r\n${line}\r\nX-Last: z\r\n\r\n`;
}

// §5.1: OWS is SP and HTAB, never part of the value, never ahead of the colon
testVectors([
  ...[
    ["no space after the colon", "X-A:b", "b"],
    ["many spaces and tabs around the value", "X-A: \t  b \t ", "b"],
    ["whitespace within the value", "X-A: b \tc", "b \tc"],
    ["an empty value", "X-A:", ""],
    ["nothing but whitespace as value", "X-A: \t ", ""],
    ["colons in the value", "X-A: b:c::d", "b:c::d"],
    [
      "every visible character in the value",
      `X-A: !"#$%&'()*+,-./09:;<=>?@AZ[\\]^_\`az{|}~`,
      `!"#$%&'()*+,-./09:;<=>?@AZ[\\]^_\`az{|}~`,
    ],
    ["obs-text in the value, kept as it is", "X-A: caf\xe9\xff\x80", "caf\xe9\xff\x80"],
    ["a no-break space at the end of the value, which is no whitespace", "X-A: b\xa0", "b\xa0"],
    ["a next-line character at the start of the value", "X-A: \x85b", "\x85b"],
  ].map(([name, line = "", value = ""]): Vector => ({
    name: `a field line with ${name}`,
    section: "RFC 9112 §5.1",
    bytes: withLine(line),
    accept: { fields: [["X-A", value], ["X-Last", "z"]] },
  })),
  {
    name: "every character of a token in a field name",
    section: "RFC 9110 §5.1",
    bytes: withLine("!#$%&'*+-.^_`|~09azAZ: b"),
    accept: { fields: [["!#$%&'*+-.^_`|~09azAZ", "b"]] },
  },
  {
    name: "names that are properties of objects",
    section: "RFC 9110 §5.1",
    bytes: withLine("__proto__: b\r\nconstructor: c\r\ntoString: d\r\nhasOwnProperty: e"),
    accept: { fields: [["__proto__", "b"], ["constructor", "c"], ["toString", "d"]] },
  },
  {
    name: "Content_Length, which is not Content-Length",
    section: "RFC 9110 §5.1",
    bytes: withLine("Content_Length: 10"),
    accept: { body: "", fields: [["Content_Length", "10"]] },
  },
]);

testVectors([
  ...[
    ["a space ahead of the colon", "X-A : b"],
    ["a tab ahead of the colon", "X-A\t: b"],
    ["a space ahead of the colon of Content-Length", "Content-Length : 5"],
    ["a space ahead of the colon of Transfer-Encoding", "Transfer-Encoding : chunked"],
  ].map(([name, line = ""]): Vector => ({
    name: `a field line with ${name}`,
    section: "RFC 9112 §5.1",
    bytes: withLine(line),
    reject: 400,
  })),
  ...[
    ["a space", "X-A: b\r\n c"],
    ["a tab", "X-A: b\r\n\tc"],
    ["many spaces", "X-A: b\r\n     c"],
    ["nothing but whitespace", "X-A: b\r\n "],
    ["a field line in it", "X-A: b\r\n Transfer-Encoding: chunked"],
    ["an empty first line", "X-A:\r\n b"],
  ].map(([name, line = ""]): Vector => ({
    name: `a field line folded with ${name}`,
    section: "RFC 9112 §5.2",
    bytes: withLine(line),
    reject: 400,
  })),
  {
    name: "Host folded",
    section: "RFC 9112 §5.2",
    bytes: "GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n",
    reject: 400,
  },
  {
    name: "Transfer-Encoding folded",
    section: "RFC 9112 §5.2",
    bytes: "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    reject: 400,
  },
  {
    name: "a fold as the last line of the head",
    section: "RFC 9112 §5.2",
    bytes: "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n \r\n\r\n",
    reject: 400,
  },
]);

// RFC 9110 §5.1: field-name = token
testVectors([
  { name: "a field line without a colon", section: "RFC 9112 §5", bytes: withLine("X-A"), reject: 400 },
  { name: "a field line with an empty name", section: "RFC 9112 §5", bytes: withLine(": b"), reject: 400 },
  { name: "a field line that is a colon", section: "RFC 9112 §5", bytes: withLine(":"), reject: 400 },
  {
    name: "a request line as a field line",
    section: "RFC 9112 §5",
    bytes: withLine("GET / HTTP/1.1"),
    reject: 400,
  },
  ...[...'"(),/;<=>?@[\\]{}\0\x01\x0b\x0c\x7f\x80\xa0\xe9\xff'].map((character): Vector => ({
    name: `a field name with ${JSON.stringify(character)}`,
    section: "RFC 9110 §5.1",
    bytes: withLine(`X${character}A: b`),
    reject: 400,
  })),
  {
    name: "a field name with a space in it",
    section: "RFC 9110 §5.1",
    bytes: withLine("X A: b"),
    reject: 400,
  },
  {
    name: "the Kelvin sign's bytes in a framing field's name",
    section: "RFC 9110 §5.1",
    bytes: withLine("Transfer-Encoding\xe2\x84\xaa: chunked"),
    reject: 400,
  },
]);

// RFC 9110 §5.5: field-value without CR, LF, NUL; other CTLs are refused by choice
testVectors([
  ...[0, 1, 2, 7, 8, 0x0b, 0x0c, 0x0e, 0x1b, 0x1f, 0x7f].map((code): Vector => ({
    name: `a field value with the byte 0x${code.toString(16).padStart(2, "0")}`,
    section: code === 0 ? "RFC 9110 §5.5" : "RFC 9110 §5.5, strict by choice",
    bytes: withLine(`X-A: b${String.fromCharCode(code)}c`),
    reject: 400,
  })),
  ...["\0", "\x0b", "\x0c"].map((character): Vector => ({
    name: `a field value that ends in ${JSON.stringify(character)}, which is no whitespace`,
    section: "RFC 9110 §5.5",
    bytes: withLine(`X-A: b${character}`),
    reject: 400,
  })),
]);

Deno.test("field lines reach the handler in their order and case (RFC 9110 §5.3)", async () => {
  const recorder = new Recorder();
  await withServer(recorder.handler, {}, async ({ connect }) => {
    await connect().request("GET / HTTP/1.1\r\nx-b: 1\r\nHost: a\r\nX-A: 2\r\nX-B: 3\r\nx-a: 4\r\n\r\n");
    const expected = [["x-b", "1"], ["Host", "a"], ["X-A", "2"], ["X-B", "3"], ["x-a", "4"]];
    assertEquals(recorder.seen[0]?.fields.map((pair) => [...pair]), expected);
  });
});

Deno.test("lines of one name are combined in their order (RFC 9110 §5.3)", async () => {
  function handler(request: Request): Response {
    return Response.json([request.headers.get("x-a"), request.headers.get("X-NONE")]);
  }
  await withServer(handler, {}, async ({ connect }) => {
    const bytes = "GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-b: 2\r\nx-A: 3, 4\r\nX-A:\r\n\r\n";
    assertEquals(JSON.parse((await connect().request(bytes)).text), ["1, 3, 4, ", null]);
  });
});

/** A head with `count` field lines, Host among them. */
function withCount(count: number): string {
  const lines = Array.from({ length: count - 1 }, (_, index) => `X-${index}: ${index}\r\n`);
  return `GET /a HTTP/1.1\r\nHost: a\r\n${lines.join("")}\r\n`;
}

testVectors([
  {
    name: "as many field lines as headerCountLimit",
    section: "RFC 9110 §5.4",
    bytes: withCount(5),
    options: { headerCountLimit: 5 },
    accept: { fields: [["X-3", "3"]] },
  },
  {
    name: "one field line more than headerCountLimit",
    section: "RFC 6585 §5",
    bytes: withCount(6),
    options: { headerCountLimit: 5 },
    reject: 431,
  },
  {
    name: "100 field lines by default",
    section: "RFC 9110 §5.4",
    bytes: withCount(100),
    accept: { fields: [["X-98", "98"]] },
  },
  { name: "101 field lines by default", section: "RFC 6585 §5", bytes: withCount(101), reject: 431 },
]);

Deno.test("a server answers 431 before the end of an endless field line (RFC 6585 §5)", async () => {
  await withServer(new Recorder().handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer("GET / HTTP/1.1\r\nHost: a\r\nX-A: " + "a".repeat(200_000));
    const response = await raw.readResponse();
    assertEquals(response.status, 431);
    await raw.expectClosedAfter(response);
  });
});

Deno.test("a server answers 431 before the end of an endless header section (RFC 6585 §5)", async () => {
  await withServer(new Recorder().handler, { headerCountLimit: 100_000 }, async ({ connect }) => {
    const raw = connect();
    raw.offer("GET / HTTP/1.1\r\nHost: a\r\n" + "X-A: a\r\n".repeat(20_000));
    const response = await raw.readResponse();
    assertEquals(response.status, 431);
    await raw.expectClosedAfter(response);
  });
});
