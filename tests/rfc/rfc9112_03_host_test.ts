/** RFC 9112 §3.2 and §3.3: Host, and the target URI that is made of it. */

import { assertEquals, assertMatch, assertOneOf } from "../support/assert.ts";
import { withServer } from "../support/server.ts";
import { testVectors, type Vector } from "../support/vectors.ts";

const section = "RFC 9112 §3.2";

testVectors([
  { name: "no Host in HTTP/1.1", section, bytes: "GET / HTTP/1.1\r\n\r\n", reject: 400 },
  {
    name: "no Host but other fields in HTTP/1.1",
    section,
    bytes: "GET / HTTP/1.1\r\nX-Host: a\r\nHostname: a\r\n\r\n",
    reject: 400,
  },
  {
    name: "two equal Host lines",
    section,
    bytes: "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    reject: 400,
  },
  {
    name: "two different Host lines",
    section,
    bytes: "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\nhOST: b\r\n\r\n",
    reject: 400,
  },
  {
    name: "an empty Host line beside another",
    section,
    bytes: "GET / HTTP/1.1\r\nHost:\r\nHost: a\r\n\r\n",
    reject: 400,
  },
  {
    name: "two Host lines in HTTP/1.0",
    section,
    bytes: "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
    reject: 400,
  },
  {
    name: "an invalid Host in HTTP/1.0",
    section,
    bytes: "GET / HTTP/1.0\r\nHost: a b\r\n\r\n",
    reject: 400,
  },
  {
    name: "an invalid Host beside absolute-form",
    section,
    bytes: "GET http://a/ HTTP/1.1\r\nHost: a/b\r\n\r\n",
    reject: 400,
  },
  {
    name: "two Host lines beside absolute-form",
    section,
    bytes: "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    reject: 400,
  },
]);

/** Host = uri-host [ ":" port ]: what that is not (RFC 9110 §7.2, RFC 3986 §3.2.2). */
const invalid = [
  "a b",
  "a\tb",
  "a/b",
  "/a",
  "http://a",
  "user@a",
  "user:pw@a",
  '"a"',
  "a\\b",
  "a?b",
  "a#b",
  "<a>",
  "{a}",
  "a^b",
  "a|b",
  "a`b",
  "a%",
  "a%2",
  "a%zz",
  "a\xe4",
  "a\x01",
  "a\x7f",
  "\xa0a",
  "::1",
  "[::1",
  "::1]",
  "[::1]]",
  "[::1]a",
  "a[::1]",
  "[]",
  "[::1%25eth0/]",
  "[:::1]",
  "[1:2:3:4:5:6:7:8:9]",
  "[g::1]",
  "[a b]",
  "a:b",
  "a:80:80",
  "a:-1",
  "a:+80",
  "a: 80",
  "a:8 0",
  "a:0x50",
  "a:\xb2",
];

testVectors(invalid.map((value): Vector => ({
  name: `the Host ${JSON.stringify(value)}`,
  section: `${section}, RFC 9110 §7.2`,
  bytes: `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`,
  reject: 400,
})));

/** Hosts that are grammatical, and the host of the target URI that they make. */
const valid: readonly (readonly [host: string, authority: string])[] = [
  ["a", "a"],
  ["example.com", "example.com"],
  ["example.com:8080", "example.com:8080"],
  ["example.com:80", "example.com"],
  ["EXAMPLE.com", "example.com"],
  ["127.0.0.1", "127.0.0.1"],
  ["127.0.0.1:1", "127.0.0.1:1"],
  ["[::1]", "[::1]"],
  ["[::1]:8080", "[::1]:8080"],
  ["[2001:db8::192.0.2.1]:65535", "[2001:db8::c000:201]:65535"],
  ["a-b.c", "a-b.c"],
  ["a_b", "a_b"],
  ["xn--bcher-kva.example", "xn--bcher-kva.example"],
];

testVectors(valid.map(([host, authority]): Vector => ({
  name: `the Host ${host}`,
  section: `${section}, §3.3`,
  bytes: `GET /x HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  accept: { url: `http://${authority}/x` },
})));

testVectors([
  {
    name: "whitespace around Host",
    section: "RFC 9112 §5.1",
    bytes: "GET /x HTTP/1.1\r\nHost:\t a:81 \t\r\n\r\n",
    accept: { url: "http://a:81/x", fields: [["Host", "a:81"]] },
  },
  {
    name: "Host with no space after the colon",
    section: "RFC 9112 §5.1",
    bytes: "GET /x HTTP/1.1\r\nHost:a\r\n\r\n",
    accept: { url: "http://a/x" },
  },
  {
    name: "Host as the last field line",
    section,
    bytes: "GET /x HTTP/1.1\r\nX-A: b\r\nhost: a\r\n\r\n",
    accept: { url: "http://a/x", fields: [["host", "a"]] },
  },
  {
    name: "the Host a: with an empty port",
    section: "RFC 3986 §3.2.3",
    bytes: "GET /x HTTP/1.1\r\nHost: a:\r\n\r\n",
    accept: { url: "http://a/x" },
    reject: 400,
  },
]);

/** Grammatical, but no `URL` can be made of them: the server must not fall over them (500). */
const awkward = [
  "a:99999",
  "a:65536",
  "a,b",
  "a!$&'()*+;=",
  "%61",
  "1.2.3.4.5",
  "0x7f.1",
  "256.256.256.256",
  "a..b",
  "-",
];

for (const host of awkward) {
  Deno.test(`a server never answers the Host ${host} with 5xx (RFC 9110 §7.2)`, async () => {
    async function handler(request: Request): Promise<Response> {
      await request.text();
      return new Response(request.url);
    }
    await withServer(handler, {}, async ({ connect, log }) => {
      const response = await connect().request(`GET /x HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      assertOneOf(response.status, [200, 400], "the status");
      if (response.status === 200) assertMatch(response.text, /^http:\/\/[^/]+\/x$/, "the URL");
      assertEquals(log.length, 0, "entries in the log");
    });
  });
}

Deno.test("an empty Host is answered 200 or 400, never 5xx (RFC 9112 §3.2)", async () => {
  await withServer(({ url }) => new Response(url), {}, async ({ connect }) => {
    const response = await connect().request("GET /x HTTP/1.1\r\nHost:\r\n\r\n");
    assertOneOf(response.status, [200, 400], "the status");
  });
});

Deno.test("without Host, HTTP/1.0 gets a URL of the local address (RFC 9112 §3.3)", async () => {
  await withServer(({ url }) => new Response(url), {}, async ({ connect }) => {
    const raw = connect();
    await raw.send("GET /x?y HTTP/1.0\r\n\r\n");
    const response = await raw.readResponse({ version: "HTTP/1.0" });
    assertEquals(response.status, 200);
    const url = new URL(response.text);
    assertEquals(url.protocol, "http:");
    assertEquals(url.pathname + url.search, "/x?y");
    assertEquals(url.hostname.replace(/^\[|\]$/g, ""), raw.client.localAddress);
  });
});

Deno.test("the scheme of the target URI is https on an encrypted connection (RFC 9112 §3.3)", async () => {
  await withServer(({ url }) => new Response(url), {}, async ({ connect }) => {
    const raw = connect({ encrypted: true });
    assertEquals((await raw.request("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")).text, "https://a/x");
    assertEquals((await raw.request("GET /x HTTP/1.1\r\nHost: a:443\r\n\r\n")).text, "https://a/x");
    assertEquals((await raw.request("GET /x HTTP/1.1\r\nHost: a:80\r\n\r\n")).text, "https://a:80/x");
  });
});
