/** RFC 9113 §5: the states of streams, their identifiers, how many there may be, and what becomes of errors. */

import type { Exchange, Handler } from "../../mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { turns, until } from "../support/deadline.ts";
import {
  ErrorCode,
  Flag,
  FrameType,
  Gate,
  hpackBlock,
  type Http2Client,
  type Http2Harness,
  nameOf,
  requestFields,
  Settings,
  uint,
  withHttp2,
} from "../support/http2_client.ts";
import { Recorder } from "../support/vectors.ts";

// §5.1: every pair of a state and a type of frame

/** What becomes of a frame: nothing, RST_STREAM with a code, or GOAWAY with one. */
type Outcome = "ok" | `stream ${string}` | `connection ${string}`;

const events = {
  "DATA": (client: Http2Client, id: number) => client.data(id, "a"),
  "HEADERS": (client: Http2Client, id: number) => client.headers(id, requestFields("GET", "/again")),
  "a trailer section": (client: Http2Client, id: number) => client.headers(id, hpackBlock([["x-t", "1"]])),
  "HEADERS without END_STREAM": (client: Http2Client, id: number) =>
    client.headers(id, hpackBlock([["x-t", "1"]]), { endStream: false }),
  "PRIORITY": (client: Http2Client, id: number) =>
    client.frame({ type: FrameType.PRIORITY, streamId: id, payload: [0, 0, 0, 0, 15] }),
  "RST_STREAM": (client: Http2Client, id: number) => client.reset(id),
  "SETTINGS": (client: Http2Client, id: number) => client.frame({ type: FrameType.SETTINGS, streamId: id }),
  "PUSH_PROMISE": (client: Http2Client, id: number) => {
    const payload = Uint8Array.from([...uint(id + 1 + id % 2), ...hpackBlock(requestFields())]);
    client.frame({ type: FrameType.PUSH_PROMISE, flags: Flag.END_HEADERS, streamId: id, payload });
  },
  "PING": (client: Http2Client, id: number) =>
    client.frame({ type: FrameType.PING, streamId: id, payload: "12345678" }),
  "GOAWAY": (client: Http2Client, id: number) =>
    client.frame({ type: FrameType.GOAWAY, streamId: id, payload: [...uint(0), ...uint(0)] }),
  "WINDOW_UPDATE": (client: Http2Client, id: number) => client.grant(id, 1),
  "CONTINUATION": (client: Http2Client, id: number) => client.continuation(id, hpackBlock([["x-t", "1"]])),
  "PRIORITY_UPDATE": (client: Http2Client, id: number) =>
    client.frame({ type: FrameType.PRIORITY_UPDATE, streamId: id, payload: [...uint(1), 0x75, 0x3d, 0x31] }),
  "a frame of an unknown type": (client: Http2Client, id: number) =>
    client.frame({ type: 0x42, streamId: id, payload: "abc" }),
} as const;

type Event = keyof typeof events;

const protocolError = "connection PROTOCOL_ERROR";

/** What belongs to the connection, and what no client may send, is so in every state. */
const everywhere = {
  "PRIORITY": ["ok"],
  "SETTINGS": [protocolError],
  "PUSH_PROMISE": [protocolError],
  "PING": [protocolError],
  "GOAWAY": [protocolError],
  "CONTINUATION": [protocolError],
  "PRIORITY_UPDATE": [protocolError],
  "a frame of an unknown type": ["ok"],
} as const;

interface State {
  readonly name: string;
  /** Brings a stream into the state, and gives its identifier. */
  readonly enter: (client: Http2Client, gate: Gate) => Promise<number>;
  readonly outcomes: Readonly<Partial<Record<Event, readonly Outcome[]>>>;
}

const idle: State["outcomes"] = {
  ...everywhere,
  "DATA": [protocolError],
  "RST_STREAM": [protocolError],
  "WINDOW_UPDATE": [protocolError],
};

