/** The `Exchange`: what a handler learns and does beyond the `Request`, and when an exchange is over. */

import { connect as netConnect } from "node:net";
import { ClientDisconnectedError, type Exchange, type Handler } from "../../mod.ts";
import { connectionPair } from "../../testing.ts";
import { assert, assertEquals, rejection } from "../support/assert.ts";
import { turns, until, within } from "../support/deadline.ts";
import { withServer, withTcpServer } from "../support/server.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** Runs `look` as the handler of one request, and gives what it returned. */
function see<T>(bytes: string, look: (exchange: Exchange, request: Request) => T | Promise<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const handler: Handler = async (request, exchange) => {
    try {
      resolve(await look(exchange, request));
    } catch (error) {
      reject(error);
    }
    return new Response();
  };
  return withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(bytes);
    const value = await within("the handler", promise);
    await raw.tryResponse({ version: bytes.includes("HTTP/1.0") ? "HTTP/1.0" : "HTTP/1.1" });
    return value;
  });
}

for (const target of ["/", "/a/../b?c", "//a", "/%7euser", "http://a/x"]) {
  Deno.test(`target is ${target} as received`, async () => {
    assertEquals(
      await see(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`, (exchange) => exchange.target),
      target,
    );
  });
}

Deno.test("rawHeaders are the field lines in their order and case", async () => {
  const bytes = "GET / HTTP/1.1\r\nx-b: 1\r\nHOST: a\r\nX-A:  2 \r\nX-B: 3\r\n\r\n";
  const pairs = await see(bytes, (exchange) => exchange.rawHeaders.map((pair) => [...pair]));
  assertEquals(pairs, [["x-b", "1"], ["HOST", "a"], ["X-A", "2"], ["X-B", "3"]]);
});

for (
  const [version, protocol] of [["HTTP/1.0", "HTTP/1.0"], ["HTTP/1.1", "HTTP/1.1"], ["HTTP/1.2", "HTTP/1.1"]]
) {
  Deno.test(`protocol is ${protocol} for ${version}`, async () => {
    assertEquals<string>(
      await see(`GET / ${version}\r\nHost: a\r\n\r\n`, (exchange) => exchange.protocol),
      protocol ?? "",
    );
  });
}

Deno.test("attributes are a Map of this exchange alone", async () => {
  const seen: unknown[] = [];
  const handler: Handler = (_, exchange) => {
    seen.push(exchange.attributes.size, exchange.attributes === exchange.attributes);
    exchange.attributes.set("user", "x");
    seen.push(exchange.attributes.get("user"));
    return new Response();
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.request(get);
    await raw.request(get);
    assertEquals(seen, [0, true, "x", 0, true, "x"]);
  });
});

Deno.test("remoteAddr is the peer's address, as Deno.serve gives it", async () => {
  const seen: Deno.Addr[] = [];
  const handler: Handler = (_, exchange) => {
    seen.push(exchange.remoteAddr);
    return new Response();
  };
  const clientAddr = { transport: "tcp", hostname: "192.0.2.7", port: 4711 } as const;
  await withServer(handler, {}, async ({ server }) => {
    const pair = connectionPair({ clientAddr });
    server.accept(pair.server);
    await pair.client.write(new TextEncoder().encode(get));
    await pair.client.read(new Uint8Array(1000));
    pair.client.close();
    assertEquals<readonly unknown[]>(seen, [clientAddr]);
  });
});

Deno.test("client is the same for the requests of one connection, and tells of it", async () => {
  const seen: Exchange["client"][] = [];
  const handler: Handler = (_, exchange) => {
    seen.push(exchange.client);
    const { isEncrypted, isExported, isUnix, pendingResponseCount, status } = exchange.client;
    return Response.json({ isEncrypted, isExported, isUnix, pendingResponseCount, status });
  };
  await withServer(handler, {}, async ({ connect, server }) => {
    const [one, two] = [connect(), connect({ encrypted: true })];
    const plain = JSON.parse((await one.request(get)).text);
    assertEquals(plain, {
      isEncrypted: false,
      isExported: false,
      isUnix: false,
      pendingResponseCount: 1,
      status: 0,
    });
    await one.request(get);
    assertEquals(JSON.parse((await two.request(get)).text).isEncrypted, true);
    assertEquals(seen[0] === seen[1] && seen[0] !== seen[2], true);
    assert(seen[0]?.id !== seen[2]?.id, "two clients of one id");
    assertEquals(new Set(server.clients), new Set([one.client, two.client]));
    assertEquals(seen[0]?.pendingResponseCount, 0);
  });
});

Deno.test("client.remainingRequests counts down from requestLimit", async () => {
  const seen: number[] = [];
  const handler: Handler = (_, exchange) => {
    seen.push(exchange.client.remainingRequests);
    return new Response();
  };
  await withServer(handler, { requestLimit: 3 }, async ({ connect }) => {
    const raw = connect();
    for (let index = 0; index < 3; index++) await raw.request(get);
    assertEquals(seen, [2, 1, 0]);
  });
  await withServer(handler, {}, async ({ connect }) => {
    await connect().request(get);
    assertEquals(seen.at(-1), Infinity);
  });
});

Deno.test("push() is refused over HTTP/1", async () => {
  assertEquals(await see(get, (exchange) => exchange.push("/style.css")), false);
});

// bodySizeLimit
function post(length: number): string {
  return `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${"x".repeat(length)}`;
}

function chunked(length: number): string {
  const body = `${length.toString(16)}\r\n${"x".repeat(length)}\r\n0\r\n\r\n`;
  return `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
}

for (const [how, make] of [["Content-Length", post], ["chunks", chunked]] as const) {
  for (
    const [name, limit, raised, length, status] of [
      ["as large as bodySizeLimit", 100, undefined, 100, 200],
      ["one byte larger than bodySizeLimit", 100, undefined, 101, 413],
      ["as large as the raised limit", 100, 200, 200, 200],
      ["one byte larger than the raised limit", 100, 200, 201, 413],
      ["one byte larger than the lowered limit", 100, 50, 51, 413],
      ["of any size where the limit is null", null, undefined, 300_000, 200],
      ["of any size where the handler takes the limit away", 100, Infinity, 300_000, 200],
    ] as const
  ) {
    Deno.test(`a body by ${how} ${name} is answered ${status} (RFC 9110 §15.5.14)`, async () => {
      const handler: Handler = async (request, exchange) => {
        if (raised !== undefined) exchange.bodySizeLimit = raised;
        return new Response(`${(await request.arrayBuffer()).byteLength}`);
      };
      await withServer(handler, { bodySizeLimit: limit }, async ({ connect }) => {
        const raw = connect();
        raw.offer(make(length));
        const response = await raw.readResponse();
        assertEquals(response.status, status);
        if (status === 200) assertEquals(response.text, `${length}`);
        if (status === 200) await raw.expectOpen();
      });
    });
  }
}

Deno.test("exchange.bodySizeLimit is what the options say, and refuses nonsense", async () => {
  const seen = await see(get.replace("GET", "POST"), (exchange) => {
    const errors = [-1, NaN].map((value) => {
      try {
        exchange.bodySizeLimit = value;
        return "taken";
      } catch (error) {
        return (error as Error).name;
      }
    });
    return [exchange.bodySizeLimit, ...errors];
  });
  assertEquals(seen, [10_485_760, "RangeError", "RangeError"]);
});

Deno.test("a body beyond its limit never reaches the handler as complete (RFC 9110 §15.5.14)", async () => {
  const pieces: number[] = [];
  const handler: Handler = async (request) => {
    for await (const piece of request.body ?? []) pieces.push(piece.length);
    return new Response("complete");
  };
  await withServer(handler, { bodySizeLimit: 1000 }, async ({ connect }) => {
    const raw = connect();
    await raw.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (let index = 0; index < 20; index++) raw.offer(`64\r\n${"x".repeat(100)}\r\n`);
    assertEquals((await raw.readResponse()).status, 413);
    assert(pieces.reduce((sum, size) => sum + size, 0) <= 1000, "more than the limit was handed over");
  });
});

// completed, and request.signal
Deno.test("completed resolves once the response was sent, and the signal never aborts", async () => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const signals: AbortSignal[] = [];
  const handler: Handler = (request, exchange) => {
    signals.push(request.signal);
    exchange.completed.then(resolve, reject);
    return new Response(new Blob(["x".repeat(100_000)]).stream());
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.request(get);
    await within("completed", promise);
    await raw.close();
    await turns();
    assertEquals(signals.map(({ aborted }) => aborted), [false]);
  });
});

Deno.test("completed is pending while the response streams", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const states: string[] = [];
  const handler: Handler = (_, exchange) => {
    exchange.completed.then(() => states.push("completed"), () => states.push("failed"));
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(new TextEncoder().encode("first"));
        await gate;
        controller.close();
      },
    });
    return new Response(body);
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(get);
    await raw.readHead();
    await turns();
    assertEquals(states, []);
    open();
    await until("the end of the exchange", () => states.length > 0);
    assertEquals(states, ["completed"]);
  });
});

