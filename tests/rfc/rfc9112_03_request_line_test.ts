/** RFC 9112 §3: the request line, its method and its target. */

import type { Exchange } from "../../mod.ts";
import { assert, assertEquals, assertOneOf } from "../support/assert.ts";
import { type ConnectOptions, everyMethod, withServer } from "../support/server.ts";
import { Recorder, testVectors } from "../support/vectors.ts";

const host = "Host: a\r\n\r\n";

testVectors([
  ...[
    ["nothing between method and version", "GET HTTP/1.1"],
    ["an empty target", "GET  HTTP/1.1"],
    ["two spaces after the method", "GET  / HTTP/1.1"],
    ["two spaces ahead of the version", "GET /  HTTP/1.1"],
    ["a space at its end", "GET / HTTP/1.1 "],
    ["a tab after the method", "GET\t/ HTTP/1.1"],
    ["a tab ahead of the version", "GET /\tHTTP/1.1"],
    ["tabs for spaces", "GET\t/\tHTTP/1.1"],
    ["a vertical tab for a space", "GET\x0b/ HTTP/1.1"],
    ["a form feed for a space", "GET /\x0cHTTP/1.1"],
    ["a no-break space for a space", "GET\xa0/ HTTP/1.1"],
    ["a method alone", "GET"],
    ["an empty method", " / HTTP/1.1"],
    ["four parts", "GET / x HTTP/1.1"],
  ].map(([name, line]) => ({
    name: `a request line with ${name}`,
    section: "RFC 9112 §3",
    bytes: `${line}\r\n${host}`,
    reject: line === "GET" || line === "GET HTTP/1.1" ? [400, 505] : 400,
  })),
]);

// §3.1: method = token, case-sensitive. Which methods exist is RFC 9110 §9 (rfc9110_09_methods_test.ts).
testVectors([
  ...["G\0T", "G\x01T", "G(T", "G,T", "G:T", "G/T", "G@T", "G[T", "G\x7fT", "G\xc9T", "{}", '"GET"'].map((
    method,
  ) => ({
    name: `the method ${JSON.stringify(method)}`,
    section: "RFC 9112 §3.1",
    bytes: `${method} / HTTP/1.1\r\n${host}`,
    reject: 400,
  })),
  {
    name: "a method longer than any it knows",
    section: "RFC 9112 §3",
    bytes: `${"A".repeat(300)} / HTTP/1.1\r\n${host}`,
    reject: [400, 501],
    accept: { status: 501, unhandled: true },
  },
  {
    name: "every character of a token as a method",
    section: "RFC 9110 §5.6.2",
    bytes: `!#$%&'*+-.^_\`|~09azAZ /a HTTP/1.1\r\n${host}`,
    accept: { target: "/a", method: "!#$%&'*+-.^_`|~09azAZ" },
  },
]);

