/** A client that ends its side, or leaves, while its response is awaited or under way: over real sockets. */

import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { ClientDisconnectedError, type Exchange, type Handler, HttpServer } from "../../mod.ts";
import { assert, assertEquals, assertLacks, thrown } from "../support/assert.ts";
import { pass, turns, until, within } from "../support/deadline.ts";
import { withTcpServer } from "../support/server.ts";

const ENCODER = new TextEncoder();
const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** What a signal has aborted with. */
function abortion(signal: AbortSignal): Promise<DOMException> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(signal.reason)));
}

/** A stream that a test feeds, and whether it was cancelled. */
class Feed {
  controller!: ReadableStreamDefaultController<Uint8Array>;
  isCancelled = false;
  readonly body: ReadableStream<Uint8Array> = new ReadableStream({
    start: (controller) => void (this.controller = controller),
    cancel: () => void (this.isCancelled = true),
  });

  send(text: string): void {
    this.controller.enqueue(ENCODER.encode(text));
  }
}

function openHttp2(origin: string): ClientHttp2Session {
  const session = connectHttp2(origin);
  session.on("error", () => {});
  return session;
}

Deno.test("a client that ends its side aborts request.signal at once, by an AbortError (RFC 9112 §9.6)", async () => {
  const began = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<{ reason: DOMException; at: number }>();
  const handler: Handler = async (request) => {
    began.resolve();
    aborted.resolve({ reason: await abortion(request.signal), at: performance.now() });
    return new Response("all the same");
  };
  await withTcpServer(handler, {}, async ({ connect }) => {
    const raw = await connect();
    await raw.send(get);
    await within("the request", began.promise);
    await pass(20);
    const endedAt = performance.now();
    await raw.end();
    const { reason, at } = await within("the abortion", aborted.promise);
    assert(at - endedAt < 90, `the signal aborted after ${at - endedAt} ms`);
    assert(reason instanceof ClientDisconnectedError, "the reason is a ClientDisconnectedError");
    assertEquals([reason.name, reason.code], ["AbortError", 20]);
    assertEquals((await raw.readResponse()).text, "all the same");
    await raw.expectEnd();
  });
});

Deno.test("a signal that is asked for after the client has left has aborted", async () => {
  const gone = Promise.withResolvers<void>();
  const state = Promise.withResolvers<boolean>();
  const handler: Handler = async (request) => {
    await gone.promise;
    state.resolve(request.signal.aborted);
    return new Response();
  };
  await withTcpServer(handler, {}, async ({ connect }) => {
    const raw = await connect();
    await raw.send(get);
    await raw.close();
    await pass(50);
    gone.resolve();
    assertEquals(await within("the state", state.promise), true);
  });
});

Deno.test("an idle event stream ends within seconds of its client's leaving, and leaves nothing", async () => {
  const feeds: Feed[] = [];
  const signals: AbortSignal[] = [];
  const handler: Handler = (request) => {
    const feed = new Feed();
    feeds.push(feed);
    signals.push(request.signal);
    feed.send("data: 1\n\n");
    return new Response(feed.body, { headers: { "content-type": "text/event-stream" } });
  };
  await withTcpServer(handler, {}, async ({ connect, server }) => {
    for (let index = 0; index < 10; index++) {
      const raw = await connect();
      await raw.send(get);
      await raw.readHead();
      await raw.close();
    }
    await until("the abortion of all signals", () => signals.every(({ aborted }) => aborted), 500);
    await until("the end of all clients", () => server.stats.clients === 0, 2_500);
    assertEquals(feeds.map(({ isCancelled }) => isCancelled), Array(10).fill(true));
    assertEquals(server.stats.pendingResponses, 0);
  });
});

Deno.test("a stream goes on for a client that has ended its side, as long as it gives data (RFC 9112 §9.6)", async () => {
  const feed = new Feed();
  const handler: Handler = () => new Response(feed.body, { headers: { "content-length": "6" } });
  await withTcpServer(handler, {}, async ({ connect }) => {
    const raw = await connect();
    await raw.send(get);
    feed.send("0");
    await raw.readHead();
    await raw.end();
    for (let index = 1; index <= 5; index++) {
      await pass(300);
      feed.send(`${index}`);
    }
    feed.controller.close();
    assertEquals(await raw.readToEnd(), "012345");
  });
});

Deno.test("a stream that gives nothing for a second after the client's end is cut (RFC 9112 §8)", async () => {
  const feed = new Feed();
  await withTcpServer(() => new Response(feed.body), {}, async ({ connect }) => {
    const raw = await connect();
    await raw.send(get);
    feed.send("first");
    await raw.readHead();
    const endedAt = performance.now();
    await raw.end();
    const rest = await raw.readToEnd();
    const time = performance.now() - endedAt;
    assert(time > 900 && time < 2_000, `the response was cut after ${time} ms`);
    assertLacks(rest, "0\r\n\r\n", "the body");
    assertEquals(feed.isCancelled, true);
  });
});

Deno.test("what a stream gives in the turn in which the signal aborts is not sent", async () => {
  const feed = new Feed();
  const handler: Handler = (request) => {
    request.signal.addEventListener("abort", () => feed.send("for nobody"));
    feed.send("first");
    return new Response(feed.body);
  };
  await withTcpServer(handler, {}, async ({ connect }) => {
    const raw = await connect();
    await raw.send(get);
    await raw.readHead();
    await raw.end();
    const rest = await raw.readToEnd();
    assertLacks(rest, "for nobody", "the body");
    assertLacks(rest, "0\r\n\r\n", "the body");
    assertEquals(feed.isCancelled, true);
  });
});

