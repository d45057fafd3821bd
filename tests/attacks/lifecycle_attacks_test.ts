/** The lifecycle cases of the attack corpus: shutdown, and handlers and connections that fail. */

import { type Handler, HttpServer, Response, serve } from "../../mod.ts";
import { connectionPair } from "../../testing.ts";
import { assert, assertEquals, assertLacks, assertOneOf, rejection } from "../support/assert.ts";
import { turns, until, within } from "../support/deadline.ts";
import { RawClient } from "../support/raw_client.ts";
import { withServer, withTcpServer } from "../support/server.ts";
import {
  exhausted,
  type Faults,
  FaultyConnection,
  ScriptedListener,
  withListener,
} from "./faulty_connection.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const lastChunk = "0\r\n\r\n";

/** A handler that says when it was called, and answers when it is told to. */
function heldHandler() {
  const called = Promise.withResolvers<Request>();
  const release = Promise.withResolvers<void>();
  const handler: Handler = async (request) => {
    called.resolve(request);
    await release.promise;
    return new Response("held");
  };
  return { handler, called: called.promise, release: () => release.resolve() };
}

// ------------------------------------------------------------------------------------------------ shutdown

Deno.test("stop() finishes what runs, says close and refuses new connections: life-shutdown-inflight (RFC 9112 §9.6)", async () => {
  const { handler, called, release } = heldHandler();
  await withTcpServer(handler, {}, async ({ server, port, connect }) => {
    const raw = await connect();
    await raw.send(get);
    await called;
    const stopped = server.stop(5_000);
    await turns();
    const refused = await rejection(Deno.connect({ hostname: "127.0.0.1", port }), "a new connection");
    assert(refused instanceof Deno.errors.ConnectionRefused, `a new connection is refused, not ${refused}`);
    release();
    const response = await raw.readResponse();
    assertEquals(response.text, "held");
    await raw.expectClosedAfter(response);
    await raw.close();
    await within("the end of stop() after the last response", stopped, 1_000);
  });
});

Deno.test("stop(300) aborts what does not end: life-shutdown-grace", async () => {
  const called = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  const hanging: Handler = (request) => {
    called.resolve();
    return new Promise((resolve) =>
      request.signal.addEventListener("abort", () => {
        aborted.resolve();
        resolve(new Response("too late"));
      })
    );
  };
  await withServer(hanging, {}, async ({ server, connect }) => {
    const raw = connect();
    await raw.send(get);
    await called.promise;
    const start = performance.now();
    await within("the end of stop(300)", server.stop(300), 1_500);
    assert(performance.now() - start > 250, "the grace period was granted");
    await within("the handler's abort", aborted.promise);
    await raw.expectEnd();
  });
});

Deno.test("stop() does not wait for a partial head: life-shutdown-partial-head", async () => {
  await withServer(() => new Response("unreachable"), {}, async ({ server, connect }) => {
    const raw = connect();
    await raw.send("GET / HTTP/1.1\r\nHo");
    await turns();
    await within("the end of stop(5000)", server.stop(5_000), 1_500);
    await raw.expectEnd();
  });
});

Deno.test("stop(300) cancels a stream and cuts it without a last chunk: life-shutdown-stream (RFC 9112 §8)", async () => {
  const cancelled = Promise.withResolvers<void>();
  const endless: Handler = () =>
    new Response(
      new ReadableStream<Uint8Array>({
        async pull(controller) {
          await turns(1);
          controller.enqueue(new Uint8Array(256));
        },
        cancel: () => cancelled.resolve(),
      }),
    );
  await withServer(endless, {}, async ({ server, connect }) => {
    const raw = connect();
    await raw.send(get);
    assertEquals((await raw.readHead()).status, 200);
    const reading = raw.readToEnd();
    await within("the end of stop(300)", server.stop(300), 1_500);
    await within("the cancellation of the source", cancelled.promise);
    await reading;
    assert(!raw.received.endsWith(lastChunk), "the body has no end");
    await turns();
  });
});