/** Frames that may have been under way when the server closed the stream. */
const closedByServer: State["outcomes"] = {
  ...everywhere,
  "DATA": ["ok"],
  "a trailer section": ["ok"],
  "HEADERS without END_STREAM": ["ok"],
  "RST_STREAM": ["ok"],
  "WINDOW_UPDATE": ["ok"],
};

const streamClosed: readonly Outcome[] = ["stream STREAM_CLOSED", "connection STREAM_CLOSED"];
const wrongId: readonly Outcome[] = [...streamClosed, protocolError];

const states: readonly State[] = [
  {
    name: "idle",
    enter: (client) => Promise.resolve(client.takeId()),
    outcomes: { ...idle, "HEADERS": ["ok"] },
  },
  {
    name: "idle and of the server",
    enter: () => Promise.resolve(2),
    outcomes: { ...idle, "HEADERS": [protocolError] },
  },
  {
    name: "reserved (local)",
    async enter(client, gate) {
      client.request({ path: "/push" });
      await gate.arrival("/pushed");
      await client.sync();
      assertEquals(client.stream(2).head, null);
      return 2;
    },
    outcomes: {
      ...everywhere,
      "DATA": [protocolError],
      "HEADERS": [protocolError],
      "RST_STREAM": ["ok"],
      "WINDOW_UPDATE": ["ok"],
    },
  },
  {
    name: "open",
    async enter(client, gate) {
      const id = client.request({ method: "POST", path: "/open", endStream: false });
      await gate.arrival("/open");
      return id;
    },
    outcomes: {
      ...everywhere,
      "DATA": ["ok"],
      "HEADERS": ["stream PROTOCOL_ERROR"],
      "a trailer section": ["ok"],
      "HEADERS without END_STREAM": ["stream PROTOCOL_ERROR"],
      "RST_STREAM": ["ok"],
      "WINDOW_UPDATE": ["ok"],
    },
  },
  {
    name: "half-closed (local), or closed by the server as soon as it has answered",
    async enter(client) {
      const id = client.request({ method: "POST", path: "/now", endStream: false });
      await client.response(id);
      return id;
    },
    outcomes: { ...closedByServer, "HEADERS without END_STREAM": ["ok", "stream PROTOCOL_ERROR"] },
  },
  {
    name: "half-closed (remote)",
    async enter(client, gate) {
      const id = client.request({ path: "/half" });
      await gate.arrival("/half");
      return id;
    },
    outcomes: {
      ...everywhere,
      "DATA": ["stream STREAM_CLOSED"],
      "HEADERS": ["stream STREAM_CLOSED"],
      "a trailer section": ["stream STREAM_CLOSED"],
      "HEADERS without END_STREAM": ["stream STREAM_CLOSED"],
      "RST_STREAM": ["ok"],
      "WINDOW_UPDATE": ["ok"],
    },
  },
  {
    name: "closed by END_STREAM of both",
    async enter(client) {
      const id = client.request({ path: "/now" });
      await client.response(id);
      return id;
    },
    outcomes: {
      ...everywhere,
      "DATA": streamClosed,
      "HEADERS": wrongId,
      "a trailer section": wrongId,
      "RST_STREAM": ["ok"],
      "WINDOW_UPDATE": ["ok"],
    },
  },
  {
    name: "closed by RST_STREAM of the client",
    async enter(client, gate) {
      const id = client.request({ method: "POST", path: "/reset", endStream: false });
      await gate.arrival("/reset");
      client.reset(id);
      return id;
    },
    outcomes: {
      ...everywhere,
      "DATA": streamClosed,
      "HEADERS": wrongId,
      "a trailer section": wrongId,
      "RST_STREAM": ["ok", "connection STREAM_CLOSED"],
      "WINDOW_UPDATE": ["ok", ...streamClosed],
    },
  },
  {
    name: "closed by RST_STREAM of the server",
    async enter(client, gate) {
      const id = client.request({ method: "POST", path: "/reset", endStream: false });
      await gate.arrival("/reset");
      client.grant(id, 0);
      await client.resetCode(id);
      return id;
    },
    outcomes: closedByServer,
  },
  {
    name: "closed because a later one was opened",
    async enter(client) {
      client.request({ id: 3, path: "/now" });
      await client.response(3);
      return 1;
    },
    outcomes: {
      ...everywhere,
      "DATA": wrongId,
      "HEADERS": [protocolError],
    },
  },
];

