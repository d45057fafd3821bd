/** What only a real socket shows: segments, resets, half-closed sides, and a response that must not be lost. */

import { ClientDisconnectedError, type Handler } from "../../mod.ts";
import { assert, assertEquals, assertOneOf, rejection } from "../support/assert.ts";
import { pass, steady, until, within } from "../support/deadline.ts";
import { withTcpServer } from "../support/server.ts";

const echo: Handler = async (request, exchange) => new Response(exchange.target + await request.text());

function get(target: string, lines = ""): string {
  return `GET ${target} HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
}

Deno.test("requests persist on one TCP connection (RFC 9112 §9.3)", async () => {
  await withTcpServer(echo, {}, async ({ connect, server }) => {
    const raw = await connect();
    for (let turn = 0; turn < 50; turn++) assertEquals((await raw.request(get(`/${turn}`))).text, `/${turn}`);
    assertEquals(server.stats.accepted, 1);
  });
});

Deno.test("a request in a segment for each byte is one request (RFC 9112 §2.2)", async () => {
  await withTcpServer(echo, {}, async ({ connect }) => {
    const raw = await connect();
    const bytes =
      'POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x="y"\r\nhello\r\n0\r\nX-T: 1\r\n\r\n';
    for (const byte of bytes) {
      await raw.send(byte);
      await pass(1);
    }
    assertEquals((await raw.readResponse()).text, "/ahello");
    await raw.expectOpen();
  });
});

Deno.test("a thousand pipelined requests are answered in order (RFC 9112 §9.3.2)", async () => {
  await withTcpServer(echo, {}, async ({ connect }) => {
    const raw = await connect();
    raw.offer(Array.from({ length: 1000 }, (_, index) => get(`/${index}`)).join(""));
    for (let index = 0; index < 1000; index++) assertEquals((await raw.readResponse()).text, `/${index}`);
  });
});

for (const halfClose of ["abort", "answer"] as const) {
  Deno.test(`a client that ends its side gets its response, with halfClose "${halfClose}" (RFC 9112 §9.6)`, async () => {
    await getsResponse(halfClose);
  });
}

async function getsResponse(halfClose: "abort" | "answer"): Promise<void> {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const slow: Handler = async (request) => {
    await gate;
    return new Response(`aborted ${request.signal.aborted}`);
  };
  await withTcpServer(slow, { halfClose }, async ({ connect }) => {
    const raw = await connect();
    await raw.send(get("/"));
    await raw.end();
    await pass(50);
    open();
    assertEquals((await raw.readResponse()).text, `aborted ${halfClose === "abort"}`);
    await raw.expectEnd();
  });
}

// §9.6: a server closes in stages, its write side first, so that a reset does not destroy the last response
for (
  const [name, bytes, status] of [
    ["a request line that is too long", `GET /${"a".repeat(300_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    ["bytes that are no HTTP", "BAD\r\n\r\n" + "x".repeat(300_000), 400],
    [
      "a body that is too large",
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n${"x".repeat(300_000)}`,
      413,
    ],
    [
      "a chunked body that is too large",
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${
        `3e8\r\n${"x".repeat(1000)}\r\n`.repeat(300)
      }`,
      413,
    ],
    ["close ahead of more bytes", get("/", "Connection: close\r\n") + get("/more").repeat(5_000), 200],
  ] as const
) {
  Deno.test(`the response to ${name} is not lost to a reset (RFC 9112 §9.6)`, async () => {
    await withTcpServer(echo, { bodySizeLimit: 1000 }, async ({ connect }) => {
      const raw = await connect();
      raw.offer(bytes);
      await pass(100);
      const response = await raw.readResponse();
      assertEquals(response.status, status);
      await raw.expectClosedAfter(response);
    });
  });
}

Deno.test("a client that vanishes in the middle of its body is noticed (RFC 9112 §8)", async () => {
  const { promise, resolve } = Promise.withResolvers<Error>();
  const handler: Handler = async (request) => {
    resolve(await rejection(request.text(), "the body"));
    return new Response();
  };
  await withTcpServer(handler, {}, async ({ connect, server }) => {
    const raw = await connect();
    await raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc");
    await raw.close();
    assert(await within("the error", promise) instanceof ClientDisconnectedError, "another error");
    await until("the end of the client", () => server.clients.size === 0);
  });
});

Deno.test("a client that vanishes in the middle of a response ends its stream (RFC 9112 §8)", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const handler: Handler = () => {
    const pull = (controller: ReadableStreamDefaultController) => controller.enqueue(new Uint8Array(16_384));
    return new Response(new ReadableStream({ pull, cancel: () => resolve() }));
  };
  await withTcpServer(handler, {}, async ({ connect, server }) => {
    const raw = await connect();
    await raw.send(get("/"));
    await raw.readHead();
    await raw.close();
    await within("the cancellation", promise);
    await until("the end of the client", () => server.clients.size === 0);
  });
});