Deno.test("shutdown() may be called again, and after it the signal may abort: life-shutdown-twice", async () => {
  const controller = new AbortController();
  const handle = serve(
    { hostname: "127.0.0.1", port: 0, signal: controller.signal, onListen: () => {} },
    () => new Response("ok"),
  );
  const first = handle.shutdown();
  const second = handle.shutdown();
  controller.abort();
  await within("the end of both", Promise.all([first, second, handle.finished]));
  await within("the end of a third", handle.shutdown());
});

Deno.test("a port can be listened on again at once: life-restart-port", async () => {
  let port = 0;
  for (let round = 0; round < 20; round++) {
    const server = new HttpServer(() => new Response(`round ${round}`));
    const { addr } = server.listen({ hostname: "127.0.0.1", port });
    assert(addr.transport === "tcp", "the listener has a port");
    port = addr.port;
    const raw = new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
    assertEquals((await raw.request(get)).text, `round ${round}`);
    await within("the stop", server.stop(1_000));
    await raw.expectEnd();
    await raw.close();
  }
});

// ------------------------------------------------------------------------------------------------ handlers

/** What a handler must not do, and the compiler does not let it do. */
const wrongHandlers: readonly (readonly [name: string, handler: Handler])[] = [
  ["throws: life-handler-throw", () => {
    throw new Error("secret of the handler");
  }],
  ["rejects: life-handler-reject", () => Promise.reject(new Error("secret of the handler"))],
  ["rejects with undefined: life-handler-reject", () => Promise.reject(undefined)],
  ["returns undefined: life-handler-not-response", () => Reflect.get({}, "nothing")],
  ["returns null: life-handler-not-response", () => JSON.parse("null")],
  ["returns {}: life-handler-not-response", () => JSON.parse("{}")],
  ["returns a string: life-handler-not-response", () => JSON.parse('"text"')],
  ["resolves with {}: life-handler-not-response", () => Promise.resolve(JSON.parse("{}"))],
];

for (const [name, wrong] of wrongHandlers) {
  Deno.test(`a handler is answered by 500, and no detail, when it ${name}`, async () => {
    const handler: Handler = (request, exchange) =>
      request.url.endsWith("/wrong") ? wrong(request, exchange) : new Response("right");
    await withServer(handler, {}, async ({ connect }) => {
      const raw = connect();
      const response = await raw.request("GET /wrong HTTP/1.1\r\nHost: a\r\n\r\n");
      assertEquals(response.status, 500);
      for (const secret of ["secret", ".ts:", "at file"]) assertLacks(raw.received, secret);
      assertEquals((await connect().request(get)).text, "right");
    });
  });
}

/** A stream of these chunks, whatever they are, and then an error. */
function streamOf(chunks: readonly unknown[]): ReadableStream {
  const rest = chunks.values();
  return new ReadableStream({
    async pull(controller) {
      await turns(1);
      const { done, value } = rest.next();
      if (done) controller.error(new Error("the source failed"));
      else controller.enqueue(value);
    },
  });
}

const threeChunks = ["a", "b", "c"].map((text) => new TextEncoder().encode(text));
const failingStreams: readonly (readonly [name: string, chunks: readonly unknown[]])[] = [
  ["errors after three chunks: life-handler-stream-error", threeChunks],
  ["enqueues a string: life-handler-stream-badchunk", [...threeChunks, "text", ...threeChunks]],
  ["enqueues null: life-handler-stream-badchunk", [...threeChunks, null, ...threeChunks]],
  ["enqueues a number: life-handler-stream-badchunk", [...threeChunks, 42, ...threeChunks]],
];

for (const [name, chunks] of failingStreams) {
  Deno.test(`a body is cut short without a last chunk when it ${name} (RFC 9112 §8)`, async () => {
    const handler: Handler = () => new Response(streamOf(chunks));
    await withServer(handler, { lingerTimeout: 100 }, async ({ connect }) => {
      const raw = connect();
      await raw.send(get);
      const response = await raw.tryResponse();
      assertEquals([response?.status, response?.text, response?.complete], [200, "abc", false]);
      assert(!raw.received.endsWith(lastChunk), "the body has no end");
      await raw.serverClosed();
    });
  });
}

/** A handler whose body never comes, and a promise of its cancellation. */
function hangingStream(): { readonly handler: Handler; readonly cancelled: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const handler: Handler = () => new Response(new ReadableStream<Uint8Array>({ cancel: () => resolve() }));
  return { handler, cancelled: promise };
}

