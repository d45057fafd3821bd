/** RFC 9113 §6.8 and §9.1: how a server ends a connection that has done nothing wrong. */

import type { Handler } from "../../mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { pass, turns, until, within } from "../support/deadline.ts";
import {
  ErrorCode,
  Gate,
  type Http2Client,
  type Http2Harness,
  largestWindow,
  nameOf,
  preface,
  withHttp2,
} from "../support/http2_client.ts";
import { type ServerOptions, withServer } from "../support/server.ts";

/** Stops the server while requests run; `stopped` settles when it is done. */
async function stopWhile(
  { server }: Http2Harness,
  gate: Gate,
  client: Http2Client,
): Promise<{ readonly stopped: Promise<void> }> {
  for (const target of ["/1", "/2"]) await gate.arrival(target);
  const stopped = server.stop(4_000);
  await client.goneAway();
  return { stopped };
}

Deno.test("stop() sends GOAWAY of NO_ERROR with the last stream, and ends an idle connection (RFC 9113 §6.8)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect, server }) => {
    const client = connect();
    for (const id of [1, 5]) await client.response(client.request({ id, path: "/now" }));
    const stopped = server.stop(4_000);
    const goaway = await client.closed();
    assertEquals([goaway?.lastStreamId, goaway?.code], [5, ErrorCode.NO_ERROR]);
    await client.close();
    await within("stop()", stopped);
  });
});

Deno.test("stop() of a connection without a request tells 0 as the last stream (RFC 9113 §6.8)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect, server }) => {
    const client = connect();
    await client.sync();
    const stopped = server.stop(4_000);
    const goaway = await client.closed();
    assertEquals([goaway?.lastStreamId, goaway?.code], [0, ErrorCode.NO_ERROR]);
    await client.close();
    await within("stop()", stopped);
  });
});

Deno.test("running streams finish behind stop(), and then the connection ends (RFC 9113 §6.8)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async (harness) => {
    const client = harness.connect();
    const ids = [
      client.request({ path: "/1" }),
      client.request({ method: "POST", path: "/2", endStream: false }),
    ];
    const { stopped } = await stopWhile(harness, gate, client);
    assertEquals(client.ended, false);
    client.data(ids[1] ?? 0, "the rest", true);
    gate.open("/1");
    assertEquals((await client.response(ids[0] ?? 0)).text, "/1");
    gate.open("/2");
    assertEquals((await client.response(ids[1] ?? 0)).text, "/2");
    const goaway = await client.closed();
    assertEquals([goaway?.lastStreamId, goaway?.code], [3, ErrorCode.NO_ERROR]);
    await client.close();
    await within("stop()", stopped);
  });
});

Deno.test("streams that are opened behind GOAWAY are refused or ignored, and never dispatched (RFC 9113 §6.8, §8.7)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async (harness) => {
    const client = harness.connect();
    const ids = [client.request({ path: "/1" }), client.request({ path: "/2" })];
    await stopWhile(harness, gate, client);
    const late = client.request({ method: "POST", path: "/late", body: "content" });
    await client.sync();
    for (const code of client.stream(late).resets) assertEquals(nameOf(code), "REFUSED_STREAM");
    for (const target of ["/1", "/2"]) gate.open(target);
    for (const id of ids) assertEquals((await client.response(id)).status, 200);
    const goaway = await client.closed();
    assertEquals([goaway?.lastStreamId, goaway?.code], [3, ErrorCode.NO_ERROR]);
    assertEquals(gate.targets, ["/1", "/2"]);
  });
});

Deno.test("the field block of a stream behind GOAWAY is decoded all the same (RFC 9113 §6.8)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async (harness) => {
    const client = harness.connect();
    const ids = [
      client.request({ path: "/1" }),
      client.request({ path: "/2", method: "POST", endStream: false }),
    ];
    await stopWhile(harness, gate, client);
    client.headers(5, Uint8Array.from([0x40, 1, 0x78, 1, 0x79])); // x: y, added to the table
    client.headers(ids[1] ?? 0, Uint8Array.from([0x80 | 62])); // trailers, by reference
    await client.sync();
    for (const target of ["/1", "/2"]) gate.open(target);
    for (const id of ids) assertEquals((await client.response(id)).status, 200);
    assertEquals((await client.closed())?.code, ErrorCode.NO_ERROR);
  });
});