/** A handler that hangs until its request is aborted, and tells what it saw. */
function hanging() {
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  const { promise: reason, resolve: abort } = Promise.withResolvers<unknown>();
  const { promise: failure, resolve: fail } = Promise.withResolvers<Error>();
  const handler: Handler = async (request, exchange) => {
    fail(rejection(exchange.completed, "exchange.completed"));
    start();
    await new Promise<void>((resolve) => {
      request.signal.addEventListener("abort", () => {
        abort(request.signal.reason);
        resolve();
      });
    });
    return new Response();
  };
  return { handler, started, reason, failure };
}

Deno.test("a reset in the middle of a handler aborts the signal and rejects completed", async () => {
  const { handler, started, reason, failure } = hanging();
  await withServer(handler, {}, async ({ server }) => {
    const pair = connectionPair();
    server.accept(pair.server);
    await pair.client.write(new TextEncoder().encode(get));
    await within("the handler's start", started);
    pair.client.reset();
    assert(await within("the abort", reason) instanceof ClientDisconnectedError, "the signal's reason");
    assert(await within("the rejection", failure) instanceof ClientDisconnectedError, "completed's reason");
  });
});

Deno.test("a TCP reset in the middle of a handler aborts the signal and rejects completed", async () => {
  const { handler, started, reason, failure } = hanging();
  await withTcpServer(handler, {}, async ({ port }) => {
    const socket = netConnect({ port, host: "127.0.0.1" });
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.write(get);
    await within("the handler's start", started);
    socket.resetAndDestroy();
    assert(await within("the abort", reason) instanceof ClientDisconnectedError, "the signal's reason");
    assert(await within("the rejection", failure) instanceof ClientDisconnectedError, "completed's reason");
    await closed;
  });
});