Deno.test("a body that never comes is cancelled when the client resets: life-handler-stream-hang", async () => {
  const { handler, cancelled } = hangingStream();
  const server = new HttpServer(handler, { log: () => {} });
  const pair = connectionPair();
  server.accept(pair.server);
  const raw = new RawClient(pair.client);
  await raw.send(get);
  await until("the dispatch", () => server.stats.requests === 1);
  await turns();
  pair.client.reset();
  await within("the cancellation", cancelled);
  await until("the end of the client", () => server.clients.size === 0);
  await within("the stop", server.stop(1_000));
});

// The end of the client's side alone does not say that it has left (RFC 9112 §9.6); time without progress does.
Deno.test("a body that never comes ends with streamTimeout when the client has left: life-handler-stream-hang", async () => {
  const { handler, cancelled } = hangingStream();
  await withServer(handler, { streamTimeout: 200, lingerTimeout: 100 }, async ({ server, connect }) => {
    const raw = connect();
    await raw.send(get);
    await until("the dispatch", () => server.stats.requests === 1);
    await raw.close();
    await within("the cancellation", cancelled);
    await raw.serverClosed();
  });
});

Deno.test("a body read after the response never has another request's bytes: life-handler-late-read", async () => {
  const late = Promise.withResolvers<string | Error>();
  const handler: Handler = (request, exchange) => {
    if (request.url.endsWith("/1")) {
      const read = () => request.text().then(late.resolve, late.resolve);
      void exchange.completed.then(read, read);
    }
    return new Response("early");
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nfirst");
    raw.offer("POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nsecond");
    assertEquals((await raw.readResponse()).text, "early");
    assertEquals((await raw.tryResponse())?.text ?? "early", "early");
    const read = await within("the late read", late.promise);
    if (typeof read === "string") assertOneOf(read, ["first", ""], "what was read late");
  });
});

Deno.test("a body read twice is a TypeError for the handler alone: life-handler-double-read", async () => {
  const handler: Handler = async (request) => {
    const first = await request.text();
    const error = await rejection(request.text(), "the second read");
    return new Response(`${first}, then ${error.name}`);
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
    for (let round = 0; round < 2; round++) {
      assertEquals((await raw.request(post)).text, "body, then TypeError");
    }
  });
});

// ------------------------------------------------------------------------------------------------ faults

/** Exchanges that make a server write in every way it has: at once, streamed, echoed, with an error. */
const scenario = [
  "GET /text HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n",
  "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
  "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
  "GET /bytes HTTP/1.1\r\nHost: a\r\n\r\n",
  "BAD\r\n\r\n",
] as const;

/** What became of one run of the scenario. */
interface ScenarioRun {
  readonly received: string;
  readonly reads: number;
  readonly writes: number;
}

/** Runs the scenario on a faulty connection, and fails unless the server lets go of everything and serves on. */
async function runScenario(faults: Faults): Promise<ScenarioRun> {
  let open = 0;
  const streamed = () => {
    open++;
    let left = 3;
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        await turns(1);
        if (left-- > 0) return controller.enqueue(new TextEncoder().encode("chunk"));
        open--;
        controller.close();
      },
      cancel: () => void open--,
    });
  };
  const handler: Handler = async (request) => {
    if (request.url.endsWith("/stream")) return new Response(streamed());
    if (request.url.endsWith("/echo")) return new Response(await request.text());
    return new Response(request.url.endsWith("/bytes") ? new Uint8Array(20_000).fill(0x61) : "text");
  };
  const server = new HttpServer(handler, { log: () => {}, lingerTimeout: 200 });
  const pair = connectionPair();
  const connection = new FaultyConnection(pair.server, faults);
  server.accept(connection);
  const raw = new RawClient(pair.client);
  raw.offer(scenario.join(""));
  const received = await raw.readToEnd();
  await until("the end of the client", () => server.clients.size === 0);
  await until("the end of the source", () => open === 0);
  await raw.close();
  assertEquals(server.stats.runningHandlers, 0, "running handlers");
  const other = connectionPair();
  server.accept(other.server);
  const next = new RawClient(other.client);
  assertEquals((await next.request(get)).text, "text", "a further connection");
  await next.close();
  await within("the stop", server.stop(1_000));
  return { received, reads: connection.reads, writes: connection.writes };
}