// §3.2.1: origin-form = absolute-path [ "?" query ]
testVectors([
  {
    name: "a target with a query",
    section: "RFC 9112 §3.2.1",
    bytes: `GET /where?q=now&r=%20 HTTP/1.1\r\n${host}`,
    accept: { target: "/where?q=now&r=%20", url: "http://a/where?q=now&r=%20" },
  },
  {
    name: "a target with an empty query",
    section: "RFC 9112 §3.2.1",
    bytes: `GET /where? HTTP/1.1\r\n${host}`,
    accept: { target: "/where?", url: "http://a/where?" },
  },
  {
    name: "a target with the sub-delims and pchars of RFC 3986",
    section: "RFC 9112 §3.2.1",
    bytes: `GET /a-._~!$&'()*+,;=:@/b?c/?d HTTP/1.1\r\n${host}`,
    accept: { target: "/a-._~!$&'()*+,;=:@/b?c/?d" },
  },
  {
    name: "a target of two slashes, whose host stays that of Host",
    section: "RFC 9112 §3.3",
    bytes: `GET //evil.example/x HTTP/1.1\r\n${host}`,
    accept: { target: "//evil.example/x", url: "http://a//evil.example/x" },
  },
  {
    name: "a target with dot segments, kept as received",
    section: "RFC 9112 §3.2",
    bytes: `GET /a/../b/./c HTTP/1.1\r\n${host}`,
    accept: { target: "/a/../b/./c" },
  },
  {
    name: "a target with overlong UTF-8, percent-encoded",
    section: "RFC 9112 §3.2.1",
    bytes: `GET /%c0%af..%c0%af HTTP/1.1\r\n${host}`,
    accept: { target: "/%c0%af..%c0%af" },
    reject: 400,
  },
  {
    name: "a target with a percent sign that encodes nothing",
    section: "RFC 3986 §2.1",
    bytes: `GET /%zz% HTTP/1.1\r\n${host}`,
    accept: { target: "/%zz%", url: "http://a/%zz%" },
  },
  {
    name: "a target with bytes beyond ASCII",
    section: "RFC 9112 §3.2",
    bytes: `GET /caf\xe9 HTTP/1.1\r\n${host}`,
    reject: 400,
  },
  {
    name: "a target with a backslash in its path, which a URL takes for a slash",
    section: "RFC 9112 §3.3",
    bytes: `GET /\\evil.example/x HTTP/1.1\r\n${host}`,
    reject: 400,
  },
  {
    name: "a target with a backslash in its query",
    section: "RFC 9112 §3.3",
    bytes: `GET /x?a\\b HTTP/1.1\r\n${host}`,
    accept: { target: "/x?a\\b", url: "http://a/x?a\\b" },
  },
  // What clients send unencoded, and a URL encodes in one way, or leaves as it is (WHATWG URL §1.3)
  {
    name: "a target with double quotes",
    section: "RFC 9112 §3.2",
    bytes: `GET /"x"?q="y" HTTP/1.1\r\n${host}`,
    accept: { target: '/"x"?q="y"', url: "http://a/%22x%22?q=%22y%22" },
  },
  {
    name: "a target with each other character beyond RFC 3986",
    section: "RFC 9112 §3.2",
    bytes: `GET /[^\`{|}]?[^\`{|}] HTTP/1.1\r\n${host}`,
    accept: { target: "/[^`{|}]?[^`{|}]", url: "http://a/[^%60%7B|%7D]?[^`{|}]" },
  },
  ...[
    ["NUL", "/a\0b"],
    ["a control character", "/a\x01b"],
    ["DEL", "/a\x7fb"],
    ["a tab", "/a\tb"],
    ["a space", "/a b"],
    ["no slash", "a"],
    ["a question mark first", "?a=b"],
    ["a relative path", "./a"],
    ["one tchar", "!"],
    ["a fragment", "/a#b"],
    ["a less-than sign", "/a<b"],
    ["a greater-than sign", "/a?b>"],
  ].map(([name, target]) => ({
    name: `a target with ${name}`,
    section: "RFC 9112 §3.2",
    bytes: `GET ${target} HTTP/1.1\r\n${host}`,
    reject: 400,
  })),
]);

// §3.2.2: absolute-form, which a server MUST accept, and whose authority wins over Host
testVectors([
  {
    name: "absolute-form",
    section: "RFC 9112 §3.2.2",
    bytes: "GET http://www.example.org/pub/WWW/?a=b HTTP/1.1\r\nHost: www.example.org\r\n\r\n",
    accept: {
      target: "http://www.example.org/pub/WWW/?a=b",
      url: "http://www.example.org/pub/WWW/?a=b",
    },
  },
  {
    name: "absolute-form and ignores another Host",
    section: "RFC 9112 §3.2.2",
    bytes: "GET http://right.example:8080/x HTTP/1.1\r\nHost: wrong.example\r\n\r\n",
    accept: { url: "http://right.example:8080/x", fields: [["Host", "wrong.example"]] },
  },
  ...["https://a/x", "HTTPS://a/x", "htp://a/", "ftp://a/x", "ws://a/x", "x+y-z.1://a"].map((target) => ({
    name: `absolute-form of another scheme: ${target}`,
    section: "RFC 9110 §7.4, §15.5.20",
    bytes: `GET ${target} HTTP/1.1\r\n${host}`,
    reject: 421,
  })),
  ...["1http://a/x", "ht tp://a/x", "://a/x", "http%3a//a/x"].map((target) => ({
    name: `a target with no scheme: ${target}`,
    section: "RFC 3986 §3.1",
    bytes: `GET ${target} HTTP/1.1\r\n${host}`,
    reject: 400,
  })),
  {
    name: "absolute-form with an empty path",
    section: "RFC 9110 §4.2.3",
    bytes: "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n",
    accept: { target: "http://a", url: "http://a/" },
  },
  {
    name: "absolute-form with an empty path and a query",
    section: "RFC 9110 §4.2.3",
    bytes: "GET http://a?b=c HTTP/1.1\r\nHost: a\r\n\r\n",
    accept: { url: "http://a/?b=c" },
  },
  {
    name: "absolute-form with the scheme in capitals",
    section: "RFC 9110 §4.2.3",
    bytes: "GET HTTP://A/x HTTP/1.1\r\nHost: a\r\n\r\n",
    accept: { url: "http://a/x" },
  },
  {
    name: "absolute-form in HTTP/1.0",
    section: "RFC 9112 §3.2.2",
    bytes: "GET http://a/x HTTP/1.0\r\n\r\n",
    accept: { url: "http://a/x", closes: true },
  },
  {
    name: "absolute-form with an IPv6 literal",
    section: "RFC 9112 §3.2.2",
    bytes: "GET http://[::1]:80/x HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
    accept: { url: "http://[::1]/x" },
  },
  {
    name: "absolute-form without Host in HTTP/1.1",
    section: "RFC 9112 §3.2",
    bytes: "GET http://a/ HTTP/1.1\r\n\r\n",
    reject: 400,
  },
  {
    name: "absolute-form with an empty host",
    section: "RFC 9110 §4.2.1",
    bytes: "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
    reject: 400,
  },
  {
    name: "absolute-form with nothing but a port",
    section: "RFC 9110 §4.2.1",
    bytes: "GET http://:80/x HTTP/1.1\r\nHost: a\r\n\r\n",
    reject: 400,
  },
  ...["http://[::1/x", "http://::1/x", "http://a b/x", "http://a\\b/x", "http://a:b/x", "http:/a/x", "http:a"]
    .map((
      target,
    ) => ({
      name: `the target ${JSON.stringify(target)}`,
      section: "RFC 9112 §3.2.2",
      bytes: `GET ${target} HTTP/1.1\r\n${host}`,
      reject: 400,
    })),
  {
    name: "absolute-form with userinfo",
    section: "RFC 9110 §4.2.4",
    bytes: "GET http://user:secret@a/x HTTP/1.1\r\nHost: a\r\n\r\n",
    reject: 400,
  },
]);

