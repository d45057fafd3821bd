/** RFC 9112 §7.1.2 and RFC 9110 §6.5: the trailer section, of requests and of responses. */

import type { Exchange, Handler } from "../../mod.ts";
import { assert, assertEquals, assertLacks, assertOneOf, rejection } from "../support/assert.ts";
import { within } from "../support/deadline.ts";
import { field } from "../support/response_parser.ts";
import { withServer } from "../support/server.ts";
import { Recorder, testVectors, type Vector } from "../support/vectors.ts";

const section = "RFC 9112 §7.1.2";

function withTrailers(lines: string): string {
  return `POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n${lines}\r\n`;
}

testVectors([
  {
    name: "a trailer section",
    section,
    bytes: withTrailers("X-T: 1\r\n"),
    accept: { body: "hello", trailers: [["x-t", "1"]] },
  },
  {
    name: "a trailer section of several lines",
    section,
    bytes: withTrailers("X-B: 1\r\nX-A:\t2 \r\nX-B: 3\r\n"),
    accept: { body: "hello", trailers: [["x-a", "2"], ["x-b", "1, 3"]] },
  },
  {
    name: "trailers that Trailer announced",
    section: "RFC 9110 §6.6.2",
    bytes: withTrailers("X-T: 1\r\n").replace("\r\n\r\n", "\r\nTrailer: X-T\r\n\r\n"),
    accept: { body: "hello", trailers: [["x-t", "1"]] },
  },
  {
    name: "trailers that Trailer announced and that never come",
    section: "RFC 9110 §6.6.2",
    bytes: withTrailers("").replace("\r\n\r\n", "\r\nTrailer: X-T\r\n\r\n"),
    accept: { body: "hello", trailers: [] },
  },
  ...[
    ["whitespace ahead of the colon", "X-T : 1\r\n"],
    ["a fold", "X-T: 1\r\n 2\r\n"],
    ["a line that begins with a space", " X-T: 1\r\n"],
    ["no colon", "X-T\r\n"],
    ["an empty name", ": 1\r\n"],
    ["a name that is no token", "X(T: 1\r\n"],
    ["LF at the end of a line", "X-T: 1\n"],
    ["a bare CR in a value", "X-T: 1\r2\r\n"],
    ["a NUL in a value", "X-T: 1\x002\r\n"],
    ["a control character in a value", "X-T: 1\x012\r\n"],
    ["CR and another byte as its end", "X-T: a\r\n\rXGET /smuggled HTTP/1.1\r\nHost: a\r\n"],
    ["a request line in it", "GET /smuggled HTTP/1.1\r\nHost: a\r\n"],
  ].map(([name, lines = ""]): Vector => ({
    name: `a trailer section with ${name}`,
    section: `${section}, §5`,
    bytes: withTrailers(lines),
    reject: 400,
  })),
  {
    name: "a trailer section larger than the default of 8192",
    section: "RFC 9110 §5.4",
    bytes: withTrailers(`X-T: ${"a".repeat(8192)}\r\n`),
    reject: [400, 431],
  },
]);

// Fields that frame, route or authenticate could mislead whoever merges them into the head (RFC 9110 §6.5.1)
testVectors(
  [
    "Content-Length: 50",
    "Transfer-Encoding: gzip",
    "Host: evil",
    "Connection: close",
    "Keep-Alive: timeout=5",
    "TE: trailers",
    "Trailer: x-t",
    "Upgrade: h2c",
    "Authorization: Basic Zm9vOmJhcg==",
    "Proxy-Authorization: Basic Zm9vOmJhcg==",
    "Cookie: admin=1",
    "Expect: 100-continue",
  ].map((line): Vector => ({
    name: `the trailer "${line}"`,
    section: "RFC 9110 §6.5.1",
    bytes: withTrailers(`X-T: 1\r\n${line}\r\n`),
    reject: 400,
  })),
);

// Others that may not be trailers harm nobody who does not see them: some servers send them all the same
testVectors(
  ["Vary: Origin", "content-type: text/html", "Set-Cookie: a=1", "Date: now", "If-Match: *", "Range: x"]
    .map((line): Vector => ({
      name: `the trailer "${line}", and drops it`,
      section: "RFC 9110 §6.5.1",
      bytes: withTrailers(`X-T: 1\r\n${line}\r\nX-U: 2\r\n`),
      accept: { body: "hello", trailers: [["x-t", "1"], ["x-u", "2"]] },
    })),
);

Deno.test("a trailer is never merged into the header section (RFC 9112 §7.1.2)", async () => {
  const found: (string | null)[] = [];
  async function handler(request: Request, exchange: Exchange): Promise<Response> {
    await request.text();
    const trailers = await exchange.trailers;
    for (const name of ["x-t", "content-type"]) found.push(request.headers.get(name), trailers.get(name));
    return new Response();
  }
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.request(withTrailers("X-T: 1\r\nContent-Type: text/html\r\n"));
    await raw.expectOpen();
    assertEquals(found.slice(0, 4), [null, "1", null, null]);
  });
});

