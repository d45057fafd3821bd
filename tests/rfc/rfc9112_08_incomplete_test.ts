/** RFC 9112 §8: messages that end before they are complete. */

import { ClientDisconnectedError, type Handler } from "../../mod.ts";
import { assert, assertEquals, assertOneOf, rejection } from "../support/assert.ts";
import { until, within } from "../support/deadline.ts";
import { withServer } from "../support/server.ts";
import { Recorder } from "../support/vectors.ts";

const section = "RFC 9112 §8";

/** Requests that the client ends its side in the middle of. */
const cut: readonly (readonly [name: string, bytes: string])[] = [
  ["in the method", "GE"],
  ["in the target", "GET /abc"],
  ["in the version", "GET / HTTP/1."],
  ["between CR and LF of the request line", "GET / HTTP/1.1\r"],
  ["after the request line", "GET / HTTP/1.1\r\n"],
  ["in a field name", "GET / HTTP/1.1\r\nHo"],
  ["after the last field line", "GET / HTTP/1.1\r\nHost: a\r\n"],
  ["in the middle of the last CRLF", "GET / HTTP/1.1\r\nHost: a\r\n\r"],
  ["ahead of a body by Content-Length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"],
  ["in a body by Content-Length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell"],
  ["in a body of HTTP/1.0", "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhell"],
  ["ahead of the first chunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ...[
    ["in a chunk-size", "5"],
    ["in a chunk extension", "5;a"],
    ["after a chunk-size", "5\r\n"],
    ["in chunk-data", "5\r\nhel"],
    ["ahead of the CRLF behind chunk-data", "5\r\nhello"],
    ["between chunks", "5\r\nhello\r\n"],
    ["in the last chunk", "5\r\nhello\r\n0"],
    ["ahead of the trailer section", "5\r\nhello\r\n0\r\n"],
    ["in the trailer section", "5\r\nhello\r\n0\r\nX-T: 1\r\n"],
    ["in the CRLF that ends the body", "5\r\nhello\r\n0\r\n\r"],
  ].map(([name, body]) =>
    [name ?? "", `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`] as const
  ),
];

for (const [name, bytes] of cut) {
  for (const [how, options] of [["at once", {}], ["byte by byte", { step: 1 }]] as const) {
    Deno.test(`a request cut ${name} is never complete, ${how} (${section})`, async () => {
      const recorder = new Recorder();
      await withServer(recorder.handler, {}, async ({ connect }) => {
        const raw = connect(options);
        raw.offer(bytes);
        raw.offerEnd();
        const version = bytes.includes("HTTP/1.0") ? "HTTP/1.0" : "HTTP/1.1";
        const response = await raw.tryResponse({ version });
        assertOneOf(response?.status ?? 400, [400, 408], "the status, where there is a response");
        await raw.expectEnd();
        await raw.serverClosed();
        assertEquals(recorder.seen.filter(({ body }) => body !== null), []);
      });
    });
  }
}

Deno.test(`a connection that ends before any byte gets no response (${section})`, async () => {
  await withServer(new Recorder().handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.end();
    await raw.expectEnd();
    await raw.serverClosed();
  });
});

Deno.test(`a connection that ends between requests gets no further response (${section})`, async () => {
  await withServer(new Recorder().handler, {}, async ({ connect }) => {
    const raw = connect();
    assertEquals((await raw.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).status, 200);
    await raw.end();
    await raw.expectEnd();
    await raw.serverClosed();
  });
});

Deno.test(`an empty line and the end of the connection get no response (${section})`, async () => {
  await withServer(new Recorder().handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send("\r\n");
    await raw.end();
    const response = await raw.tryResponse();
    assertOneOf(response?.status ?? 400, [400], "the status, where there is a response");
    await raw.serverClosed();
  });
});

/** Every way to read a body, which must fail when the body is cut. */
const readers: Readonly<Record<string, (request: Request) => Promise<unknown>>> = {
  arrayBuffer: (request) => request.arrayBuffer(),
  blob: (request) => request.blob(),
  bytes: (request) => request.bytes(),
  formData: (request) => request.formData(),
  json: (request) => request.json(),
  text: (request) => request.text(),
  "body's reader": async (request) => {
    for await (const _ of request.body ?? []) continue;
  },
  "body piped": async (request) => {
    await request.body?.pipeTo(new WritableStream());
  },
  "clone's text": async (request) => {
    const copy = request.clone();
    await Promise.all([request.text(), copy.text()]);
  },
  "copy's text": (request) => new Request(request).text(),
};

for (const [name, read] of Object.entries(readers)) {
  Deno.test(`a cut body rejects the handler's ${name} (${section})`, async () => {
    const { promise, resolve } = Promise.withResolvers<Error>();
    async function handler(request: Request): Promise<Response> {
      resolve(await rejection(read(request), name));
      return new Response();
    }
    await withServer(handler, {}, async ({ connect }) => {
      const raw = connect();
      const type = "Content-Type: application/x-www-form-urlencoded\r\n";
      await raw.send(`POST / HTTP/1.1\r\nHost: a\r\n${type}Content-Length: 5\r\n\r\na=1`);
      await raw.end();
      const error = await within("the rejection", promise);
      assert(error instanceof ClientDisconnectedError, `got ${error.name}: ${error.message}`);
    });
  });
}

Deno.test(`what arrived of a cut body reaches a streaming handler before the error (${section})`, async () => {
  const { promise, resolve } = Promise.withResolvers<readonly [string, Error]>();
  const { promise: first, resolve: arrived } = Promise.withResolvers<void>();
  async function handler(request: Request): Promise<Response> {
    let text = "";
    const reading = (async () => {
      for await (const piece of request.body ?? []) {
        text += new TextDecoder().decode(piece);
        arrived();
      }
    })();
    const error = await rejection(reading, "the body");
    resolve([text, error]);
    return new Response();
  }
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    await within("the first piece", first);
    await raw.end();
    const [text, error] = await within("the rejection", promise);
    assertEquals(text, "hello");
    assert(error instanceof ClientDisconnectedError, `got ${error.name}`);
  });
});

Deno.test(`a cut request leaves no client and nothing pending (${section})`, async () => {
  const slow: Handler = async (request) => new Response(await request.text());
  await withServer(slow, {}, async ({ connect, server }) => {
    for (const [, bytes] of cut) {
      const raw = connect();
      raw.offer(bytes);
      await raw.close();
    }
    await until("the end of all clients", () => server.clients.size === 0);
    const { pendingRequests, pendingResponses, runningHandlers } = server.stats;
    assertEquals({ pendingRequests, pendingResponses, runningHandlers }, {
      pendingRequests: 0,
      pendingResponses: 0,
      runningHandlers: 0,
    });
  });
});