Deno.test("GOAWAY first tells the highest stream, and then the last one (RFC 9113 §6.8)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async (harness) => {
    const client = harness.connect();
    for (const path of ["/1", "/2"]) client.request({ path });
    await stopWhile(harness, gate, client);
    assertEquals((await client.goneAway()).lastStreamId, largestWindow);
    for (const target of ["/1", "/2"]) gate.open(target);
    assertEquals((await client.closed())?.lastStreamId, 3);
  });
});

Deno.test("what is left behind stop()'s time is cut (RFC 9113 §5.4.3)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect, server }) => {
    const client = connect();
    client.request({ path: "/a" });
    await gate.arrival("/a");
    await within("stop()", server.stop(100));
    assertEquals(gate.signals.get("/a")?.aborted, true);
    await client.until("the end", () => client.ended || undefined);
    gate.open("/a");
  });
});

/** Ways to the graceful end of a connection. */
const endings:
  readonly (readonly [name: string, options: ServerOptions, end: (client: Http2Client) => void])[] = [
    ["stop()", {}, (client) => void client.peer.stop(4_000)],
    ["requestLimit", { requestLimit: 1 }, () => {}],
    ["the client's GOAWAY", {}, (client) => client.goaway()],
  ];

for (const [name, options, end] of endings) {
  for (const how of ["bytes", "a stream"]) {
    Deno.test(`a large response of ${how} is sent in full behind ${name} (RFC 9113 §6.8)`, async () => {
      const bytes = new Uint8Array(1_000_000);
      const body = () => how === "bytes" ? bytes : new Blob([bytes]).stream();
      await withHttp2(() => new Response(body()), options, async ({ connect }) => {
        const client = connect();
        const id = client.request();
        await client.content(id, 65_535);
        end(client);
        await client.sync();
        client.grant(0, bytes.length);
        client.grant(id, bytes.length);
        assertEquals((await client.response(id)).size, bytes.length);
        assertEquals((await client.closed())?.code ?? ErrorCode.NO_ERROR, ErrorCode.NO_ERROR);
      });
    });
  }
}

Deno.test("requestLimit ends the connection with GOAWAY behind its last request (RFC 9113 §6.8)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, { requestLimit: 2 }, async ({ connect }) => {
    const client = connect();
    assertEquals((await client.response(client.request({ path: "/now" }))).text, "now");
    assertEquals(client.log.goaways, []);
    const last = client.request({ path: "/last" });
    await gate.arrival("/last");
    const late = client.request({ path: "/late" });
    await client.sync();
    gate.open("/last");
    assertEquals((await client.response(last)).text, "/last");
    const goaway = await client.closed();
    assertEquals([goaway?.lastStreamId, goaway?.code], [last, ErrorCode.NO_ERROR]);
    assertEquals([gate.targets.includes("/late"), client.stream(late).head], [false, null]);
  });
});

Deno.test("client.stop() ends one connection alone (RFC 9113 §6.8)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect }) => {
    const [one, other] = [connect(), connect()];
    await one.sync();
    const stopped = one.peer.stop(1_000);
    assertEquals((await one.closed())?.code, ErrorCode.NO_ERROR);
    await one.close();
    await within("client.stop()", stopped);
    assertEquals((await other.response(other.request({ path: "/now" }))).text, "now");
  });
});

// Idle connections: a server's clock has ticks of 100 ms

/** Waits for the end, and fails when that comes sooner than after `least` milliseconds. */
async function closedNoSoonerThan(least: number, client: Http2Client): Promise<string> {
  const start = performance.now();
  const goaway = await client.closed();
  const took = performance.now() - start;
  assert(took >= least * 0.9, `took ${took} ms, less than the ${least} ms that were allowed`);
  return goaway === null ? "no GOAWAY" : nameOf(goaway.code);
}