const pushing: (gate: Gate) => Handler = (gate) => (request, exchange) => {
  if (exchange.target === "/push") exchange.push("/pushed");
  return gate.handler(request, exchange);
};

for (const { name, enter, outcomes } of states) {
  for (const [event, allowed] of Object.entries(outcomes)) {
    const what = `${event} on a stream that is ${name}`;
    Deno.test(`${what}: ${allowed.join(" or ")} (RFC 9113 §5.1)`, async () => {
      const gate = new Gate();
      await withHttp2(pushing(gate), {}, async ({ connect }) => {
        const client = connect();
        const id = await enter(client, gate);
        const before = client.log.streams.get(id)?.resets.length ?? 0;
        const targets = gate.targets.length;
        events[event as Event](client, id);
        const outcome = await outcomeOf(client, id, before);
        assert(allowed.includes(outcome), `${what}: got ${outcome}. ${client.describe()}`);
        const further = event === "HEADERS" && outcome === "ok" ? 1 : 0;
        assertEquals(gate.targets.length, targets + further, "requests dispatched");
        if (!outcome.startsWith("connection")) await expectUsable(client);
        for (const target of gate.targets) gate.open(target);
      });
    });
  }
}

/** What the server makes of the frames that were sent. */
async function outcomeOf(client: Http2Client, id: number, before: number): Promise<Outcome> {
  const resets = () => client.log.streams.get(id)?.resets.slice(before) ?? [];
  client.ping("outcome.");
  await client.until(
    "an outcome",
    () => client.ended || client.log.pongs.includes("outcome.") || undefined,
  );
  const goaway = client.log.goaways[0];
  if (goaway !== undefined) {
    await client.closed();
    return `connection ${nameOf(goaway.code)}`;
  }
  assert(!client.ended, "the connection ended without GOAWAY");
  const [code] = resets();
  assert(resets().length < 2, "more than one RST_STREAM (RFC 9113 §5.4.2)");
  return code === undefined ? "ok" : `stream ${nameOf(code)}`;
}

async function expectUsable(client: Http2Client): Promise<void> {
  const id = client.request({ path: "/now/behind", id: Math.max(...client.log.streams.keys()) | 1 | 64 });
  assertEquals((await client.response(id)).text, "now");
}

Deno.test("frames on a stream do not disturb the response that is under way (RFC 9113 §5.1)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ method: "POST", path: "/open", endStream: false });
    await gate.arrival("/open");
    events["PRIORITY"](client, id);
    events["WINDOW_UPDATE"](client, id);
    events["a frame of an unknown type"](client, id);
    client.data(id, "abc");
    client.data(id, "", true);
    await client.sync();
    gate.open("/open", new Response("whole"));
    assertEquals((await client.response(id)).text, "whole");
  });
});

Deno.test("a stream error of a half-closed stream ends its response (RFC 9113 §5.1, §5.4.2)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ path: "/half" });
    await gate.arrival("/half");
    client.data(id, "too late");
    assertEquals(nameOf(await client.resetCode(id)), "STREAM_CLOSED");
    await until("the abortion of the request", () => gate.signals.get("/half")?.aborted === true);
    gate.open("/half");
    await turns();
    await client.expectAlive();
    assertEquals(client.stream(id).head, null, "the response behind RST_STREAM");
  });
});

// §5.1.1: identifiers

Deno.test("a client may skip identifiers (RFC 9113 §5.1.1)", async () => {
  await withHttp2(new Recorder().handler, {}, async ({ connect }) => {
    const client = connect();
    for (const id of [1, 7, 101, 2 ** 31 - 1]) {
      assertEquals((await client.response(client.request({ id }))).status, 200);
    }
  });
});

