/** RFC 9113 §10.5: a client that asks and does not take the responses. Its further requests wait, and none is lost to it. */

import type { Handler } from "../../mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { pass, turns, until, within } from "../support/deadline.ts";
import {
  ErrorCode,
  FrameType,
  type Http2Client,
  nameOf,
  Settings,
  settingsPayload,
} from "../support/http2_client.ts";
import { type Http2TcpHarness, withHttp2Tcp } from "../support/http2_tcp.ts";
import type { ServerOptions } from "../support/server.ts";

/** What a test is given: a client whose streams have no window, and the targets that have reached the handler. */
interface Setting extends Http2TcpHarness {
  readonly client: Http2Client;
  readonly dispatched: readonly string[];
  readonly signals: ReadonlyMap<string, AbortSignal>;
}

/** Runs a test against a handler that answers with as many bytes as the target ends with. */
async function withStalled(options: ServerOptions, run: (setting: Setting) => Promise<void>): Promise<void> {
  const dispatched: string[] = [];
  const signals = new Map<string, AbortSignal>();
  const handler: Handler = (request, { target }) => {
    dispatched.push(target);
    signals.set(target, request.signal);
    return new Response(new Uint8Array(Number(/\d+$/.exec(target)?.[0] ?? 0)));
  };
  await withHttp2Tcp(handler, { unsentLimit: 100_000, ...options }, async (harness) => {
    const client = await harness.connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 0]] });
    await client.acknowledged();
    await run({ ...harness, client, dispatched, signals });
  });
}

/** Asks for a target, which must not wait for an earlier one. */
async function ask(client: Http2Client, path: string): Promise<number> {
  const id = client.request({ path });
  await client.head(id);
  return id;
}

Deno.test("unsentLimit: a further request is dispatched while exactly so much waits (RFC 9113 §10.5)", async () => {
  await withStalled({}, async ({ client, dispatched }) => {
    for (const path of ["/a/60000", "/b/40000", "/c/1"]) await ask(client, path);
    assertEquals(dispatched, ["/a/60000", "/b/40000", "/c/1"]);
  });
});

Deno.test("unsentLimit: with one byte more a further request waits, and neither PING nor SETTINGS does (RFC 9113 §10.5)", async () => {
  await withStalled({}, async ({ client, dispatched }) => {
    await ask(client, "/a/60000");
    const last = await ask(client, "/b/40001");
    const id = client.request({ path: "/c/0" });
    await client.sync();
    client.settings([]);
    await client.acknowledged();
    assertEquals([dispatched, client.stream(id).head], [["/a/60000", "/b/40001"], null]);
    client.grant(last, 1);
    assertEquals((await client.response(id)).status, 200);
    assertEquals(dispatched.at(-1), "/c/0");
  });
});

Deno.test("requests that wait are dispatched in their order, the most urgent first (RFC 9113 §10.5, RFC 9218 §10)", async () => {
  await withStalled({}, async ({ client, dispatched }) => {
    const first = await ask(client, "/a/150000");
    const urgency = (path: string, u: number) => client.request({ path, fields: [["priority", `u=${u}`]] });
    const ids = [urgency("/5", 5), urgency("/3a", 3), urgency("/3b", 3), urgency("/1", 1)];
    await client.sync();
    assertEquals(dispatched, ["/a/150000"]);
    client.grant(first, 65_535);
    for (const id of ids) await client.head(id);
    assertEquals(dispatched, ["/a/150000", "/1", "/3a", "/3b", "/5"]);
  });
});

Deno.test("a large response that was taken lets one of those go on that wait, and it the next (RFC 9113 §10.5)", async () => {
  await withStalled({}, async ({ client, dispatched }) => {
    const first = await ask(client, "/a/150000");
    const second = client.request({ path: "/b/150000" });
    const third = client.request({ path: "/c/150000" });
    client.grant(0, 1_000_000);
    client.grant(first, 150_000);
    await client.response(first);
    await client.head(second);
    await client.sync();
    assertEquals(dispatched, ["/a/150000", "/b/150000"]);
    client.reset(second);
    await client.head(third);
  });
});

Deno.test("a request that waits is forgotten when it is reset, and the others go on (RFC 9113 §6.4, §10.5)", async () => {
  await withStalled({}, async ({ client, dispatched }) => {
    const first = await ask(client, "/a/150000");
    const [gone, left] = [client.request({ path: "/gone" }), client.request({ path: "/left" })];
    client.reset(gone);
    client.reset(first);
    await client.head(left);
    await client.sync();
    assertEquals(dispatched, ["/a/150000", "/left"]);
  });
});

Deno.test("requests that wait count as streams (RFC 9113 §5.1.2, §10.5)", async () => {
  await withStalled({ concurrentStreamLimit: 3 }, async ({ client, dispatched }) => {
    const first = await ask(client, "/a/150000");
    const waiting = [client.request({ path: "/b" }), client.request({ path: "/c" })];
    const excess = client.request({ path: "/d" });
    assertEquals(nameOf(await client.resetCode(excess)), "REFUSED_STREAM");
    client.reset(waiting[0] ?? 0);
    await client.sync();
    const again = client.request({ path: "/e" });
    client.reset(first);
    await client.head(again);
    assertEquals(dispatched, ["/a/150000", "/c", "/e"]);
  });
});

Deno.test("the body of a request that waits is taken, as far as its window goes (RFC 9113 §5.2, §10.5)", async () => {
  await withStalled({}, async ({ client, dispatched }) => {
    const first = await ask(client, "/a/150000");
    const id = client.request({ method: "POST", path: "/b", endStream: false });
    await client.upload(id, new Uint8Array(200_000));
    await client.sync();
    assertEquals(dispatched, ["/a/150000"]);
    client.reset(first);
    assertEquals((await client.response(id)).status, 200);
  });
});

