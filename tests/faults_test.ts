/** What a developer gets wrong is told, and ends neither the server nor another's exchange. */

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { type Handler, HttpError, HttpServer } from "../mod.ts";
import { turns, until } from "./support/deadline.ts";
import { withServer, withTcpServer } from "./support/server.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

Deno.test("HttpError refuses header fields that no message may have, where it is made", () => {
  for (const headers of [{ "a b": "1" }, { a: "€" }, { a: "1\r\nb: 2" }]) {
    assertThrows(() => new HttpError(401, "no", { headers }), TypeError);
  }
  const headers = { a: "1" };
  const error = new HttpError(401, "no", { headers });
  headers.a = "\r\n";
  assertEquals(new Headers(error.headers).get("a"), "1");
});

/** An error that has become one that cannot be answered after it was made. */
function spoilt(): HttpError {
  return Object.defineProperty(new HttpError(401), "headers", { value: { "a b": "€" } });
}

const FAILING: Readonly<Record<string, Handler>> = {
  "throws it": () => {
    throw spoilt();
  },
  "rejects with it": async () => {
    await Promise.resolve();
    throw spoilt();
  },
};

for (const [how, failing] of Object.entries(FAILING)) {
  for (const version of ["HTTP/1.1", "HTTP/2"]) {
    Deno.test(`an HttpError with fields that no message may have is reported and answered 500: a handler ${how}, ${version}`, async () => {
      const logged: unknown[] = [];
      const handler: Handler = (request, exchange) =>
        exchange.target === "/" ? failing(request, exchange) : new Response("fine");
      const log = (error: unknown) => void logged.push(error);
      await withTcpServer(
        handler,
        { log, http2: version === "HTTP/2" ? "only" : false },
        async ({ origin }) => {
          const client = Deno.createHttpClient({ http1: version !== "HTTP/2", http2: version === "HTTP/2" });
          const answer = await fetch(`${origin}/`, { client });
          assertEquals([answer.status, await answer.text()], [500, "Internal Server Error\n"]);
          assertEquals(logged.length, 1);
          assertEquals(await (await fetch(`${origin}/fine`, { client })).text(), "fine");
          client.close();
        },
      );
    });
  }
}

Deno.test("a log and a callback of onClose() that reject are told on the console, and end nothing", async () => {
  const told: unknown[] = [];
  const { error: real } = console;
  console.error = (...entry: unknown[]) => void told.push(entry.at(-1)); // behind the request
  const failures = ["of the log", "of the callback"].map((message) => new Error(message));
  const log = () => Promise.reject(failures[0]);
  const handler: Handler = (_request, { client }) => {
    client.onClose(() => Promise.reject(failures[1]));
    throw new Error("of the handler");
  };
  try {
    await withServer(handler, { log }, async ({ connect }) => {
      const raw = connect();
      assertEquals((await raw.request(GET)).status, 500);
      await raw.close();
      await raw.serverClosed();
      await turns();
    });
  } finally {
    console.error = real;
  }
  // each failure of the log, and what was to be logged
  assertEquals(told.map((error) => error instanceof Error && error.message), [
    "of the log",
    "of the handler",
    "of the log",
    "of the callback",
  ]);
});

Deno.test("HttpServer.stop() refuses what is no time", async () => {
  const server = new HttpServer(() => new Response());
  for (const timeout of [NaN, -1, "5"]) {
    await assertRejects(() => Reflect.apply(server.stop, server, [timeout]), RangeError, "stop: timeout is");
  }
  await server.stop(2 ** 40);
});

Deno.test("exchange.bodySizeLimit refuses what is no number", async () => {
  const messages: string[] = [];
  const handler: Handler = (_request, exchange) => {
    for (const limit of ["1mb", NaN, -1]) {
      try {
        Reflect.set(exchange, "bodySizeLimit", limit);
      } catch (error) {
        messages.push(String(error));
      }
    }
    return new Response();
  };
  await withServer(handler, {}, async ({ connect }) => {
    await connect().request(GET);
  });
  assertEquals(messages.length, 3);
  for (const message of messages) assertStringIncludes(message, "must be 0 or more bytes");
});

Deno.test("a connection that was taken over is closed once both sides have ended, and counts no longer", async () => {
  const handler: Handler = (_request, exchange) =>
    exchange.upgrade((connection) => connection.readable.pipeTo(connection.writable));
  await withTcpServer(handler, { connectionLimit: 2 }, async ({ connect, server }) => {
    for (let round = 0; round < 5; round++) {
      const raw = await connect();
      await raw.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nbytes");
      await raw.end();
      assertEquals((await raw.readToEnd()).slice(-9), "\r\n\r\nbytes");
      await until("the client's end", () => server.clients.size === 0);
    }
  });
});