for (const id of [2, 4, 2 ** 31 - 2]) {
  Deno.test(`a server rejects a request on stream ${id} (RFC 9113 §5.1.1)`, async () => {
    const recorder = new Recorder();
    await withHttp2(recorder.handler, {}, async ({ connect }) => {
      const client = connect();
      client.headers(id, requestFields());
      await client.expectConnectionError(ErrorCode.PROTOCOL_ERROR);
      assertEquals(recorder.seen, []);
    });
  });
}

Deno.test("a server rejects a stream below the last one (RFC 9113 §5.1.1)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect }) => {
    const client = connect();
    client.request({ id: 5, path: "/five" });
    client.request({ id: 3, path: "/three" });
    await client.expectConnectionError(ErrorCode.PROTOCOL_ERROR);
    assertEquals(gate.targets, ["/five"]);
    gate.open("/five");
  });
});

// §5.1.2: concurrency

Deno.test("a server tells how many streams it takes (RFC 9113 §5.1.2)", async () => {
  await withHttp2(() => new Response(), { concurrentStreamLimit: 7 }, async ({ connect }) => {
    const client = connect();
    await client.acknowledged();
    assertEquals(client.log.settings.get(Settings.MAX_CONCURRENT_STREAMS), 7);
  });
});

Deno.test("streams up to the limit are served at once, and the next is refused (RFC 9113 §5.1.2, §8.7)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, { concurrentStreamLimit: 3 }, async ({ connect }) => {
    const client = connect();
    const ids = ["/1", "/2", "/3"].map((path) => client.request({ path }));
    const refused = client.request({ path: "/4" });
    await client.expectStreamError(refused, ErrorCode.REFUSED_STREAM);
    assertEquals(gate.targets, ["/1", "/2", "/3"]);
    gate.open("/1");
    assertEquals((await client.response(ids[0] ?? 0)).text, "/1");
    await until("the end of the exchange", () => client.peer.pendingResponseCount === 2);
    const again = client.request({ path: "/now" });
    assertEquals((await client.response(again)).text, "now");
    gate.open("/2");
    gate.open("/3");
    for (const id of ids) assertEquals((await client.response(id)).status, 200);
  });
});

Deno.test("open and half-closed streams count alike (RFC 9113 §5.1.2)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, { concurrentStreamLimit: 2 }, async ({ connect }) => {
    const client = connect();
    client.request({ path: "/half" });
    client.request({ method: "POST", path: "/open", endStream: false });
    await client.expectStreamError(client.request({ path: "/now" }), ErrorCode.REFUSED_STREAM);
    gate.open("/half");
    gate.open("/open");
  });
});

// §5.4: errors

/** Requests of which one has been answered, one runs, and one comes behind the error. */
async function fail({ connect }: Http2Harness, gate: Gate): Promise<Http2Client> {
  const client = connect();
  await client.response(client.request({ path: "/now" }));
  client.request({ path: "/running" });
  await gate.arrival("/running");
  client.frame({ type: FrameType.PING, streamId: 1, payload: "12345678" });
  client.request({ path: "/behind" });
  return client;
}

Deno.test("a connection error is told by GOAWAY with the last stream, and ends the connection (RFC 9113 §5.4.1)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async (harness) => {
    const client = await fail(harness, gate);
    await client.expectConnectionError(ErrorCode.PROTOCOL_ERROR);
    assertEquals(client.log.goaways.map(({ lastStreamId }) => lastStreamId), [3]);
    gate.open("/running");
  });
});

Deno.test("nothing behind a connection error is looked at (RFC 9113 §5.4.1)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async (harness) => {
    const client = await fail(harness, gate);
    await client.closed();
    await turns();
    assertEquals(gate.targets, ["/now", "/running"]);
    gate.open("/running");
  });
});

Deno.test("a connection error aborts the requests that run (RFC 9113 §5.4.1)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, { lingerTimeout: 100 }, async (harness) => {
    await fail(harness, gate);
    await until("the abortion", () => gate.signals.get("/running")?.aborted === true);
    gate.open("/running");
  });
});

Deno.test("a connection error of one client is none of another (RFC 9113 §5.4.1)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async (harness) => {
    const other = harness.connect();
    await fail(harness, gate);
    assertEquals((await other.response(other.request({ path: "/now/other" }))).text, "now");
    gate.open("/running");
  });
});