Deno.test("an idle connection ends with GOAWAY of NO_ERROR after http2Timeout (RFC 9113 §9.1)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, { http2Timeout: 300 }, async ({ connect }) => {
    const client = connect();
    await client.response(client.request({ path: "/now" }));
    assertEquals(await closedNoSoonerThan(250, client), "NO_ERROR");
    assertEquals(client.log.goaways.at(-1)?.lastStreamId, 1);
  });
});

Deno.test("a connection that never had a request is idle, too (RFC 9113 §9.1)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, { http2Timeout: 300 }, async ({ connect }) => {
    assertEquals(await closedNoSoonerThan(250, connect()), "NO_ERROR");
  });
});

Deno.test("PING alone does not keep a connection alive for ever (RFC 9113 §9.1, §10.5)", async () => {
  const gate = new Gate();
  const options = { http2Timeout: 300, controlFrameBudget: { burst: 1_000, perSecond: 0 } };
  await withHttp2(gate.handler, options, async ({ connect }) => {
    const client = connect();
    for (let count = 0; count < 200 && !client.ended; count++) {
      client.ping("12345678");
      await pass(20);
    }
    assertEquals((await client.closed())?.code, ErrorCode.NO_ERROR);
  });
});

Deno.test("a connection whose handler runs is not idle (RFC 9113 §9.1)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, { http2Timeout: 200 }, async ({ connect }) => {
    const client = connect();
    const id = client.request({ path: "/slow" });
    await gate.arrival("/slow");
    await pass(700);
    gate.open("/slow");
    assertEquals((await client.response(id)).text, "/slow");
  });
});

Deno.test("requests keep a connection alive (RFC 9113 §9.1)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, { http2Timeout: 400 }, async ({ connect }) => {
    const client = connect();
    for (let round = 0; round < 8; round++) {
      assertEquals((await client.response(client.request({ path: "/now" }))).text, "now");
      await pass(100);
    }
  });
});

for (const sent of ["", "PRI * HTTP", preface, `${preface}\0\0`]) {
  Deno.test(`a client that stops behind ${JSON.stringify(sent)} is not waited for longer than headerTimeout and http2Timeout (RFC 9113 §3.4, §9.1)`, async () => {
    const options = { headerTimeout: 200, http1Timeout: 200, http2Timeout: 200 };
    await withServer(() => new Response(), options, async ({ connect }) => {
      const raw = connect();
      if (sent !== "") await raw.send(sent);
      await raw.readToEnd();
    });
  });
}

Deno.test("half a frame does not keep a connection alive (RFC 9113 §9.1)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, { http2Timeout: 300, headerTimeout: 300 }, async ({ connect }) => {
    const client = connect();
    await client.response(client.request({ path: "/now" }));
    client.send(new Uint8Array([0, 0]));
    await client.closed();
  });
});

// §5.4.3

Deno.test("a client that ends its side while it is idle is let go (RFC 9113 §5.4.3)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect, server }) => {
    const client = connect();
    await client.response(client.request({ path: "/now" }));
    await client.end();
    await client.closed();
    await client.close();
    await until("the end of the client", () => server.clients.size === 0);
  });
});

Deno.test("a client that leaves aborts all of its requests (RFC 9113 §5.4.3)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect, server }) => {
    const client = connect();
    for (const path of ["/1", "/2", "/3"]) client.request({ path });
    await gate.arrival("/3");
    await client.close();
    await until("the abortions", () => [...gate.signals.values()].every(({ aborted }) => aborted));
    for (const target of gate.targets) gate.open(target);
    await until("the end of the client", () => server.clients.size === 0);
  });
});

Deno.test("client.close() in a handler ends the connection (RFC 9113 §5.4.1)", async () => {
  const handler: Handler = (_, exchange) => {
    exchange.client.close();
    return new Response("never sent");
  };
  await withHttp2(handler, {}, async ({ connect, server }) => {
    const client = connect();
    const id = client.request();
    await client.until("the end", () => client.ended || undefined);
    assertEquals(client.stream(id).head, null);
    await turns();
    assertEquals(server.clients.size, 0);
  });
});