Deno.test("a request without chunks has no trailers (RFC 9110 §6.5)", async () => {
  const recorder = new Recorder();
  await withServer(recorder.handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.request("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTrailer: X-T\r\n\r\nhi");
    await raw.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assertEquals(recorder.seen.map(({ trailers }) => trailers), [[], []]);
  });
});

Deno.test("exchange.trailers rejects when the body never becomes complete (RFC 9112 §8)", async () => {
  const { promise: failure, resolve } = Promise.withResolvers<Error>();
  async function handler(_request: Request, exchange: Exchange): Promise<Response> {
    resolve(await rejection(exchange.trailers, "exchange.trailers"));
    return new Response();
  }
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(withTrailers("X-T: 1\r\n").slice(0, -10));
    await raw.end();
    assert(await within("the rejection", failure) instanceof Error, "an error");
  });
});

/** Asks once: the response, complete or not, with the names of its trailers in lower case. */
function ask(handler: Handler, bytes = "GET / HTTP/1.1\r\nHost: a\r\n\r\n") {
  return withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    const [method = ""] = bytes.split(" ");
    raw.offer(bytes);
    const version = bytes.includes("HTTP/1.0") ? "HTTP/1.0" : "HTTP/1.1";
    const response = await raw.tryResponse({ method, version });
    assert(response !== null, "the connection ended without a response");
    const { complete, framing, status, text } = response;
    const trailers = response.trailers.map(([name, value]) => [name.toLowerCase(), value] as const);
    const { received } = raw;
    if (version === "HTTP/1.1" && complete) await raw.expectOpen();
    return { complete, framing, received, status, text, trailers };
  });
}

Deno.test("setTrailers() sends trailers behind a body of known length (RFC 9110 §6.5)", async () => {
  const { complete, framing, text, trailers } = await ask((_, exchange) => {
    exchange.setTrailers({ "x-checksum": "42", "x-late": "yes" });
    return new Response("with trailers");
  });
  assert(complete, "the response is complete");
  assertEquals(framing, "chunked");
  assertEquals(text, "with trailers");
  assertEquals(trailers, [["x-checksum", "42"], ["x-late", "yes"]] as typeof trailers);
});

Deno.test("setTrailers() sends trailers behind a stream (RFC 9110 §6.5)", async () => {
  const { text, trailers } = await ask((_, exchange) => {
    exchange.setTrailers(new Headers({ "x-checksum": "42" }));
    return new Response(new Blob(["one", "two"]).stream());
  });
  assertEquals(text, "onetwo");
  assertEquals(trailers, [["x-checksum", "42"]]);
});

Deno.test("setTrailers() sends trailers behind an empty body (RFC 9110 §6.5)", async () => {
  const { text, trailers } = await ask((_, exchange) => {
    exchange.setTrailers([["x-checksum", "42"]]);
    return new Response(null);
  });
  assertEquals(text, "");
  assertEquals(trailers, [["x-checksum", "42"]]);
});

Deno.test("setTrailers() calls its function once the body has been sent (RFC 9110 §6.5)", async () => {
  let sent = 0;
  const { trailers } = await ask((_, exchange) => {
    sent = 0;
    exchange.setTrailers(() => Promise.resolve({ "x-sent": `${sent}` }));
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent === 3) return controller.close();
        sent++;
        controller.enqueue(new TextEncoder().encode("x"));
      },
    });
    return new Response(body);
  });
  assertEquals(trailers, [["x-sent", "3"]]);
});

Deno.test("HTTP/1.0 gets the body without trailers (RFC 9112 §6.1)", async () => {
  const { framing, text, trailers } = await ask((_, exchange) => {
    exchange.setTrailers({ "x-checksum": "42" });
    return new Response("body");
  }, "GET / HTTP/1.0\r\n\r\n");
  assertOneOf(framing, ["length", "close"], "the framing");
  assertEquals(text, "body");
  assertEquals(trailers, []);
});

Deno.test("HEAD gets no trailers (RFC 9110 §9.3.2)", async () => {
  const { text, received } = await ask((_, exchange) => {
    exchange.setTrailers({ "x-checksum": "42" });
    return new Response("body");
  }, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  assertEquals(text, "");
  const head = received.slice(0, received.indexOf("\r\n\r\n"));
  assertLacks(head.toLowerCase(), "x-checksum", "the head");
});

for (const name of ["content-length", "transfer-encoding", "host", "trailer", "connection", "content-type"]) {
  Deno.test(`setTrailers() never sends ${name} (RFC 9110 §6.5.1)`, async () => {
    const { received, status, trailers } = await ask((_, exchange) => {
      if (exchange.target === "/still-open") return new Response();
      exchange.setTrailers({ [name]: "5" });
      return new Response("body");
    });
    assertOneOf(status, [200, 500], "the status");
    assertEquals(field(trailers, name), undefined);
    assertLacks(received.slice(received.indexOf("\r\n\r\n")), `${name}:`, "what follows the head");
  });
}