Deno.test("a server does not answer RST_STREAM with RST_STREAM (RFC 9113 §5.4.2)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect }) => {
    const client = connect();
    const ids = ["/1", "/2", "/3"].map((path) => client.request({ path, endStream: path !== "/2" }));
    await gate.arrival("/3");
    for (const id of ids) client.reset(id);
    for (const id of ids) client.reset(id);
    for (const target of gate.targets) gate.open(target);
    await turns();
    await client.expectAlive();
    for (const id of ids) assertEquals(client.stream(id).resets, [], `RST_STREAM on stream ${id}`);
  });
});

Deno.test("a server sends nothing more on a stream that the client has reset (RFC 9113 §6.4)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ path: "/a" });
    await gate.arrival("/a");
    client.reset(id);
    await client.sync();
    const from = client.log.frames.length;
    gate.open("/a", new Response("late"));
    await turns();
    await client.expectAlive();
    const late = client.log.frames.slice(from).filter(({ streamId }) => streamId === id);
    assertEquals(late, []);
  });
});

Deno.test("a stream error leaves the other streams alone (RFC 9113 §5.4.2)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect }) => {
    const client = connect();
    const [wrong, right] = [client.request({ path: "/wrong" }), client.request({ path: "/right" })];
    client.grant(wrong, 0);
    await client.expectStreamError(wrong, ErrorCode.PROTOCOL_ERROR);
    gate.open("/right");
    gate.open("/wrong");
    assertEquals((await client.response(right)).text, "/right");
  });
});

// §5.5: extensions

for (const code of [0x0e, 0xff, 0xffff_ffff]) {
  Deno.test(`RST_STREAM with the unknown code ${code} is as any other (RFC 9113 §5.5, §7)`, async () => {
    const gate = new Gate();
    await withHttp2(gate.handler, {}, async ({ connect }) => {
      const client = connect();
      const id = client.request({ path: "/a" });
      await gate.arrival("/a");
      client.reset(id, code);
      await client.expectAlive();
      assertEquals(gate.signals.get("/a")?.aborted, true);
      gate.open("/a");
      assertEquals((await client.response(client.request({ path: "/now" }))).status, 200);
    });
  });
}

Deno.test("settings that are not known are ignored and acknowledged (RFC 9113 §5.5, §6.5.2)", async () => {
  await withHttp2(new Recorder().handler, {}, async ({ connect }) => {
    const client = connect({ settings: [[0, 1], [0x7, 5], [0xff, 2 ** 32 - 1], [0x4444, 0]] });
    await client.acknowledged();
    assertEquals((await client.response(client.request())).status, 200);
  });
});

// §5.1 as a handler sees it

Deno.test("each stream is one exchange, in the order of its HEADERS (RFC 9113 §5)", async () => {
  const seen: [string, number][] = [];
  const ids = new Set<Exchange["client"]>();
  const handler: Handler = (_, exchange) => {
    ids.add(exchange.client);
    seen.push([exchange.target, exchange.client.pendingResponseCount]);
    return new Response(exchange.target);
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    const paths = Array.from({ length: 20 }, (_, index) => `/${index}`);
    const streams = paths.map((path) => client.request({ path }));
    for (const [index, id] of streams.entries()) {
      assertEquals((await client.response(id)).text, `/${index}`);
    }
    assertEquals(seen.map(([target]) => target), paths);
    assertEquals(ids.size, 1, "clients");
  });
});

Deno.test("streams are interleaved: a slow one does not hold up another (RFC 9113 §5)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect }) => {
    const client = connect();
    const slow = client.request({ path: "/slow" });
    const upload = client.request({ method: "POST", path: "/upload", endStream: false });
    client.data(upload, "half");
    for (let round = 0; round < 5; round++) {
      assertEquals((await client.response(client.request({ path: "/now" }))).text, "now");
    }
    gate.open("/slow");
    gate.open("/upload");
    assertEquals((await client.response(slow)).text, "/slow");
  });
});
