/** Stopping: what is waited for, for how long, and limits that are absent. */

import { ClientStatus, defaultOptions, type Handler, type OptionsInit, Response, serve } from "../../mod.ts";
import { assertEquals } from "../support/assert.ts";
import { turns, until, within } from "../support/deadline.ts";
import { FakeTime } from "../support/fake_time.ts";
import { withHttp2 } from "../support/http2_client.ts";
import { withServer } from "../support/server.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** A handler that answers when a test says so. */
function gated(): { handler: Handler; begun: Promise<void>; open: () => void } {
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const handler: Handler = async () => {
    begun.resolve();
    await gate.promise;
    return new Response("late");
  };
  return { handler, begun: begun.promise, open: () => gate.resolve() };
}

Deno.test("stop() waits for a handler whose client has left", async () => {
  const { handler, begun, open } = gated();
  await withServer(handler, {}, async ({ connect, server }) => {
    const raw = connect();
    await raw.send(get);
    await begun;
    raw.client.close();
    await until("the end of the client", () => server.clients.size === 0);
    let isStopped = false;
    const stopped = server.stop().then(() => isStopped = true);
    await turns();
    assertEquals([isStopped, server.stats.runningHandlers], [false, 1]);
    open();
    await within("the stop", stopped);
    assertEquals(server.stats.runningHandlers, 0);
  });
});

Deno.test("stop(timeout) does not wait for a handler when the time is over, and neither does a second stop()", async () => {
  const { handler, begun } = gated();
  await withServer(handler, {}, async ({ connect, server }) => {
    using time = new FakeTime();
    const raw = connect();
    await raw.send(get);
    await begun;
    raw.client.close();
    let isStopped = false;
    const stopped = server.stop(500).then(() => isStopped = true);
    await time.pass(499);
    assertEquals(isStopped, false);
    await time.pass(1);
    assertEquals([isStopped, server.stats.runningHandlers], [true, 1]);
    await stopped;
    await server.stop();
  });
});

Deno.test("stop() gives what runs 30 seconds by default, and cuts it then", async () => {
  assertEquals(defaultOptions.shutdownTimeout, 30_000);
  const { handler, begun } = gated();
  await withServer(handler, {}, async ({ connect, server }) => {
    using time = new FakeTime();
    const raw = connect();
    await raw.send(get);
    await begun;
    const stopped = server.stop();
    await time.pass(29_999);
    assertEquals(server.clients.size, 1);
    await time.pass(1);
    assertEquals(server.clients.size, 0);
    await stopped;
  });
});

Deno.test("stop() waits for the first request of a connection of the same turn no longer than for that of another", async () => {
  await withServer(() => new Response(), {}, async ({ connect, server }) => {
    using time = new FakeTime();
    const raw = connect();
    let isStopped = false;
    const stopped = server.stop().then(() => isStopped = true);
    await time.pass(1_000); // a twentieth of headerTimeout, and ticks
    assertEquals([raw.client.status & ClientStatus.ClosedWrite, isStopped], [
      ClientStatus.ClosedWrite,
      false,
    ]);
    await time.pass(2_500); // lingerTimeout
    assertEquals(isStopped, true);
    await stopped;
  });
});

Deno.test("shutdown(timeout) has a time of its own", async () => {
  const { handler, begun } = gated();
  const server = serve({ hostname: "127.0.0.1", port: 0, shutdownTimeout: null, onListen() {} }, handler);
  const answer = fetch(`http://127.0.0.1:${server.addr.port}/`).then(() => "answered", () => "cut");
  await begun;
  await within("the stop", server.shutdown(20));
  assertEquals(await answer, "cut");
});

/** No limit at all, where one may be absent. */
const unlimited: OptionsInit = {
  connectionLimit: null,
  connectionsPerIpLimit: Infinity,
  handlerLimit: null,
  handlerQueueLimit: null,
  handlerQueueTimeout: null,
  tlsSetupTimeout: Infinity,
  headerTimeout: null,
  http1Timeout: Infinity,
  http2Timeout: null,
  streamTimeout: Infinity,
  minimumBodyRate: null,
  minimumBodyRateGrace: null,
  shutdownTimeout: Infinity,
  drainLimit: null,
  lingerTimeout: Infinity,
  bodySizeLimit: null,
  requestLimit: Infinity,
  windowStallTimeout: null,
  peerResetBudget: null,
  ownResetBudget: null,
  controlFrameBudget: null,
  emptyFrameBudget: null,
  oddityBudget: null,
};
const day = 86_400_000;
const size = defaultOptions.bodySizeLimit + 1;
const count: Handler = async (request) => new Response(`${(await request.bytes()).length}`);

Deno.test("a server without limits waits a day for each part of an HTTP/1 request", async () => {
  await withServer(count, unlimited, async ({ connect }) => {
    using time = new FakeTime();
    const raw = connect();
    for (const part of [get.slice(0, 5), get.slice(5)]) {
      await time.leap(day);
      await raw.send(part);
    }
    assertEquals((await raw.readResponse()).text, "0");
    await time.leap(day);
    await raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
    await time.leap(day);
    await raw.send("hello");
    assertEquals((await raw.readResponse()).text, "5");
  });
});

Deno.test("a server without limits takes a body above the usual limit", async () => {
  await withServer(count, unlimited, async ({ connect }) => {
    const raw = connect();
    raw.offer(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n${"x".repeat(size)}`);
    assertEquals((await raw.readResponse()).text, `${size}`);
  });
});

Deno.test("a server without limits waits a day for HTTP/2, and counts no resets and no PING", async () => {
  await withHttp2(count, unlimited, async ({ connect }) => {
    using time = new FakeTime();
    const client = connect();
    await time.leap(day);
    for (let index = 0; index < 300; index++) {
      client.ping("12345678");
      client.reset(client.request({ endStream: false, method: "POST" }));
      if (index % 50 === 0) await time.settle();
    }
    await time.settle();
    const id = client.request({ method: "POST", endStream: false });
    await time.leap(day);
    client.data(id, "hello", true);
    assertEquals((await client.response(id)).text, "5");
  });
});
