/** Clients that leave while something is under way: in every place it is seen, and whoever waits learns of it. */

import { type Handler, Response } from "../../mod.ts";
import { connectionPair } from "../../testing.ts";
import { assertEquals } from "../support/assert.ts";
import { latin1 } from "../support/bytes.ts";
import { FakeTime } from "../support/fake_time.ts";
import { type AcceptedClient, withServer } from "../support/server.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** How a client leaves. */
const WAYS: readonly (readonly [name: string, leave: (client: AcceptedClient) => Promise<void>])[] = [
  ["ends its side", (client) => client.end()],
  ["closes", (client) => client.close()],
];

/** A handler whose response gives nothing, and how often it was cancelled. */
function silent(): { readonly handler: Handler; readonly cancelled: unknown[] } {
  const cancelled: unknown[] = [];
  const handler: Handler = () =>
    new Response(
      new ReadableStream({
        pull: () => new Promise(() => {}),
        cancel: (reason) => void cancelled.push(reason),
      }),
    );
  return { handler, cancelled };
}

/** A handler that answers when its request's signal aborts. */
function waiting(): { readonly handler: Handler; readonly aborted: () => number } {
  let aborted = 0;
  const handler: Handler = async ({ signal }) => {
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve());
    });
    aborted++;
    return new Response("too late");
  };
  return { handler, aborted: () => aborted };
}

for (const [name, leave] of WAYS) {
  Deno.test(`a client that ${name} behind a further request is seen, and the stream of its response cancelled`, async () => {
    const { handler, cancelled } = silent();
    await withServer(handler, {}, async ({ server, connect }) => {
      using time = new FakeTime();
      const client = connect();
      await client.send(GET + GET + "x".repeat(5000));
      await time.pass(1_000);
      await leave(client);
      await time.pass(5_000);
      assertEquals([cancelled.length, server.stats.pendingResponses], [1, 0]);
    });
  });

  Deno.test(`a client that ${name} long after its upload was held back aborts its request`, async () => {
    const { handler, aborted } = waiting();
    await withServer(handler, { softStreamCap: 1_000, streamTimeout: 2_000 }, async ({ connect }) => {
      using time = new FakeTime();
      const client = connect();
      await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n");
      await time.settle();
      await client.send("x".repeat(3_000));
      await time.pass(10_000);
      await client.send("x".repeat(500));
      await time.pass(1_000);
      assertEquals(aborted(), 0, "while the client is there");
      await leave(client);
      await time.pass(1_000);
      assertEquals(aborted(), 1);
    });
  });
}

Deno.test("each of the requests that a client sent before it ended its side is aborted", async () => {
  const { handler, aborted } = waiting();
  await withServer(handler, {}, async ({ connect }) => {
    using time = new FakeTime();
    const client = connect();
    await client.send(GET + GET + GET);
    await client.end();
    await time.pass(2_000);
    assertEquals(aborted(), 3);
  });
});

Deno.test("what was sent behind a request is answered when the client has ended its side meanwhile", async () => {
  await withServer(() => new Response("fine"), {}, async ({ connect }) => {
    const client = connect();
    await client.send(GET + GET);
    await client.end();
    const [first, second] = [await client.readResponse(), await client.readResponse()];
    assertEquals([first.text, second.text], ["fine", "fine"]);
  });
});

Deno.test("a body that turns out to be malformed cancels the stream of a response that has not begun", async () => {
  const { handler, cancelled } = silent();
  await withServer(handler, {}, async ({ connect }) => {
    using time = new FakeTime();
    const client = connect();
    await client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    await time.settle();
    await client.send("no chunk\r\n");
    await time.settle();
    assertEquals([(await client.readResponse()).status, cancelled.length], [400, 1]);
  });
});

Deno.test("a client that breaks off after its upload has timed out is no error of the server", async () => {
  const { handler } = silent();
  await withServer(handler, { streamTimeout: 1_000 }, async ({ server, log }) => {
    using time = new FakeTime();
    const { client, server: end } = connectionPair();
    server.accept(end);
    await client.write(latin1("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"));
    await time.pass(3_000);
    client.reset();
    await time.pass(3_000);
    assertEquals([server.clients.size, log], [0, []]);
  });
});