/** What a handler sees of the host: the field, the first field of that name, and the URL. */
function seenHost(bytes: string, options: ConnectOptions = {}): Promise<string> {
  function handler(request: Request, { rawHeaders }: Exchange): Response {
    const { headers } = request;
    const all = [headers.get("host"), new Headers(headers).get("host"), [...headers].flat().join("=")];
    const raw = rawHeaders.map((line) => line.join("=")).join();
    return new Response([...all, raw, request.url].join(" "));
  }
  return withServer(handler, { allowedMethods: everyMethod }, async ({ connect }) => {
    const { status, text } = await connect(options).request(bytes);
    return status === 200 ? text : `${status}`;
  });
}

Deno.test("Host reads as the authority of an absolute-form target (RFC 9112 §3.2.2)", async () => {
  assertEquals(
    await seenHost("GET http://Internal:80/admin HTTP/1.1\r\nHost: public\r\n\r\n"),
    "Internal:80 Internal:80 host=Internal:80 Host=public http://internal/admin",
  );
  assertEquals(
    await seenHost("GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n"),
    "a a host=a Host=a http://a/x",
  );
});

Deno.test("Host reads as it came beside origin-form (RFC 9112 §3.2.1)", async () => {
  const text = await seenHost("GET /x HTTP/1.1\r\nHOST: a:80\r\n\r\n");
  assertEquals(text, "a:80 a:80 host=a:80 HOST=a:80 http://a/x");
});

Deno.test("absolute-form has the connection's scheme, or is answered 421 (RFC 9110 §7.4)", async () => {
  const encrypted = { encrypted: true };
  const [own, other] = ["https", "http"].map((scheme) => `GET ${scheme}://b/x HTTP/1.1\r\nHost: a\r\n\r\n`);
  assertEquals(await seenHost(own!, encrypted), "b b host=b Host=a https://b/x");
  assertEquals(await seenHost(other!, encrypted), "421");
});

Deno.test("the Host of a CONNECT reads as its target (RFC 9112 §3.2.3)", async () => {
  function handler(request: Request, { rawHeaders }: Exchange): Response {
    const { headers, url } = request;
    return new Response(`${headers.get("host")} ${rawHeaders[0]?.[1]} ${url}`, { status: 403 });
  }
  await withServer(handler, { allowedMethods: everyMethod }, async ({ connect }) => {
    const { text } = await connect().request("CONNECT inner:443 HTTP/1.1\r\nHost: outer\r\n\r\n");
    assertEquals(text, "inner:443 outer http://inner:443/");
  });
});