Deno.test("a reset in the middle of a streamed response cancels its stream", async () => {
  const { promise: cancelled, resolve: cancel } = Promise.withResolvers<unknown>();
  const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
  const handler: Handler = (request) => {
    request.signal.addEventListener("abort", () => abort());
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(10_000)),
      cancel: (reason) => cancel(reason),
    });
    return new Response(body);
  };
  await withServer(handler, {}, async ({ server }) => {
    const pair = connectionPair();
    server.accept(pair.server);
    await pair.client.write(new TextEncoder().encode(get));
    await pair.client.read(new Uint8Array(1000));
    pair.client.reset();
    await within("the cancellation", cancelled);
    await within("the abort", aborted);
  });
});

Deno.test("client.close() in a handler ends the exchange", async () => {
  const { handler, started, reason, failure } = hanging();
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    await raw.send(get);
    await within("the handler's start", started);
    raw.client.close();
    assert(await within("the abort", reason) instanceof ClientDisconnectedError, "the signal's reason");
    await within("the rejection", failure);
    assertEquals(await raw.readToEnd(), "");
  });
});

Deno.test("nobody needs to watch completed when a client is gone", async () => {
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  const handler: Handler = async (request) => {
    start();
    await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
    throw new Error("too late to matter");
  };
  await withServer(handler, {}, async ({ server }) => {
    const pair = connectionPair();
    server.accept(pair.server);
    await pair.client.write(new TextEncoder().encode(get));
    await within("the handler's start", started);
    pair.client.reset();
    await until("the handler's end", () => server.stats.runningHandlers === 0);
    await turns();
    assertEquals(server.stats.pendingResponses, 0);
  });
});
