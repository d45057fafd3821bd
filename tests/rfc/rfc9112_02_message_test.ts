/** RFC 9112 §2: how a message is parsed, and its version. */

import { testVectors } from "../support/vectors.ts";
import { withServer } from "../support/server.ts";
import { Recorder } from "../support/vectors.ts";
import { assertEquals } from "../support/assert.ts";

const section = "RFC 9112 §2.2";

testVectors([
  {
    name: "a request that is nothing but a request line and Host",
    section: "RFC 9112 §2.1",
    bytes: "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    accept: { method: "GET", target: "/a", url: "http://a/a", fields: [["Host", "a"]] },
  },
  {
    name: "one empty line ahead of the request line",
    section,
    bytes: "\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    accept: { target: "/a" },
  },
  {
    name: "an empty line between a body and the next request line",
    section,
    bytes: "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\r\n",
    accept: { target: "/a", body: "hi" },
  },
  {
    name: "a thousand empty lines",
    section: `${section}, bounded by choice`,
    bytes: "\r\n".repeat(1000) + "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    reject: 400,
  },
  {
    name: "an empty line that ends in LF alone, ahead of the request line",
    section,
    bytes: "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    reject: 400,
  },
  {
    name: "a CR without LF ahead of the request line",
    section,
    bytes: "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    reject: 400,
  },
  {
    name: "a space ahead of the request line",
    section,
    bytes: " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    reject: 400,
  },
  {
    name: "a request line that ends in LF alone",
    section: `${section}, strict by choice`,
    bytes: "GET / HTTP/1.1\nHost: a\r\n\r\n",
    reject: 400,
  },
  {
    name: "a field line that ends in LF alone",
    section: `${section}, strict by choice`,
    bytes: "GET / HTTP/1.1\r\nHost: a\nX-A: b\r\n\r\n",
    reject: 400,
  },
  {
    name: "a head that ends in LF alone",
    section: `${section}, strict by choice`,
    bytes: "GET / HTTP/1.1\r\nHost: a\r\n\n",
    reject: 400,
  },
  {
    name: "a head with nothing but LF as line ends",
    section: `${section}, strict by choice`,
    bytes: "GET / HTTP/1.1\nHost: a\n\n",
    reject: 400,
  },
  {
    name: "a bare CR in the request target",
    section,
    bytes: "GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n",
    reject: 400,
  },
  {
    name: "a bare CR in the method",
    section,
    bytes: "GE\rT / HTTP/1.1\r\nHost: a\r\n\r\n",
    reject: 400,
  },
  {
    name: "a bare CR at the end of the request line",
    section,
    bytes: "GET / HTTP/1.1\rHost: a\r\n\r\n",
    reject: 400,
  },
  {
    name: "two CRs at the end of the request line",
    section,
    bytes: "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
    reject: 400,
  },
  {
    name: "a bare CR in a field name",
    section,
    bytes: "GET / HTTP/1.1\r\nHost: a\r\nX\rA: b\r\n\r\n",
    reject: 400,
  },
  {
    name: "a bare CR in a field value",
    section,
    bytes: "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\rc\r\n\r\n",
    reject: 400,
  },
  {
    name: "a bare CR at the end of a field value",
    section,
    bytes: "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\r\n\r\n",
    reject: 400,
  },
  {
    name: "a bare CR that would smuggle a field line",
    section,
    bytes: "POST / HTTP/1.1\r\nHost: a\r\nX-A: b\rTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
    reject: 400,
  },
  {
    name: "CR and another byte where the head's last LF belongs",
    section,
    bytes: "GET / HTTP/1.1\r\nHost: a\r\n\rXGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
    reject: 400,
  },
  {
    name: "a field line that begins with a space right after the request line",
    section,
    bytes: "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    reject: 400,
  },
  {
    name: "a field line that begins with a tab right after the request line",
    section,
    bytes: "GET / HTTP/1.1\r\n\tX-A: b\r\nHost: a\r\n\r\n",
    reject: 400,
  },
  {
    name: "a line of nothing but whitespace right after the request line",
    section,
    bytes: "GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n",
    reject: 400,
  },
  {
    name: "bytes that are no HTTP at all",
    section,
    bytes: "\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03\r\n\r\n",
    reject: 400,
  },
  {
    name: "a response",
    section,
    bytes: "HTTP/1.1 200 OK\r\nHost: a\r\n\r\n",
    reject: [400, 505],
  },
]);