// §3.2.3 and §3.2.4: authority-form is for CONNECT only, asterisk-form for OPTIONS only
testVectors([
  {
    name: "OPTIONS * and answers it by itself",
    section: "RFC 9112 §3.2.4",
    bytes: `OPTIONS * HTTP/1.1\r\n${host}`,
    accept: { status: 204, unhandled: true },
  },
  ...["GET", "HEAD", "POST", "PUT", "DELETE"].map((method) => ({
    name: `${method} *`,
    section: "RFC 9112 §3.2.4",
    bytes: `${method} * HTTP/1.1\r\n${host}`,
    reject: 400,
  })),
  {
    name: "OPTIONS ** ",
    section: "RFC 9112 §3.2.4",
    bytes: `OPTIONS ** HTTP/1.1\r\n${host}`,
    reject: 400,
  },
  ...["GET a:80", "POST a", "GET a:", "GET [::1]:80"].map((line) => ({
    name: `authority-form outside CONNECT: ${line}`,
    section: "RFC 9112 §3.2.3",
    bytes: `${line} HTTP/1.1\r\n${host}`,
    reject: 400,
  })),
  ...["/", "a", "a:", ":80", "a:b", "a:80/x", "http://a:80", "*", "a:80:80", "user@a:80"].map((target) => ({
    name: `CONNECT ${target}`,
    section: "RFC 9110 §9.3.6",
    bytes: `CONNECT ${target} HTTP/1.1\r\n${host}`,
    options: { allowedMethods: everyMethod },
    reject: 400,
  })),
]);

Deno.test("OPTIONS * says in Allow what the server implements (RFC 9110 §9.3.7)", async () => {
  const options = { allowedMethods: ["GET", "HEAD", "OPTIONS"] };
  await withServer(new Recorder().handler, options, async ({ connect }) => {
    const { fields } = await connect().request(`OPTIONS * HTTP/1.1\r\n${host}`);
    const allow = fields.filter(([name]) => name.toLowerCase() === "allow").map(([, value]) => value);
    assertEquals(allow.join().split(/, */).sort(), ["GET", "HEAD", "OPTIONS"]);
  });
});

Deno.test("a server never answers CONNECT with 2xx of its own accord (RFC 9110 §9.3.6)", async () => {
  const recorder = new Recorder();
  await withServer(recorder.handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
    const { status } = await raw.readResponse();
    assertOneOf(status, [405, 501], "the status");
    assertEquals(recorder.seen, []);
  });
});

// §3: a target longer than the server wishes to parse is 414
Deno.test("a server supports request lines of 8000 octets by default (RFC 9112 §3)", async () => {
  const recorder = new Recorder();
  await withServer(recorder.handler, {}, async ({ connect }) => {
    const target = "/" + "a".repeat(8000 - "GET  HTTP/1.1\r\n".length - 1);
    const { status } = await connect().request(`GET ${target} HTTP/1.1\r\n${host}`);
    assertEquals(status, 200);
    assertEquals(recorder.seen[0]?.target, target);
  });
});

testVectors([
  {
    name: "a target as long as targetSizeLimit",
    section: "RFC 9112 §3",
    bytes: `GET /${"a".repeat(63)} HTTP/1.1\r\n${host}`,
    options: { targetSizeLimit: 64 },
    accept: { target: `/${"a".repeat(63)}` },
  },
  {
    name: "a target one byte longer than targetSizeLimit",
    section: "RFC 9112 §3",
    bytes: `GET /${"a".repeat(64)} HTTP/1.1\r\n${host}`,
    options: { targetSizeLimit: 64 },
    reject: 414,
  },
  {
    name: "a target one byte longer than the default of 8192",
    section: "RFC 9112 §3",
    bytes: `GET /${"a".repeat(8192)} HTTP/1.1\r\n${host}`,
    reject: 414,
  },
]);

Deno.test("a server answers 414 before the end of an endless target (RFC 9112 §3)", async () => {
  await withServer(new Recorder().handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer("GET /" + "a".repeat(100_000));
    const response = await raw.readResponse();
    assertEquals(response.status, 414);
    await raw.expectClosedAfter(response);
  });
});

Deno.test("a server answers before the end of an endless method (RFC 9112 §3)", async () => {
  await withServer(new Recorder().handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer("A".repeat(100_000));
    const response = await raw.readResponse();
    assertOneOf(response.status, [400, 414, 431, 501], "the status");
    assert(response.status !== 200, "an endless method is no request");
    await raw.expectClosedAfter(response);
  });
});