Deno.test("a stream is pulled only as fast as the client reads (RFC 9112 §9.3)", async () => {
  let pulled = 0;
  const handler: Handler = () => {
    const pull = (controller: ReadableStreamDefaultController) => {
      if (++pulled > 2000) return controller.close();
      controller.enqueue(new Uint8Array(16_384));
    };
    return new Response(new ReadableStream({ pull }));
  };
  await withTcpServer(handler, { streamTimeout: 30_000 }, async ({ connect }) => {
    const raw = await connect();
    await raw.send(get("/"));
    await raw.readHead();
    const ahead = await steady(() => pulled, 300);
    assert(ahead > 0 && ahead < 1500, `${ahead} of 2000 pieces were pulled for a client that does not read`);
  });
});

Deno.test("small responses are not held back for more (RFC 9112 §9.3)", async () => {
  await withTcpServer(
    () => new Response(ReadableStream.from([new Uint8Array(3), new Uint8Array(3)])),
    {},
    async ({ connect }) => {
      const raw = await connect();
      assertEquals((await raw.request(get("/warm"))).body.length, 6);
      const start = performance.now();
      for (let turn = 0; turn < 20; turn++) await raw.request(get("/"));
      const each = (performance.now() - start) / 20;
      assert(each < 30, `each took ${each} ms, as if delayed`);
    },
  );
});

Deno.test("one connection that fails leaves the others alone (RFC 9112 §9.6)", async () => {
  await withTcpServer(echo, {}, async ({ connect, server }) => {
    const good = await connect();
    for (let turn = 0; turn < 20; turn++) {
      const bad = await connect();
      bad.offer(turn % 2 ? "BAD\r\n\r\n" : get("/half").slice(0, -2));
      if (turn % 2) assertOneOf((await bad.readResponse()).status, [400], "the status");
      await bad.close();
      assertEquals((await good.request(get(`/${turn}`))).text, `/${turn}`);
    }
    await until("the end of all but one client", () => server.clients.size === 1);
  });
});

Deno.test("requests come over a unix socket as over TCP (RFC 9112 §9)", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  const handler: Handler = (request, exchange) =>
    Response.json([request.url, exchange.client.isUnix, exchange.client.remotePort]);
  try {
    await withTcpServer(handler, {}, async ({ server }) => {
      server.listen({ path });
      const client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
      const response = await fetch("http://a/x", { client });
      assertEquals(await response.json(), ["http://a/x", true, null]);
      client.close();
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("one server listens on several ports with options of their own (RFC 9112 §9)", async () => {
  await withTcpServer(echo, {}, async ({ server, origin }) => {
    const { addr } = server.listen({ hostname: "127.0.0.1", port: 0, targetSizeLimit: 10 });
    assert(addr.transport === "tcp", "a port");
    const other = `http://127.0.0.1:${addr.port}`;
    const answers = await Promise.all(
      [`${origin}/12345678901`, `${other}/1`, `${other}/12345678901`].map((url) => fetch(url)),
    );
    assertEquals(answers.map(({ status }) => status), [200, 200, 414]);
    await Promise.all(answers.map((answer) => answer.body?.cancel()));
  });
});
