/** RFC 9112 §9.3: a body that the handler does not read is read by the server, or the connection closes. */

import type { Handler } from "../../mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { steady, within } from "../support/deadline.ts";
import { hasConnectionOption } from "../support/response_parser.ts";
import { type AcceptedClient, withServer } from "../support/server.ts";

const behind = "GET /behind HTTP/1.1\r\nHost: a\r\n\r\n";
const ignoring: Handler = (_, exchange) => new Response(exchange.target);

function post(length: number, sent: number): string {
  return `POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${"x".repeat(sent)}`;
}

/** Whatever the server decides, bytes of the first body are never a request. */
async function expectSecondOrClose(raw: AcceptedClient, closes: boolean): Promise<boolean> {
  if (closes) {
    await raw.expectEnd();
    return false;
  }
  assertEquals((await raw.readResponse()).text, "/behind");
  return true;
}

for (
  const [name, bytes] of [
    ["Content-Length", post(37, 0) + "GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n".slice(0, 37)],
    [
      "chunks",
      "POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
    ],
    [
      "many chunks",
      `POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${
        "5\r\nhello\r\n".repeat(100)
      }0\r\n\r\n`,
    ],
  ] as const
) {
  for (const step of [undefined, 1]) {
    const how = step === undefined ? "at once" : "byte by byte";
    Deno.test(`an unread body by ${name}, ${how}, is never a request (RFC 9112 §9.3)`, async () => {
      await withServer(ignoring, {}, async ({ connect, server }) => {
        const raw = connect(step === undefined ? {} : { step });
        raw.offer(bytes + behind);
        const first = await raw.readResponse();
        assertEquals(first.text, "/first");
        const second = await expectSecondOrClose(raw, hasConnectionOption(first, "close"));
        assertEquals(server.stats.requests, second ? 2 : 1);
      });
    });
  }
}

Deno.test("an unread body that arrives after the response is never a request (RFC 9112 §9.3)", async () => {
  await withServer(ignoring, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(post(1000, 0));
    const first = await raw.readResponse();
    assertEquals(first.text, "/first");
    const body = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    raw.offer(body + "x".repeat(1000 - body.length) + behind);
    await expectSecondOrClose(raw, hasConnectionOption(first, "close"));
  });
});

Deno.test("an unread body of drainLimit bytes is drained, and the connection goes on (RFC 9112 §9.3)", async () => {
  await withServer(ignoring, { drainLimit: 1000 }, async ({ connect }) => {
    const raw = connect();
    await raw.send(post(1000, 0));
    const first = await raw.readResponse();
    assert(!hasConnectionOption(first, "close"), "the response says close");
    raw.offer("x".repeat(1000) + behind);
    assertEquals((await raw.readResponse()).text, "/behind");
  });
});

Deno.test("an unread body of drainLimit + 1 bytes ends the connection (RFC 9112 §9.3)", async () => {
  await withServer(ignoring, { drainLimit: 1000 }, async ({ connect, server }) => {
    const raw = connect();
    await raw.send(post(1001, 0));
    assertEquals((await raw.readResponse()).text, "/first");
    raw.offer("x".repeat(1001) + behind);
    await raw.expectEnd();
    assertEquals(server.stats.requests, 1);
  });
});

Deno.test("an endless chunked body that nobody reads ends the connection (RFC 9112 §9.3)", async () => {
  await withServer(ignoring, { drainLimit: 1000, lingerTimeout: 200 }, async ({ connect, server }) => {
    const raw = connect();
    await raw.send("POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    assertEquals((await raw.readResponse()).text, "/first");
    raw.offer(`64\r\n${"x".repeat(100)}\r\n`.repeat(10_000));
    await raw.expectEnd();
    assertEquals(server.stats.requests, 1);
  });
});

Deno.test("a body read in part leaves the next request intact, or closes (RFC 9112 §9.3)", async () => {
  const handler: Handler = async (request, exchange) => {
    const reader = request.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    return new Response(exchange.target);
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(post(20, 10));
    const first = await raw.readResponse();
    assertEquals(first.text, "/first");
    raw.offer("y".repeat(10) + behind);
    await expectSecondOrClose(raw, hasConnectionOption(first, "close"));
  });
});

Deno.test("a body left unread while the response streams is never a request (RFC 9112 §9.3)", async () => {
  const handler: Handler = (_, exchange) => {
    return new Response(exchange.target === "/first" ? new Blob(["/first"]).stream() : exchange.target);
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(post(50_000, 50_000) + behind);
    const first = await raw.readResponse();
    assertEquals(first.text, "/first");
    await expectSecondOrClose(raw, hasConnectionOption(first, "close"));
  });
});

Deno.test("a handler that answers early can still read the body afterwards (RFC 9110 §9.3.3)", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const handler: Handler = (request) => {
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(new TextEncoder().encode("early "));
        const text = await request.text();
        resolve(text);
        controller.enqueue(new TextEncoder().encode(text));
        controller.close();
      },
    });
    return new Response(body);
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(post(10, 5));
    assertEquals((await raw.readHead()).status, 200);
    await raw.send("yyyyy");
    assertEquals(await within("the body", promise), "xxxxxyyyyy");
  });
});

Deno.test("an echo streams a body larger than every buffer (RFC 9110 §9.3.3)", async () => {
  const size = 3_000_000;
  const options = { bodySizeLimit: size };
  await withServer((request) => new Response(request.body), options, async ({ connect }) => {
    const raw = connect();
    raw.offer(post(size, size) + behind);
    const first = await raw.readResponse();
    assertEquals(first.body.length, size);
    assert(first.body.every((byte) => byte === 120), "other bytes came back");
    assertEquals((await raw.readResponse()).status, 200);
  });
});

Deno.test("a body that is read slowly is not read ahead without bound (RFC 9112 §9.3)", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const handler: Handler = async (request) => {
    const reader = request.body?.getReader();
    await reader?.read();
    await gate;
    let size = 0;
    for (;;) {
      const { done, value } = await reader?.read() ?? { done: true, value: undefined };
      if (done) break;
      size += value.length;
    }
    return new Response(`${size > 0}`);
  };
  await withServer(handler, { bodySizeLimit: null }, async ({ connect }) => {
    const raw = connect();
    let written = 0;
    await raw.send(post(8_000_000, 0));
    const piece = new Uint8Array(100_000);
    const writing = (async () => {
      for (; written < 8_000_000; written += piece.length) await raw.send(piece);
    })();
    const ahead = await steady(() => written);
    assert(ahead < 2_000_000, `${ahead} bytes were taken from a client whose body nobody reads`);
    open();
    await writing;
    assertEquals((await raw.readResponse()).text, "true");
  });
});

for (
  const framing of [
    "Content-Length: 4\r\n\r\nbody",
    "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
  ]
) {
  Deno.test(`a body that is too large is answered 413 and the connection closed, even where all of it has come: ${framing.slice(0, 8)} (RFC 9110 §15.5.14)`, async () => {
    const reading: Handler = async (request) => new Response(await request.text());
    for (const [bodySizeLimit, status] of [[3, 413], [4, 200]] as const) {
      await withServer(reading, { bodySizeLimit }, async ({ connect }) => {
        const raw = connect();
        await raw.send(`POST / HTTP/1.1\r\nHost: a\r\n${framing}`);
        const response = await raw.readResponse();
        assertEquals(response.status, status);
        if (status === 413) await raw.expectClosedAfter(response);
        else await raw.expectOpen();
      });
    }
  });
}