Deno.test("the end of an HTTP/2 connection aborts its requests at once, and waits for no handler", async () => {
  const reasons: DOMException[] = [];
  let began = 0;
  const handler: Handler = async (request) => {
    began++;
    reasons.push(await abortion(request.signal));
    return await new Promise<Response>(() => {}); // never answers
  };
  await withTcpServer(handler, {}, async ({ origin, server }) => {
    const session = openHttp2(origin);
    for (let index = 0; index < 3; index++) session.request({ ":path": `/${index}` }).on("error", () => {});
    await until("the requests", () => began === 3);
    session.destroy();
    await until("the abortions", () => reasons.length === 3, 300);
    assertEquals(reasons.map(({ name }) => name), Array(3).fill("AbortError"));
    await until("the end of the client", () => server.stats.clients === 0, 2_000);
  });
});

Deno.test("the end of an HTTP/2 connection cancels its streams", async () => {
  const feed = new Feed();
  await withTcpServer(() => new Response(feed.body), {}, async ({ origin, server }) => {
    const session = openHttp2(origin);
    const stream = session.request({ ":path": "/" }).on("error", () => {});
    feed.send("first");
    await new Promise((resolve) => stream.on("data", resolve));
    session.destroy();
    await until("the cancellation", () => feed.isCancelled, 500);
    await until("the end of the client", () => server.stats.clients === 0, 500);
  });
});

// upgrade()

Deno.test("exchange.upgrade() throws once the client has left, and after the answer", async () => {
  const left = Promise.withResolvers<Error>();
  let kept: Exchange | null = null;
  const handler: Handler = async (request, exchange) => {
    if (exchange.target === "/over") {
      kept = exchange;
      return new Response("over");
    }
    await abortion(request.signal);
    left.resolve(thrown(() => exchange.upgrade(() => {}), "upgrade()"));
    return new Response();
  };
  await withTcpServer(handler, {}, async ({ connect }) => {
    const asked = "Host: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
    const raw = await connect();
    assertEquals((await raw.request(`GET /over HTTP/1.1\r\n${asked}`)).text, "over");
    const error = thrown(() => kept!.upgrade(() => {}), "upgrade()");
    assertEquals([error.name, error.message], [
      "TypeError",
      "exchange.upgrade: the request was answered before",
    ]);
    await raw.send(`GET /left HTTP/1.1\r\n${asked}`);
    await turns();
    await raw.close();
    const gone = await within("the error", left.promise);
    assert(gone instanceof ClientDisconnectedError, `upgrade() throws ${gone}`);
  });
});

// stop()

Deno.test("stop() answers the first request of a connection that was accepted just before", async () => {
  const server = new HttpServer(() => new Response("answered"));
  const { addr } = server.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = addr as Deno.NetAddr;
  using fresh = await Deno.connect({ hostname: "127.0.0.1", port });
  await until("the client", () => server.stats.clients === 1);
  const stopped = server.stop(5_000);
  await pass(100);
  await fresh.write(ENCODER.encode(get));
  const buffer = new Uint8Array(1000);
  const count = await within("the answer", fresh.read(buffer));
  const answer = new TextDecoder().decode(buffer.subarray(0, count ?? 0));
  assert(answer.startsWith("HTTP/1.1 200 ") && answer.endsWith("answered"), answer);
  assert(answer.includes("\r\nconnection: close\r\n"), "the answer says close");
  await within("the end of stop()", stopped, 3_000);
});

Deno.test("stop() gives a connection without a request less than a second, and a kept one no time", async () => {
  const server = new HttpServer(() => new Response("answered"));
  const { addr } = server.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = addr as Deno.NetAddr;
  using kept = await Deno.connect({ hostname: "127.0.0.1", port });
  await kept.write(ENCODER.encode(get));
  await kept.read(new Uint8Array(1000));
  using _silent = await Deno.connect({ hostname: "127.0.0.1", port });
  await until("both clients", () => server.stats.clients === 2);
  const began = performance.now();
  const stopped = server.stop(5_000);
  assertEquals(await within("the end of the kept one", kept.read(new Uint8Array(10)), 300), null);
  await stopped;
  const time = performance.now() - began;
  assert(time > 500 && time < 1_200, `the silent one was closed after ${time} ms`);
});

Deno.test("stop() answers the connections that wait in the system's queue, and resets none", async () => {
  for (let round = 0; round < 10; round++) {
    const server = new HttpServer(() => new Response("ok"));
    const { addr } = server.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = addr;
    const waiting = await Promise.all(
      Array.from({ length: 8 }, () => Deno.connect({ hostname: "127.0.0.1", port })),
    );
    await Promise.all(waiting.map((connection) => connection.write(ENCODER.encode(get))));
    const stopped = server.stop(5_000);
    const buffer = new Uint8Array(1000);
    for (const connection of waiting) {
      const count = await within("the answer", connection.read(buffer));
      assert(count !== null, "the connection is answered");
      assertEquals(new TextDecoder().decode(buffer.subarray(0, 12)), "HTTP/1.1 200");
      connection.close();
    }
    await stopped;
  }
});