/** Without what depends on the clock. */
function timeless(received: string): string {
  return received.replaceAll(/^date: .*\r\n/gim, "");
}

Deno.test("a write that fails, whichever it is, ends that connection and its streams: life-fault-write-error", async () => {
  const { writes } = await runScenario({});
  assert(writes > 3, `the scenario writes more than ${writes} times`);
  for (let bad = 0; bad < writes; bad++) {
    await runScenario({
      write: (index, data, inner) =>
        index === bad
          ? Promise.reject(new Deno.errors.BrokenPipe("Broken pipe (os error 32)"))
          : inner.write(data),
    });
  }
});

Deno.test("a read that fails, whichever it is, ends that connection and its streams: life-fault-read-error", async () => {
  const { reads } = await runScenario({ read: (_, buffer, inner) => inner.read(buffer.subarray(0, 48)) });
  assert(reads > 5, `the scenario reads more than ${reads} times`);
  for (let bad = 0; bad < reads; bad++) {
    await runScenario({
      read: (index, buffer, inner) =>
        index === bad
          ? Promise.reject(new Deno.errors.ConnectionReset("Connection reset by peer (os error 104)"))
          : inner.read(buffer.subarray(0, 48)),
    });
  }
});

Deno.test("writes that take one byte at a time change nothing on the wire: life-fault-write-partial", async () => {
  const whole = await runScenario({});
  const partial = await runScenario({ write: (_, data, inner) => inner.write(data.subarray(0, 1)) });
  assertEquals(timeless(partial.received), timeless(whole.received));
});

Deno.test("a write that takes nothing is an error, not a loop: life-fault-write-0", async () => {
  const { writes } = await runScenario({
    write: (index) => index < 1_000 ? Promise.resolve(0) : Promise.reject(new Error("a busy loop")),
  });
  assert(writes < 10, `the server gave up, and did not write ${writes} times`);
});

Deno.test("a connection whose address throws is served or dropped: life-fault-addr-throws", async () => {
  for (
    const error of [
      new Deno.errors.NotConnected("gone"),
      new Deno.errors.BadResource("gone"),
      new Error("gone"),
    ]
  ) {
    await runScenario({
      remoteAddr: () => {
        throw error;
      },
    });
  }
});

Deno.test("accept() that fails is tried again with a pause, until the listener is closed: life-fault-accept-error", async () => {
  const pair = connectionPair();
  const script = [
    new Deno.errors.ConnectionAborted("Software caused connection abort"),
    new Deno.errors.NotConnected("Transport endpoint is not connected"),
    new Deno.errors.InvalidData("received corrupt message"),
    exhausted(),
    new FaultyConnection(connectionPair().server, {
      remoteAddr: () => {
        throw new Deno.errors.NotConnected("gone");
      },
    }),
    pair.server,
  ];
  const listener = new ScriptedListener(script);
  await withListener(listener, async () => {
    const server = new HttpServer(() => new Response("ok"), { log: () => {} });
    server.listen({ hostname: "127.0.0.1", port: 0 });
    const raw = new RawClient(pair.client);
    assertEquals((await raw.request(get)).text, "ok");
    await turns();
    assertOneOf(listener.calls, [script.length, script.length + 1], "calls of accept()");
    await raw.close();
    await within("the stop", server.stop(1_000));
  });
});

Deno.test("the wall clock may jump: life-fault-clock-jump", async () => {
  const real = Date.now;
  try {
    await withServer(async (request) => new Response(await request.text()), {}, async ({ connect }) => {
      const raw = connect();
      assertEquals((await raw.request(get)).status, 200);
      await raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo");
      for (const jump of [3_600_000, -3_600_000]) {
        Date.now = () => real() + jump;
        // Longer than a tick of the server's clock, so that a deadline would be noticed.
        await rejection(within("a close", raw.serverClosed(1_500), 1_200), "waiting for a close");
      }
      await raw.send("dy");
      assertEquals((await raw.readResponse({ method: "POST" })).text, "body");
    });
  } finally {
    Date.now = real;
  }
});