const version = "RFC 9112 §2.3";
const malformed = [
  "HTTP/1.",
  "HTTP/.1",
  "HTTP/1",
  "HTTP/11",
  "HTTP/1.10",
  "HTTP/01.1",
  "HTTP/1,1",
  "HTTP/ 1.1",
  "HTTP /1.1",
  "HTTP/-1.1",
  "HTTP/+1.1",
  "HTTP/1.1x",
  "HTTP/a.b",
  "HTTP/1.\xb9",
  "http/1.1",
  "Http/1.1",
  "XHTTP/1.1",
  "HTTPS/1.1",
  "ICE/1.0",
  "RTSP/1.0",
  "HTTP\\1.1",
  "1.1",
];

testVectors([
  {
    name: "HTTP/1.0 without Host, and closes",
    section: version,
    bytes: "GET /a HTTP/1.0\r\n\r\n",
    accept: { target: "/a", closes: true },
  },
  {
    name: "HTTP/1.2 as HTTP/1.1",
    section: `${version}, RFC 9110 §2.5`,
    bytes: "GET /a HTTP/1.2\r\nHost: a\r\n\r\n",
    accept: { target: "/a" },
  },
  {
    name: "HTTP/1.9 as HTTP/1.1",
    section: `${version}, RFC 9110 §2.5`,
    bytes: "POST /a HTTP/1.9\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    accept: { target: "/a", body: "x" },
  },
  {
    name: "HTTP/1.2 without Host",
    section: `${version}, §3.2`,
    bytes: "GET /a HTTP/1.2\r\n\r\n",
    reject: 400,
  },
  ...["HTTP/0.9", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9", "HTTP/0.0", "HTTP/2.1"].map((name) => ({
    name,
    section: "RFC 9110 §15.6.6",
    bytes: `GET / ${name}\r\nHost: a\r\n\r\n`,
    reject: 505,
  })),
  ...malformed.map((name) => ({
    name: `the version ${JSON.stringify(name)}`,
    section: version,
    bytes: `GET / ${name}\r\nHost: a\r\n\r\n`,
    reject: [400, 505],
  })),
  {
    name: "a request line without a version",
    section: version,
    bytes: "GET /\r\n\r\n",
    reject: [400, 505],
  },
  {
    name: "the start of an HTTP/2 preface where HTTP/2 is off",
    section: "RFC 9113 §3.4",
    bytes: "PRI * HTTP/2.0\r\n\r\n",
    options: { http2: false },
    reject: [400, 501, 505],
  },
]);

// §6.2 lets a server answer with its highest version; Drover answers, errors too, in the request's own.
Deno.test("a server answers HTTP/1.0 in HTTP/1.0 (RFC 9110 §6.2)", async () => {
  await withServer(new Recorder().handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send("GET / HTTP/1.0\r\n\r\n");
    assertEquals((await raw.readResponse({ version: "HTTP/1.0" })).version, "HTTP/1.0");
  });
});

for (
  const [bytes, version] of [
    ["BAD\r\n\r\n", "HTTP/1.1"],
    ["GET / HTTP/9.9\r\n\r\n", "HTTP/1.1"],
    ["GET / HTTP/1.0\r\nBAD\r\n\r\n", "HTTP/1.0"],
    ["GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "HTTP/1.0"],
  ] as const
) {
  Deno.test(`a server answers ${JSON.stringify(bytes)} in ${version} (RFC 9110 §6.2)`, async () => {
    await withServer(new Recorder().handler, {}, async ({ connect }) => {
      const raw = connect();
      raw.offer(bytes);
      assertEquals((await raw.readResponse()).version, version);
    });
  });
}

for (
  const line of [
    "GET / HTTP/1.1\n",
    "GET /\x7f HTTP/1.1\r\n",
    "GET / HTTP/1.x\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n",
  ]
) {
  const refused = `${line}Host: a\r\n\r\n`;
  Deno.test(`a server answers ${JSON.stringify(refused)} as what it is, whatever came before it (RFC 9110 §6.2, §9.3.2)`, async () => {
    await withServer(new Recorder().handler, {}, async ({ connect }) => {
      for (const method of ["HEAD", "GET"] as const) {
        const raw = connect();
        await raw.send(`${method} / HTTP/1.0\r\nConnection: keep-alive\r\nHost: a\r\n\r\n`);
        await raw.readResponse({ method, version: "HTTP/1.0" });
        await raw.send(refused);
        const { status, version, text } = await raw.readResponse();
        assertEquals([status, version, text.endsWith("\n")], [400, "HTTP/1.1", true]);
        await raw.close();
      }
    });
  });
}
