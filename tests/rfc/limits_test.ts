/** Every limit of HTTP/1 at its value and one beyond; what a breach looks like to the peer. */

import type { Handler } from "../../mod.ts";
import { connectionPair } from "../../testing.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { turns, within } from "../support/deadline.ts";
import { RawClient } from "../support/raw_client.ts";
import { type AcceptedClient, withServer } from "../support/server.ts";
import { testVectors, type Vector } from "../support/vectors.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** A head of `size` bytes from the first of its request line to the empty line at its end. */
function head(size: number, target = "/a"): string {
  const start = `GET ${target} HTTP/1.1\r\nHost: a\r\nX-Pad: `;
  return `${start}${"p".repeat(size - start.length - 4)}\r\n\r\n`;
}

/** A chunked request whose trailer section is `size` bytes without the empty line at its end. */
function trailers(size: number, lines = 1): string {
  const others = "X-T: 1\r\n".repeat(lines - 1);
  const pad = "p".repeat(size - others.length - "X-Pad: \r\n".length);
  return chunked(`0\r\n${others}X-Pad: ${pad}\r\n\r\n`);
}

function chunked(body: string): string {
  return `POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
}

interface Limit {
  readonly option: string;
  readonly limit: number;
  readonly what: string;
  readonly section: string;
  readonly make: (size: number) => string;
  readonly body?: string;
  readonly reject: number | readonly number[];
}

const limits: readonly Limit[] = [
  {
    option: "headerSizeLimit",
    limit: 500,
    what: "a head",
    section: "RFC 6585 §5",
    make: (size) => head(size),
    reject: 431,
  },
  {
    option: "headerSizeLimit",
    limit: 500,
    what: "a head with a long target",
    section: "RFC 6585 §5",
    make: (size) => head(size, `/${"t".repeat(200)}`),
    reject: 431,
  },
  {
    option: "chunkLineSizeLimit",
    limit: 100,
    what: "a chunk line with an extension, CRLF included",
    section: "RFC 9112 §7.1.1",
    make: (size) => chunked(`5;${"e".repeat(size - 4)}\r\nhello\r\n0\r\n\r\n`),
    body: "hello",
    reject: [400, 413, 431],
  },
  {
    option: "chunkLineSizeLimit",
    limit: 100,
    what: "a chunk line of zeros, CRLF included",
    section: "RFC 9112 §7.1",
    make: (size) => chunked(`${"0".repeat(size - 3)}5\r\nhello\r\n0\r\n\r\n`),
    body: "hello",
    reject: [400, 413, 431],
  },
  {
    option: "chunkLineSizeLimit",
    limit: 100,
    what: "the line of the last chunk, CRLF included",
    section: "RFC 9112 §7.1.1",
    make: (size) => chunked(`5\r\nhello\r\n0;${"e".repeat(size - 4)}\r\n\r\n`),
    body: "hello",
    reject: [400, 413, 431],
  },
  {
    option: "chunkOverheadLimit",
    limit: 100,
    what: "the bytes of a chunked body that are not data, beyond as many as its data,",
    section: "RFC 9112 §7.1.1",
    // "5;…\r\n", "hello", "\r\n", "0\r\n": the lines and CRLFs, of which five are paid for by the data
    make: (size) => chunked(`5;${"e".repeat(size + 5 - 4 - 2 - 3)}\r\nhello\r\n0\r\n\r\n`),
    body: "hello",
    reject: [400, 413, 431],
  },
];

function vectorsOf({ option, limit, what, section, make, body, reject }: Limit): readonly Vector[] {
  const options = { [option]: limit };
  return [
    {
      name: `${what} as large as ${option}`,
      section,
      bytes: make(limit),
      options,
      accept: body === undefined ? {} : { body },
    },
    { name: `${what} one byte larger than ${option}`, section, bytes: make(limit + 1), options, reject },
  ];
}

testVectors(limits.flatMap(vectorsOf));

testVectors([
  {
    name: "a head of 32768 bytes by default",
    section: "RFC 6585 §5",
    bytes: head(32_768),
    accept: {},
  },
  { name: "a head of 32769 bytes by default", section: "RFC 6585 §5", bytes: head(32_769), reject: 431 },
  {
    name: "a trailer section as large as trailerSizeLimit",
    section: "RFC 9112 §7.1.2",
    bytes: trailers(100),
    options: { trailerSizeLimit: 100 },
    accept: { body: "", trailers: [["x-pad", "p".repeat(91)]] },
  },
  {
    name: "a trailer section one byte larger than trailerSizeLimit",
    section: "RFC 9112 §7.1.2",
    bytes: trailers(101),
    options: { trailerSizeLimit: 100 },
    reject: [400, 431],
  },
  {
    name: "a trailer section of many lines one byte larger than trailerSizeLimit",
    section: "RFC 9112 §7.1.2",
    bytes: trailers(101, 5),
    options: { trailerSizeLimit: 100 },
    reject: [400, 431],
  },
  {
    name: "more trailer fields than headerCountLimit",
    section: "RFC 9112 §7.1.2",
    bytes: chunked(`0\r\n${"X-T: 1\r\n".repeat(6)}\r\n`),
    options: { headerCountLimit: 5 },
    reject: [400, 431],
  },
  {
    name: "chunks of one byte by the thousand, as slow writers send them",
    section: "RFC 9112 §7.1",
    bytes: chunked("1\r\nx\r\n".repeat(4_000) + "0\r\n\r\n"),
    accept: { body: "x".repeat(4_000) },
  },
]);

Deno.test("a limit that is raised on a server holds for its connections (RFC 9110 §5.4)", async () => {
  const options = { headerSizeLimit: 100_000, headerCountLimit: 500, targetSizeLimit: 50_000 };
  await withServer(() => new Response(), options, async ({ connect }) => {
    const target = `/${"t".repeat(49_000)}`;
    const lines = Array.from({ length: 400 }, (_, index) => `X-${index}: ${"v".repeat(100)}\r\n`).join("");
    assertEquals((await connect().request(`GET ${target} HTTP/1.1\r\nHost: a\r\n${lines}\r\n`)).status, 200);
  });
});

Deno.test("accept() can override options for one connection (RFC 9110 §5.4)", async () => {
  await withServer(() => new Response(), { targetSizeLimit: 10 }, async ({ server, connect }) => {
    const pair = connectionPair();
    server.accept(pair.server, { targetSizeLimit: 20 });
    const raised = new RawClient(pair.client);
    assertEquals((await raised.request("GET /123456789012 HTTP/1.1\r\nHost: a\r\n\r\n")).status, 200);
    await raised.close();
    const other = connect();
    other.offer("GET /123456789012 HTTP/1.1\r\nHost: a\r\n\r\n");
    assertEquals((await other.readResponse()).status, 414);
  });
});

/** A handler that runs until it is told to go on, in the order of its requests. */
function gated() {
  const gates: (() => void)[] = [];
  const state = { running: 0, most: 0, order: [] as string[] };
  const handler: Handler = async (_, exchange) => {
    state.order.push(exchange.target);
    state.most = Math.max(state.most, ++state.running);
    await new Promise<void>((resolve) => gates.push(resolve));
    state.running--;
    return new Response(exchange.target);
  };
  return { handler, gates, state };
}

function ask(raw: AcceptedClient, target: string): void {
  raw.offer(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
}

Deno.test("handlerLimit handlers run at once, and further requests wait in order", async () => {
  const { handler, gates, state } = gated();
  await withServer(handler, { handlerLimit: 2 }, async ({ connect, server }) => {
    const clients = Array.from({ length: 5 }, () => connect());
    for (const [index, raw] of clients.entries()) {
      ask(raw, `/${index}`);
      await turns(3);
    }
    assertEquals(state.order, ["/0", "/1"]);
    assertEquals(server.stats.runningHandlers, 2);
    for (const [index, raw] of clients.entries()) {
      await within(
        "a gate",
        (async () => {
          while (gates.length === 0) await turns(1);
        })(),
      );
      gates.shift()?.();
      assertEquals((await raw.readResponse()).text, `/${index}`);
    }
    assertEquals(state.order, ["/0", "/1", "/2", "/3", "/4"]);
    assertEquals(state.most, 2);
  });
});

Deno.test("a slot of handlerLimit is free again when a handler fails", async () => {
  const handler: Handler = () => Promise.reject(new Error("a bug"));
  await withServer(handler, { handlerLimit: 1 }, async ({ connect }) => {
    for (let index = 0; index < 5; index++) assertEquals((await connect().request(get)).status, 500);
  });
});

Deno.test("a slot of handlerLimit is not free while a handler runs whose client is gone", async () => {
  const { handler, gates, state } = gated();
  await withServer(handler, { handlerLimit: 1 }, async ({ connect, server }) => {
    const gone = connectionPair();
    server.accept(gone.server);
    await gone.client.write(new TextEncoder().encode("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n"));
    await turns();
    gone.client.reset();
    const raw = connect();
    ask(raw, "/next");
    await turns();
    assertEquals(state.order, ["/gone"]);
    gates.shift()?.();
    await turns();
    gates.shift()?.();
    assertEquals((await raw.readResponse()).text, "/next");
  });
});

Deno.test("a request whose client leaves while it waits for handlerLimit is never run", async () => {
  const { handler, gates, state } = gated();
  await withServer(handler, { handlerLimit: 1 }, async ({ connect, server }) => {
    const first = connect();
    ask(first, "/first");
    await turns();
    const gone = connectionPair();
    server.accept(gone.server);
    await gone.client.write(new TextEncoder().encode("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n"));
    await turns();
    gone.client.reset();
    while (server.clients.size > 1) await turns(); // a held connection is looked at once a tick
    gates.shift()?.();
    assertEquals((await first.readResponse()).text, "/first");
    await turns();
    assertEquals(state.order, ["/first"]);
    assert(server.stats.runningHandlers === 0, "a handler runs for nobody");
  });
});
