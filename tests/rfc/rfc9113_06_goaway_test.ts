/** RFC 9113 §6.8: the end of a connection at each point of its beginning, and GOAWAY in two steps. */

import type { Handler } from "../../mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { pass, until, within } from "../support/deadline.ts";
import {
  ErrorCode,
  frameBytes,
  FrameType,
  Gate,
  type Http2Client,
  largestWindow,
  preface,
  settingsPayload,
} from "../support/http2_client.ts";
import { type Http2TcpHarness, withHttp2Tcp } from "../support/http2_tcp.ts";
import { concat, latin1 } from "../support/bytes.ts";
import { findTool, runTool, testWithTool } from "../support/tools.ts";

const upgrade = "GET /first HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n" +
  "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n";

const settings = frameBytes({ type: FrameType.SETTINGS, payload: settingsPayload([]) });

/** How far the peer has come with its beginning when the connection is to end; the rest follows afterwards. */
const points: readonly (readonly [name: string, before: Uint8Array, after: Uint8Array])[] = [
  ["ahead of the preface", new Uint8Array(0), concat([latin1(preface), settings])],
  ["in the middle of the preface", latin1(preface.slice(0, 9)), concat([latin1(preface.slice(9)), settings])],
  ["between the preface and SETTINGS", latin1(preface), settings],
  ["in the middle of SETTINGS", concat([latin1(preface), settings.subarray(0, 4)]), settings.subarray(4)],
  ["behind the whole beginning", concat([latin1(preface), settings]), new Uint8Array(0)],
];

/** A response in two parts, of which the second waits. */
function twoParts(gate: Promise<void>, headers: HeadersInit = {}): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream({
    type: "bytes",
    start: (controller) => controller.enqueue(encoder.encode("one")),
    async pull(controller) {
      await gate;
      controller.enqueue(encoder.encode("two"));
      controller.close();
    },
  });
  return new Response(body, { headers });
}

/** Brings an upgrade to h2c so far that the first part of its response has come, or its handler runs. */
async function upgradeTo(
  { connect }: Http2TcpHarness,
  before: Uint8Array,
  ready: (client: Http2Client) => boolean,
): Promise<Http2Client> {
  const client = await connect({ first: concat([latin1(upgrade), before]), upgrades: true });
  client.log.open(1, "GET");
  client.log.onSent({ type: FrameType.SETTINGS });
  await client.until(
    "101 and what comes behind it",
    () => client.http1Head !== "" && ready(client) || undefined,
  );
  return client;
}

for (const [name, before, after] of points) {
  Deno.test(`stop() ${name} of an upgrade to h2c loses no answer (RFC 9113 §3.4, §6.8)`, async () => {
    const gate = new Gate();
    await withHttp2Tcp(gate.handler, { http2Upgrade: true }, async (harness) => {
      const client = await upgradeTo(harness, before, () => gate.targets.length === 1);
      const stopped = harness.server.stop(4_000);
      await client.goneAway();
      client.send(after);
      await client.sync();
      gate.open("/first");
      assertEquals((await client.response(1)).text, "/first");
      const goaway = await client.closed();
      assertEquals([goaway?.code, goaway?.lastStreamId], [ErrorCode.NO_ERROR, 1]);
      assertEquals(gate.signals.get("/first")?.aborted, false);
      await client.close();
      await within("stop()", stopped);
    });
  });

  Deno.test(`"connection: close" on a streamed answer ${name} of an upgrade to h2c loses nothing of it (RFC 9113 §3.4, §6.8)`, async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const handler: Handler = () => twoParts(promise, { connection: "close" });
    await withHttp2Tcp(handler, { http2Upgrade: true }, async (harness) => {
      const client = await upgradeTo(harness, before, (it) => it.stream(1).text === "one");
      client.send(after);
      await client.goneAway();
      await client.sync();
      resolve();
      assertEquals((await client.response(1)).text, "onetwo");
      assertEquals((await client.closed())?.code, ErrorCode.NO_ERROR);
    });
  });

  Deno.test(`a GOAWAY of the client that comes with what it sends ${name} of an upgrade to h2c loses no answer (RFC 9113 §6.8)`, async () => {
    const gate = new Gate();
    await withHttp2Tcp(gate.handler, { http2Upgrade: true }, async (harness) => {
      const client = await upgradeTo(harness, before, () => gate.targets.length === 1);
      client.send(after);
      client.goaway();
      const goaway = await client.goneAway();
      assertEquals([goaway.code, goaway.lastStreamId], [ErrorCode.NO_ERROR, 1]);
      await client.sync();
      gate.open("/first");
      assertEquals((await client.response(1)).text, "/first");
      await client.closed();
    });
  });

  Deno.test(`a fault ${name} of an upgrade to h2c is still found behind stop() (RFC 9113 §3.4)`, async () => {
    const gate = new Gate();
    await withHttp2Tcp(gate.handler, { http2Upgrade: true }, async (harness) => {
      const client = await upgradeTo(harness, before, () => gate.targets.length === 1);
      const stopped = harness.server.stop(4_000);
      await client.goneAway();
      // PRIORITY stands where the rest of the preface, SETTINGS or, on stream 0, nothing at all may stand
      client.send(frameBytes({ type: FrameType.PRIORITY, payload: [0, 0, 0, 0, 0] }));
      const goaway = await client.closed();
      assert(goaway?.code === ErrorCode.PROTOCOL_ERROR || goaway?.code === ErrorCode.FRAME_SIZE_ERROR, name);
      gate.open("/first");
      await client.close();
      await within("stop()", stopped);
    });
  });
}