Deno.test("a promised response waits as well (RFC 9113 §8.4, §10.5)", async () => {
  const dispatched: string[] = [];
  const handler: Handler = (_, exchange) => {
    dispatched.push(exchange.target);
    if (exchange.target === "/page") exchange.push("/pushed");
    return new Response(new Uint8Array(150_000));
  };
  await withHttp2Tcp(handler, { unsentLimit: 100_000 }, async ({ connect }) => {
    const client = await connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 0]] });
    const id = await ask(client, "/page");
    await client.sync();
    assertEquals([dispatched, client.stream(2).head], [["/page"], null]);
    client.reset(id);
    await client.head(2);
  });
});

// Time limits and budgets

Deno.test("a request that waits is refused when nothing is taken for streamTimeout (RFC 9113 §8.7, §10.5)", async () => {
  await withStalled({ streamTimeout: 400 }, async ({ client, dispatched, signals }) => {
    const [first, id] = [client.request({ path: "/a/150000" }), client.request({ path: "/b" })];
    assertEquals(nameOf(await client.resetCode(id)), "REFUSED_STREAM");
    assertEquals(nameOf(await client.resetCode(first)), "CANCEL");
    assertEquals([dispatched, signals.get("/a/150000")?.aborted], [["/a/150000"], true]);
    await client.expectAlive();
  });
});

Deno.test("a request that waits for less than streamTimeout is served when what held it up is reset (RFC 9113 §10.5)", async () => {
  await withStalled({ streamTimeout: 600 }, async ({ client, dispatched }) => {
    const first = await ask(client, "/a/150000");
    await pass(300);
    const id = client.request({ path: "/b" });
    assertEquals(nameOf(await client.resetCode(first)), "CANCEL");
    assertEquals((await client.response(id)).status, 200);
    assertEquals(dispatched, ["/a/150000", "/b"]);
  });
});

Deno.test("a request that waits is not refused while the client takes what came before it (RFC 9113 §10.5)", async () => {
  const options = { streamTimeout: 400, stallBudget: { burst: 0, perSecond: 0 } };
  await withStalled(options, async ({ client }) => {
    client.grant(0, 1_000_000);
    const first = await ask(client, "/a/150000");
    const id = client.request({ path: "/b" });
    for (let part = 0; part < 12; part++) {
      client.grant(first, 2_000);
      await pass(100);
    }
    assertEquals(client.stream(id).over, false);
    client.grant(first, 150_000);
    assertEquals((await client.response(id)).status, 200);
    assertEquals((await client.response(first)).size, 150_000);
  });
});

Deno.test("as many stalled streams as stallBudget allows do no harm, and one more ends the connection (RFC 9113 §10.5)", async () => {
  const options = { streamTimeout: 300, stallBudget: { burst: 3, perSecond: 0 } };
  await withStalled(options, async ({ client }) => {
    for (let round = 0; round < 3; round++) {
      assertEquals(nameOf(await client.resetCode(await ask(client, "/a/150000"))), "CANCEL");
    }
    await client.expectAlive();
    await ask(client, "/a/150000");
    await client.expectConnectionError(ErrorCode.ENHANCE_YOUR_CALM);
  });
});

// Ends

Deno.test("stop() serves the requests that wait (RFC 9113 §6.8)", async () => {
  await withStalled({}, async ({ client, server, dispatched }) => {
    const first = await ask(client, "/a/150000");
    const id = client.request({ path: "/b" });
    await client.sync();
    const stopped = server.stop(4_000);
    await client.until("both GOAWAY frames", () => client.log.goaways[1]);
    client.grant(0, 1_000_000);
    client.grant(first, 150_000);
    assertEquals((await client.response(first)).size, 150_000);
    assertEquals((await client.response(id)).status, 200);
    assertEquals(dispatched, ["/a/150000", "/b"]);
    await client.closed();
    await client.close();
    await within("stop()", stopped);
  });
});

for (
  const [how, end] of [
    ["ends its side", (client: Http2Client) => client.end()],
    ["leaves", (client: Http2Client) => client.close()],
    ["ends the connection by a fault", (client: Http2Client) => {
      client.frame({ type: FrameType.SETTINGS, streamId: 1, payload: settingsPayload([]) });
      return Promise.resolve();
    }],
  ] as const
) {
  Deno.test(`a client that ${how} takes its waiting requests with it (RFC 9113 §5.4, §10.5)`, async () => {
    await withStalled({}, async ({ client, server, dispatched, signals }) => {
      await ask(client, "/a/150000");
      client.request({ path: "/b" });
      client.request({ method: "POST", path: "/c", endStream: false });
      await client.sync();
      await end(client);
      await until("the end of the client", () => server.clients.size === 0);
      await turns();
      assertEquals([dispatched, signals.get("/a/150000")?.aborted], [["/a/150000"], true]);
      assertEquals([server.stats.pendingResponses, server.stats.runningHandlers], [0, 0]);
    });
  });
}

// Handlers that are not done at once

Deno.test("of a hundred requests in one read few more are dispatched than unsentLimit allows (RFC 9113 §10.5)", async () => {
  let dispatched = 0;
  const handler: Handler = async () => {
    dispatched++;
    await Promise.resolve();
    return new Response(new Uint8Array(50_000));
  };
  await withHttp2Tcp(handler, { unsentLimit: 100_000 }, async ({ connect }) => {
    const client = await connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 0]] });
    await client.acknowledged();
    for (let count = 0; count < 100; count++) client.request();
    await client.sync();
    await turns();
    assert(dispatched <= 8 + 3, `${dispatched} were dispatched`);
    for (let id = 1; id < 200; id += 2) client.reset(id);
    await client.sync();
  });
});
