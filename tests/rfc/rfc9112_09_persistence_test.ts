/** RFC 9112 §9: persistence, pipelining, and how a connection ends. */

import type { Handler } from "../../mod.ts";
import { assert, assertEquals, assertOneOf } from "../support/assert.ts";
import { steady, turns } from "../support/deadline.ts";
import { hasConnectionOption } from "../support/response_parser.ts";
import { withServer } from "../support/server.ts";
import { Recorder, testVectors, type Vector } from "../support/vectors.ts";

function get(target: string, lines = ""): string {
  return `GET ${target} HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
}

// §9.3, §9.6: with the close option the connection ends after the current response
testVectors([
  ...[
    ["close", "Connection: close\r\n"],
    ["close in any case", "Connection: CloSE\r\n"],
    ["close in a list", "Connection: foo, close ,bar\r\n"],
    ["close with a tab behind it", "Connection: close\t,x\r\n"],
    ["close among empty list elements", "Connection: ,, close,\r\n"],
    ["close on a second line", "Connection: keep-alive\r\nX-A: b\r\nConnection: close\r\n"],
    ["keep-alive and close", "Connection: keep-alive, close\r\n"],
  ].map(([name, lines]): Vector => ({
    name: `Connection: ${name}, and looks at nothing behind it`,
    section: "RFC 9112 §9.6",
    bytes: get("/a", lines),
    accept: { target: "/a", closes: true },
  })),
  ...["keep-alive", "closex", "xclose", "not-close", '"close"', "x-foo", "upgrade", "", "te"].map((
    value,
  ): Vector => ({
    name: `Connection: ${value}, and persists`,
    section: "RFC 9112 §9.3, RFC 9110 §7.6.1",
    bytes: get("/a", `Connection: ${value}\r\n`),
    accept: { target: "/a" },
  })),
  {
    name: "Proxy-Connection: close, which means nothing, and persists",
    section: "RFC 9112 §9.3",
    bytes: get("/a", "Proxy-Connection: close\r\n"),
    accept: { target: "/a" },
  },
  {
    name: "HTTP/1.0 with Connection: close",
    section: "RFC 9112 §9.3",
    bytes: "GET /a HTTP/1.0\r\nConnection: close\r\n\r\n",
    accept: { target: "/a", closes: true },
  },
  {
    name: "HTTP/1.0 with keep-alive and close",
    section: "RFC 9112 §9.3",
    bytes: "GET /a HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
    accept: { target: "/a", closes: true },
  },
]);

Deno.test("a response to close says close (RFC 9112 §9.6)", async () => {
  await withServer(() => new Response("x"), {}, async ({ connect }) => {
    const raw = connect();
    await raw.expectClosedAfter(await raw.request(get("/", "Connection: close\r\n")));
  });
});

Deno.test("HTTP/1.0 with keep-alive persists and says so, or closes (RFC 9112 §9.3)", async () => {
  await withServer(() => new Response("x"), {}, async ({ connect }) => {
    const raw = connect();
    const bytes = "GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n";
    await raw.send(bytes);
    const response = await raw.readResponse({ version: "HTTP/1.0" });
    if (!hasConnectionOption(response, "keep-alive")) return await raw.expectEnd();
    await raw.send(bytes);
    assertEquals((await raw.readResponse({ version: "HTTP/1.0" })).status, 200);
  });
});

Deno.test("HTTP/1.0 with keep-alive never waits for the end of a stream it cannot see (RFC 9112 §9.3)", async () => {
  const handler: Handler = () => new Response(new Blob(["streamed"]).stream());
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    const response = await raw.readResponse({ version: "HTTP/1.0" });
    assertEquals(response.text, "streamed");
    if (response.framing === "close") {
      assert(!hasConnectionOption(response, "keep-alive"), "closed, yet says keep-alive");
    }
  });
});

Deno.test("a thousand requests go over one connection (RFC 9112 §9.3)", async () => {
  let count = 0;
  await withServer(() => new Response(`${++count}`), {}, async ({ connect, server }) => {
    const raw = connect();
    for (let turn = 1; turn <= 1000; turn++) assertEquals((await raw.request(get("/"))).text, `${turn}`);
    assertEquals(server.stats.requests, 1000);
    assertEquals(server.clients.size, 1);
  });
});

// §9.3.2: pipelining
Deno.test("pipelined requests are answered in their order (RFC 9112 §9.3.2)", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const handler: Handler = async (request) => {
    const path = new URL(request.url).pathname;
    if (path === "/0") await gate;
    return new Response(path + await request.text());
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    const post = "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
    const chunked = "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nho\r\n0\r\n\r\n";
    raw.offer(get("/0") + post + chunked + get("/3"));
    await turns();
    assertEquals(raw.received, "");
    open();
    const texts = [];
    for (let index = 0; index < 4; index++) texts.push((await raw.readResponse()).text);
    assertEquals(texts, ["/0", "/1hi", "/2ho", "/3"]);
    await raw.expectOpen();
  });
});

Deno.test("answers to a pipeline keep their order whatever their size and speed (RFC 9112 §9.3.2)", async () => {
  const sizes = [1, 100_000, 0, 70_000, 5, 300_000, 1, 1];
  const handler: Handler = async (request) => {
    const index = Number(new URL(request.url).pathname.slice(1));
    await turns(index % 3);
    const size = sizes[index] ?? 0;
    const body = String.fromCharCode(97 + index).repeat(size);
    return new Response(index % 2 ? new Blob([body]).stream() : body);
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(sizes.map((_, index) => get(`/${index}`)).join(""));
    for (const [index, size] of sizes.entries()) {
      const { text } = await raw.readResponse();
      assertEquals(text.length, size);
      assertEquals(text, String.fromCharCode(97 + index).repeat(size));
    }
  });
});

Deno.test("a bad request in a pipeline does not eat the answers before it (RFC 9112 §9.3.2)", async () => {
  const recorder = new Recorder();
  await withServer(recorder.handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(get("/0") + get("/1") + "BAD\r\n\r\n" + get("/smuggled"));
    assertEquals((await raw.readResponse()).status, 200);
    assertEquals((await raw.readResponse()).status, 200);
    const last = await raw.readResponse();
    assertEquals(last.status, 400);
    await raw.expectClosedAfter(last);
    assertEquals(recorder.seen.map(({ target }) => target), ["/0", "/1"]);
  });
});

Deno.test("close in the middle of a pipeline ends it there (RFC 9112 §9.6)", async () => {
  const recorder = new Recorder();
  await withServer(recorder.handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(get("/0") + get("/1", "Connection: close\r\n") + get("/smuggled"));
    await raw.readResponse();
    await raw.expectClosedAfter(await raw.readResponse());
    assertEquals(recorder.seen.map(({ target }) => target), ["/0", "/1"]);
  });
});

Deno.test("a client that pipelines without reading stops being served (RFC 9112 §9.3.2)", async () => {
  let count = 0;
  const body = new Uint8Array(256 * 1024);
  const handler: Handler = () => {
    count++;
    return new Response(body);
  };
  await withServer(handler, {}, async ({ connect }) => {
    connect().offer(get("/").repeat(500));
    const dispatched = await steady(() => count);
    assert(dispatched >= 1 && dispatched < 20, `${dispatched} requests of 500 were dispatched`);
  });
});

// §9.6: the server's close binds it too
Deno.test("a handler's close ends the connection, and what is behind it is not served (RFC 9112 §9.6)", async () => {
  const targets: string[] = [];
  const handler: Handler = (_, exchange) => {
    targets.push(exchange.target);
    return new Response("bye", { headers: { connection: "close" } });
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(get("/a") + get("/smuggled"));
    await raw.expectClosedAfter(await raw.readResponse());
    assertEquals(targets, ["/a"]);
  });
});

Deno.test("requestLimit requests are served, the last one with close (RFC 9112 §9.6)", async () => {
  const recorder = new Recorder();
  await withServer(recorder.handler, { requestLimit: 3 }, async ({ connect }) => {
    const raw = connect();
    raw.offer(get("/1") + get("/2") + get("/3") + get("/smuggled"));
    for (let index = 0; index < 2; index++) {
      assert(!hasConnectionOption(await raw.readResponse(), "close"), "closes too early");
    }
    await raw.expectClosedAfter(await raw.readResponse());
    assertEquals(recorder.seen.map(({ target }) => target), ["/1", "/2", "/3"]);
  });
});

// §9.6: a half-closed client still wants its response
Deno.test('a client that ends its side gets its response, however slow, with halfClose "answer" (RFC 9112 §9.6)', async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const aborted: boolean[] = [];
  const handler: Handler = async (request) => {
    await gate;
    aborted.push(request.signal.aborted);
    return new Response("late");
  };
  await withServer(handler, { halfClose: "answer" }, async ({ connect }) => {
    const raw = connect();
    await raw.send(get("/"));
    await raw.end();
    await turns();
    open();
    assertEquals((await raw.readResponse()).text, "late");
    await raw.expectEnd();
    await raw.serverClosed();
    assertEquals(aborted, [false]);
  });
});

Deno.test("a client that ends its side behind a pipeline gets all of it (RFC 9112 §9.6)", async () => {
  await withServer((request) => new Response(request.url), {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(get("/0") + get("/1") + get("/2"));
    raw.offerEnd();
    for (let index = 0; index < 3; index++) {
      assertEquals((await raw.readResponse()).text, `http://a/${index}`);
    }
    await raw.expectEnd();
    await raw.serverClosed();
  });
});

Deno.test("a client that ends its side gets a long stream to its end (RFC 9112 §9.6)", async () => {
  const handler: Handler = () => new Response(new Blob([new Uint8Array(1_000_000)]).stream());
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(get("/"));
    await raw.end();
    const { status, body } = await raw.readResponse();
    assertOneOf(status, [200], "the status");
    assertEquals(body.length, 1_000_000);
    await raw.expectEnd();
  });
});