Deno.test("stop() while the body of an upgrade to h2c comes loses no answer (RFC 9110 §7.8)", async () => {
  const handler: Handler = async (request, { protocol }) =>
    new Response(`${protocol} ${await request.text()}`);
  await withHttp2Tcp(handler, { http2Upgrade: true }, async ({ connect, server }) => {
    const head = upgrade.replace("GET", "POST").replace("\r\n\r\n", "\r\nContent-Length: 10\r\n\r\nhello");
    const client = await connect({ first: head, upgrades: true });
    client.log.open(1, "POST");
    await until("the request", () => server.stats.pendingRequests === 1);
    const stopped = server.stop(4_000);
    client.send("world");
    await client.until("101", () => client.http1Head || undefined);
    client.begin();
    assertEquals((await client.response(1)).text, "HTTP/2 helloworld");
    assertEquals((await client.closed())?.code, ErrorCode.NO_ERROR);
    await client.close();
    await within("stop()", stopped);
  });
});

// Two steps

Deno.test("stop() says that it takes all streams, and the last of them once a round trip is over (RFC 9113 §6.8)", async () => {
  const gate = new Gate();
  await withHttp2Tcp(gate.handler, {}, async ({ connect, server }) => {
    const client = await connect();
    const id = client.request({ path: "/1" });
    await gate.arrival("/1");
    const stopped = server.stop(4_000);
    await client.until("two GOAWAY frames", () => client.log.goaways.length === 2 || undefined);
    assertEquals(client.log.goaways.map(({ code, lastStreamId }) => [code, lastStreamId]), [
      [ErrorCode.NO_ERROR, largestWindow],
      [ErrorCode.NO_ERROR, 1],
    ]);
    gate.open("/1");
    assertEquals((await client.response(id)).text, "/1");
    await client.closed();
    await client.close();
    await within("stop()", stopped);
  });
});

Deno.test("streams that are opened between the two GOAWAY frames are served (RFC 9113 §6.8)", async () => {
  const gate = new Gate();
  await withHttp2Tcp(gate.handler, {}, async ({ connect, server }) => {
    const client = await connect({ acknowledges: false });
    const first = client.request({ path: "/1" });
    await gate.arrival("/1");
    const stopped = server.stop(4_000);
    assertEquals((await client.goneAway()).lastStreamId, largestWindow);
    const late = client.request({ method: "POST", path: "/2", body: "content" });
    await gate.arrival("/2");
    for (const { type, flags, payload } of [...client.log.frames]) {
      if (flags === 0 && type === FrameType.PING) client.frame({ type, flags: 1, payload });
    }
    await client.until("the second GOAWAY", () => client.log.goaways[1]);
    const refused = client.request({ path: "/3" });
    for (const target of ["/1", "/2"]) gate.open(target);
    assertEquals((await client.response(first)).text, "/1");
    assertEquals((await client.response(late)).text, "/2");
    const goaway = await client.closed();
    assertEquals([goaway?.lastStreamId, client.log.goaways.length], [late, 2]);
    assertEquals([gate.targets, client.stream(refused).head], [["/1", "/2"], null]);
    await client.close();
    await within("stop()", stopped);
  });
});

Deno.test("a client that opens its first stream behind the first GOAWAY gets its answer whole (RFC 9113 §6.8)", async () => {
  const gate = new Gate();
  await withHttp2Tcp(() => new Response(new Uint8Array(60_000)), {}, async ({ connect, server }) => {
    const client = await connect({ acknowledges: false });
    await client.until("SETTINGS", () => client.log.frames[0]);
    const stopped = server.stop(4_000);
    await client.goneAway();
    const id = client.request();
    assertEquals((await client.response(id)).size, 60_000);
    assertEquals((await client.closed())?.lastStreamId, id);
    await client.close();
    await within("stop()", stopped);
    assertEquals(gate.targets, []);
  });
});

Deno.test("a client that does not answer PING is told the last stream after a second (RFC 9113 §6.8)", async () => {
  const gate = new Gate();
  await withHttp2Tcp(gate.handler, {}, async ({ connect, server }) => {
    const client = await connect({ acknowledges: false });
    const id = client.request({ path: "/1" });
    await gate.arrival("/1");
    const start = performance.now();
    const stopped = server.stop(10_000);
    await client.until("the second GOAWAY", () => client.log.goaways[1]);
    const took = performance.now() - start;
    assert(took > 900 && took < 2_500, `${took} ms`);
    gate.open("/1");
    assertEquals((await client.response(id)).text, "/1");
    await client.close();
    await within("stop()", stopped);
  });
});

Deno.test("the answer to another PING does not end the round trip (RFC 9113 §6.7, §6.8)", async () => {
  const gate = new Gate();
  await withHttp2Tcp(gate.handler, {}, async ({ connect, server }) => {
    const client = await connect({ acknowledges: false });
    client.request({ path: "/1" });
    await gate.arrival("/1");
    const stopped = server.stop(4_000);
    await client.goneAway();
    client.frame({ type: FrameType.PING, flags: 1, payload: "another." });
    await client.sync();
    assertEquals(client.log.goaways.length, 1);
    gate.open("/1");
    await client.close();
    await within("stop()", stopped);
  });
});

Deno.test("requestLimit and a client's GOAWAY need no round trip: GOAWAY has the last stream at once (RFC 9113 §6.8)", async () => {
  const gate = new Gate();
  await withHttp2Tcp(gate.handler, { requestLimit: 1 }, async ({ connect }) => {
    const client = await connect();
    const id = client.request({ path: "/1" });
    assertEquals((await client.goneAway()).lastStreamId, id);
    gate.open("/1");
    await client.closed();
    assertEquals(client.log.goaways.length, 1);
  });
});

testWithTool(
  findTool("h2load"),
  "h2load",
  "h2load has every request answered that has reached the server, though the server stops (RFC 9113 §6.8)",
  async (path) => {
    const gate = Promise.withResolvers<void>();
    let begun = 0;
    const handler: Handler = async () => {
      if (++begun === 50) gate.resolve();
      await pass(1);
      return new Response("fine");
    };
    await withHttp2Tcp(handler, {}, async ({ server, origin }) => {
      const running = runTool(path, ["-n", "100000", "-c", "4", "-m", "10", origin], 40_000);
      await within("requests", gate.promise);
      await within("stop()", server.stop(5_000), 8_000);
      const { stdout } = await running;
      const [, succeeded] = /requests: .* done, (\d+) succeeded/.exec(stdout) ?? [];
      // the client itself refuses what it was about to send when GOAWAY came
      assertEquals(Number(succeeded), server.stats.requests, stdout);
    });
  },
);

/** A program for `node -e`: asks again and again, 20 requests at a time, and says how many were answered. */
const nodeProgram = `
const session = require("node:http2").connect(process.argv[1]);
let answered = 0;
let over = false;
session.on("goaway", () => over = true);
session.on("close", () => console.log(answered));
function ask() {
  if (over || session.closed || session.destroyed) return;
  const request = session.request({ ":path": "/" });
  let text = "";
  request.setEncoding("utf8");
  request.on("data", (piece) => text += piece);
  request.on("error", () => {});
  request.on("close", () => {
    if (text === "fine") answered++;
    ask();
  });
  request.end();
}
for (let count = 0; count < 20; count++) ask();
`;

testWithTool(
  findTool("node"),
  "node",
  "node:http2 has every request answered that has reached the server, though the server stops (RFC 9113 §6.8)",
  async (path) => {
    const gate = Promise.withResolvers<void>();
    let begun = 0;
    const handler: Handler = async () => {
      if (++begun === 200) gate.resolve();
      await pass(5);
      return new Response("fine");
    };
    await withHttp2Tcp(handler, {}, async ({ server, origin }) => {
      const running = runTool(path, ["-e", nodeProgram, origin]);
      await within("requests", gate.promise);
      await within("stop()", server.stop(5_000), 8_000);
      assertEquals(Number((await running).stdout), server.stats.requests);
    });
  },
);
