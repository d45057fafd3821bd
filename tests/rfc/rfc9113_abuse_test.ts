/**
 * RFC 9113 §10.5: what a peer may do for nothing. Each budget is made small: up to it nothing happens, and one beyond is
 * answered with GOAWAY and ENHANCE_YOUR_CALM.
 */

import type { Handler } from "../../mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { pass, turns, until } from "../support/deadline.ts";
import {
  ErrorCode,
  FrameType,
  Gate,
  hpackBlock,
  hpackInteger,
  type Http2Client,
  largestWindow,
  requestFields,
  Settings,
  uint,
  withHttp2,
} from "../support/http2_client.ts";
import type { ServerOptions } from "../support/server.ts";

/** One thing to do too often. */
interface Abuse {
  readonly name: string;
  readonly option: string;
  /** A class of attack, by the first CVE that was given for it. */
  readonly section: string;
  /** Does it once. */
  readonly once: (client: Http2Client) => void | Promise<void>;
  readonly options?: ServerOptions;
}

const burst = 5;

/** A request that is held by its handler. */
function hold(client: Http2Client, endStream = true): number {
  return client.request({ method: endStream ? "GET" : "POST", path: "/held", endStream });
}

const abuses: readonly Abuse[] = [
  {
    name: "streams that the peer resets",
    option: "peerResetBudget",
    section: "CVE-2023-44487",
    once: (client) => client.reset(hold(client)),
  },
  {
    name: "streams that the peer resets while they are open",
    option: "peerResetBudget",
    section: "CVE-2023-44487",
    once: (client) => client.reset(hold(client, false)),
  },
  {
    name: "streams that the server resets for a WINDOW_UPDATE of 0",
    option: "ownResetBudget",
    section: "CVE-2025-8671",
    once: (client) => client.grant(hold(client), 0),
  },
  {
    name: "streams that the server resets for a window that overflows",
    option: "ownResetBudget",
    section: "CVE-2025-8671",
    once: (client) => client.grant(hold(client), largestWindow),
  },
  {
    name: "streams that the server resets for a PRIORITY of a wrong size",
    option: "ownResetBudget",
    section: "CVE-2025-8671",
    once: (client) => client.frame({ type: FrameType.PRIORITY, streamId: hold(client), payload: [0] }),
  },
  {
    name: "streams that the server resets for DATA behind END_STREAM",
    option: "ownResetBudget",
    section: "CVE-2025-8671",
    once: (client) => client.data(hold(client), "a"),
  },
  {
    name: "streams that the server resets for HEADERS behind END_STREAM",
    option: "ownResetBudget",
    section: "CVE-2025-8671",
    once: (client) => client.headers(hold(client), [["x-t", "1"]]),
  },
  {
    name: "PING frames",
    option: "controlFrameBudget",
    section: "CVE-2019-9512",
    once: (client) => client.ping("12345678"),
  },
  {
    name: "SETTINGS frames",
    option: "controlFrameBudget",
    section: "CVE-2019-9515",
    once: (client) => client.settings([]),
  },
  {
    name: "PRIORITY frames",
    option: "oddityBudget",
    section: "CVE-2019-9513",
    once: (client) => client.frame({ type: FrameType.PRIORITY, streamId: 99, payload: [0, 0, 0, 0, 1] }),
  },
  {
    name: "WINDOW_UPDATE frames for the connection",
    option: "oddityBudget",
    section: "CVE-2019-9511",
    once: (client) => client.grant(0, 1),
  },
  {
    name: "frames of unknown types",
    option: "oddityBudget",
    section: "RFC 9113 §10.5",
    once: (client) => client.frame({ type: 0x42, payload: "abc" }),
  },
  {
    name: "PRIORITY_UPDATE frames",
    option: "oddityBudget",
    section: "RFC 9218 §7.1",
    once: (client) =>
      client.frame({ type: FrameType.PRIORITY_UPDATE, payload: [...uint(1), 0x75, 0x3d, 0x31] }),
  },
];

/** Everything is allowed but what the test is about. */
const generous = Object.fromEntries(
  ["peerResetBudget", "ownResetBudget", "controlFrameBudget", "emptyFrameBudget", "oddityBudget"]
    .map((option) => [option, { burst: 10_000, perSecond: 0 }]),
);

function limited(option: string, perSecond = 0): ServerOptions {
  return { ...generous, [option]: { burst, perSecond } };
}

/** Answers at once and without DATA, but what is held until the request is aborted. */
const held: Handler = (request, exchange) => {
  if (exchange.target !== "/held") return new Response(null, { status: 204 });
  return new Promise((resolve) => {
    request.signal.addEventListener("abort", () => resolve(new Response("too late")));
  });
};

/** Fails unless requests are answered. */
async function expectServed(client: Http2Client): Promise<void> {
  assertEquals((await client.response(client.request({ path: "/fine" }))).status, 204);
  assertEquals(client.log.goaways, [], client.describe());
}

for (const { name, option, section, once } of abuses) {
  Deno.test(`as many ${name} as ${option} allows do no harm (RFC 9113 §10.5, ${section})`, async () => {
    await withHttp2(held, limited(option), async ({ connect }) => {
      const client = connect();
      await expectServed(client);
      for (let count = 0; count < burst; count++) once(client);
      await expectServed(client);
    });
  });

  Deno.test(`more ${name} than ${option} allows end the connection with ENHANCE_YOUR_CALM (RFC 9113 §10.5, ${section})`, async () => {
    await withHttp2(held, limited(option), async ({ connect }) => {
      const client = connect();
      await expectServed(client);
      for (let count = 0; count < burst + 1; count++) once(client);
      await client.expectConnectionError(ErrorCode.ENHANCE_YOUR_CALM);
    });
  });
}

for (const count of [burst, burst + 1]) {
  const what = count === burst ? "as many GOAWAY frames as" : "more GOAWAY frames than";
  const end = count === burst ? "do no harm" : "end the connection with ENHANCE_YOUR_CALM";
  Deno.test(`${what} oddityBudget allows ${end} (RFC 9113 §10.5)`, async () => {
    const gate = new Gate();
    await withHttp2(gate.handler, limited("oddityBudget"), async ({ connect }) => {
      const client = connect();
      const id = client.request({ path: "/a" });
      await gate.arrival("/a");
      for (let times = 0; times < count; times++) client.goaway();
      if (count > burst) return await client.expectConnectionError(ErrorCode.ENHANCE_YOUR_CALM);
      await client.sync();
      gate.open("/a");
      assertEquals((await client.response(id)).text, "/a");
    });
    gate.open("/a");
  });
}

// DATA without content, on a stream that is open

const emptyFrames: readonly (readonly [name: string, send: (client: Http2Client, id: number) => void])[] = [
  ["empty DATA frames", (client, id) => client.data(id, "")],
  ["DATA frames of nothing but padding", (client, id) => {
    client.frame({
      type: FrameType.DATA,
      flags: 0x8,
      streamId: id,
      payload: new Uint8Array([9, ...Array(9).fill(0)]),
    });
  }],
  ["DATA frames of one byte, behind many that nobody reads", (client, id) => client.data(id, "x")],
];

for (const [name, send] of emptyFrames) {
  Deno.test(`as many ${name} as emptyFrameBudget allows do no harm (RFC 9113 §10.5, CVE-2019-9518)`, async () => {
    await withHttp2(held, limited("emptyFrameBudget"), async ({ connect }) => {
      const client = connect();
      const id = hold(client, false);
      client.data(id, "x".repeat(10_000));
      for (let count = 0; count < burst; count++) send(client, id);
      await expectServed(client);
    });
  });

  Deno.test(`more ${name} than emptyFrameBudget allows end the connection with ENHANCE_YOUR_CALM (RFC 9113 §10.5, CVE-2019-9518)`, async () => {
    await withHttp2(held, limited("emptyFrameBudget"), async ({ connect }) => {
      const client = connect();
      const id = hold(client, false);
      client.data(id, "x".repeat(10_000));
      for (let count = 0; count < burst + 1; count++) send(client, id);
      await client.expectConnectionError(ErrorCode.ENHANCE_YOUR_CALM);
    });
  });
}

Deno.test("an empty DATA frame that ends a stream is none too many (RFC 9113 §8.1, §10.5)", async () => {
  const handler: Handler = async (request) => new Response(await request.text());
  await withHttp2(handler, limited("emptyFrameBudget"), async ({ connect }) => {
    const client = connect();
    for (let count = 0; count < 4 * burst; count++) {
      const id = client.request({ method: "POST", endStream: false });
      client.data(id, "a".repeat(1_000));
      client.data(id, "", true);
      assertEquals((await client.response(id)).size, 1_000);
    }
  });
});

// CONTINUATION

for (const [name, size] of [["of some bytes", 2], ["that are empty", 0]] as const) {
  Deno.test(`continuationFrameLimit frames ${name} do no harm (RFC 9113 §10.5.1, CVE-2024-27316)`, async () => {
    await withHttp2(held, { continuationFrameLimit: 3 }, async ({ connect }) => {
      const client = connect();
      sendContinuations(client, 3, size);
      assertEquals((await client.response(1)).status, 204);
    });
  });

  Deno.test(`more than continuationFrameLimit frames ${name} end the connection with ENHANCE_YOUR_CALM (RFC 9113 §10.5.1, CVE-2024-27316)`, async () => {
    await withHttp2(held, { continuationFrameLimit: 3 }, async ({ connect }) => {
      const client = connect();
      sendContinuations(client, 4, size);
      await client.expectConnectionError(ErrorCode.ENHANCE_YOUR_CALM);
    });
  });
}

function sendContinuations(client: Http2Client, count: number, size: number): void {
  const block = hpackBlock(requestFields());
  client.headers(1, block.subarray(0, block.length - count * size), { endHeaders: false });
  for (let left = count - 1; left >= 0; left--) {
    const at = block.length - (left + 1) * size;
    client.continuation(1, block.subarray(at, at + size), left === 0);
  }
}

Deno.test("CONTINUATION without an end is stopped before its block is (RFC 9113 §10.5.1, CVE-2024-27316)", async () => {
  await withHttp2(held, {}, async ({ connect }) => {
    const client = connect();
    client.headers(1, hpackBlock(requestFields()), { endHeaders: false });
    for (let count = 0; count < 40; count++) client.continuation(1, new Uint8Array(16_000).fill(0x82), false);
    await client.expectConnectionError(ErrorCode.ENHANCE_YOUR_CALM);
  });
});

Deno.test("a block of references to one large entry is never expanded (RFC 9113 §10.5.1, CVE-2016-6581)", async () => {
  await withHttp2(held, {}, async ({ connect }) => {
    const client = connect();
    const large = [0x40, 1, 0x78, ...hpackInteger(3_900, 7), ...new Uint8Array(3_900).fill(0x61)];
    const block = [...hpackBlock(requestFields()), ...large, ...new Array(12_000).fill(0x80 | 62)];
    client.headers(1, Uint8Array.from(block));
    const outcome = await client.until("an answer", () => client.ended || client.stream(1).over || undefined);
    assert(outcome, "no answer");
    if (client.stream(1).ended) assertEquals(client.stream(1).status, 431);
  });
});

// Budgets come back

Deno.test("a budget grows again with time (RFC 9113 §10.5)", async () => {
  await withHttp2(held, limited("controlFrameBudget", 100), async ({ connect }) => {
    const client = connect();
    for (let round = 0; round < 3; round++) {
      for (let count = 0; count < burst - 1; count++) client.ping("12345678");
      await expectServed(client);
      await pass(300); // the clock of a server has ticks of 100 ms
    }
  });
});

Deno.test("an ordinary client that downloads much exceeds no budget (RFC 9113 §10.5)", async () => {
  const size = 20_000_000;
  const handler: Handler = () => new Response(new Uint8Array(size));
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect({ deadline: 20_000 });
    const id = client.request();
    for (let given = 65_535; given < size; given += 10_000) {
      client.grant(0, 10_000);
      client.grant(id, 10_000);
      if (given % 100 === 35) await client.content(id, given);
    }
    assertEquals((await client.response(id)).size, size);
  });
});

Deno.test("an ordinary client that sends small pieces, read at once, exceeds no budget (RFC 9113 §10.5)", async () => {
  const handler: Handler = (request) => new Response(request.body);
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ method: "POST", endStream: false });
    for (let count = 1; count <= 500; count++) {
      client.data(id, "a");
      await client.content(id, count);
    }
    client.data(id, "", true);
    assertEquals((await client.response(id)).size, 500);
  });
});

Deno.test("a client whose requests are refused for their number exceeds no budget by the usual (RFC 9113 §10.5)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, { concurrentStreamLimit: 1 }, async ({ connect }) => {
    const client = connect();
    client.request({ path: "/held" });
    for (let count = 0; count < 50; count++) {
      assertEquals(await client.resetCode(client.request({ path: "/now" })), ErrorCode.REFUSED_STREAM);
    }
    await client.expectAlive();
    gate.open("/held");
  });
});

// Handlers that run for streams that are over

Deno.test("handlers of streams that were reset count until they end (RFC 9113 §10.5, CVE-2023-44487)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, { concurrentStreamLimit: 2 }, async ({ connect }) => {
    const client = connect();
    for (const path of ["/1", "/2"]) client.reset(client.request({ path }));
    await client.expectStreamError(client.request({ path: "/3" }), ErrorCode.REFUSED_STREAM);
    assertEquals(gate.targets.includes("/3"), false);
    gate.open("/1");
    await turns();
    assertEquals((await client.response(client.request({ path: "/now" }))).text, "now");
    gate.open("/2");
  });
});

Deno.test("never more handlers run for one connection than streams are allowed (RFC 9113 §10.5, CVE-2023-44487)", async () => {
  const state = { running: 0, most: 0 };
  const handler: Handler = async () => {
    state.most = Math.max(state.most, ++state.running);
    await pass(20);
    state.running--;
    return new Response();
  };
  await withHttp2(handler, { concurrentStreamLimit: 10, ...generous }, async ({ connect }) => {
    const client = connect();
    for (let count = 0; count < 500; count++) {
      const id = client.request();
      if (count % 3 > 0) client.reset(id);
    }
    await client.sync();
    assert(state.most <= 10, `${state.most} handlers ran at once`);
    await until("the handlers' end", () => state.running === 0);
  });
});

// Who does not read

Deno.test("PING without reading the answers does not fill the memory (RFC 9113 §10.5, CVE-2019-9512)", async () => {
  const options = {
    ...generous,
    controlFrameBudget: { burst: 1_000_000, perSecond: 0 },
    softStreamCap: 20_000,
  };
  await withHttp2(held, options, async ({ connect }) => {
    const client = connect();
    await client.acknowledged();
    client.hold();
    const pings = new Uint8Array(17 * 20_000);
    for (let at = 0; at < pings.length; at += 17) pings.set([0, 0, 8, FrameType.PING], at);
    client.send(pings);
    await turns(50);
    assert(client.peer.bufferSize <= 4 * 20_000, `${client.peer.bufferSize} bytes wait`);
    client.resume();
    await client.until("the answers", () => client.log.pongs.length === 20_000 || undefined);
  });
});

Deno.test("responses that are not read do not fill the memory (RFC 9113 §10.5, CVE-2019-9517)", async () => {
  const state = { pulled: 0 };
  const handler: Handler = () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          state.pulled += 10_000;
          controller.enqueue(new Uint8Array(10_000));
        },
      }),
    );
  await withHttp2(handler, { softStreamCap: 50_000 }, async ({ connect }) => {
    const client = connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, largestWindow]] });
    client.grant(0, largestWindow - 65_535);
    await client.acknowledged();
    client.hold();
    for (let count = 0; count < 20; count++) client.request();
    await turns(50);
    assert(client.peer.bufferSize <= 50_000 + 20 * 20_000, `${client.peer.bufferSize} bytes wait`);
    const pulled = state.pulled;
    await turns(50);
    assertEquals(state.pulled, pulled, "bytes that were pulled further");
    assert(pulled <= 65_536 + 50_000 + 20 * 40_000, `${pulled} bytes were pulled`);
  });
});

// Time limits of streams: a server's clock has ticks of 100 ms

for (const drips of [false, true]) {
  const how = drips ? "opened by a byte now and then" : "never opened";
  Deno.test(`a stream whose window is ${how} is reset after windowStallTimeout (RFC 9113 §10.5, CVE-2016-8740)`, async () => {
    const handler: Handler = () => new Response(new Uint8Array(100_000));
    const options = { windowStallTimeout: 400 };
    await withHttp2(handler, options, async ({ connect }) => {
      const client = connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 0]] });
      const id = client.request();
      await client.head(id);
      while (drips && client.stream(id).resets.length === 0) {
        client.grant(id, 1);
        await pass(20);
        assert(client.stream(id).size < 100, "the stream was not reset");
      }
      await client.resetCode(id);
      await client.expectAlive();
    });
  });
}

Deno.test("a body that stalls is answered 408 or reset after streamTimeout, and others go on (RFC 9113 §10.5)", async () => {
  const handler: Handler = async (request) => new Response(`${(await request.text()).length}`);
  await withHttp2(handler, { streamTimeout: 300 }, async ({ connect }) => {
    const client = connect();
    const stalled = client.request({ method: "POST", endStream: false });
    client.data(stalled, "half");
    const stream = await client.over(stalled);
    if (stream.ended) assertEquals(stream.status, 408);
    const other = client.request({ method: "POST", body: "whole" });
    assertEquals((await client.response(other)).text, "5");
  });
});

Deno.test("a field block that never ends is not waited for longer than headerTimeout (RFC 9113 §10.5.1)", async () => {
  await withHttp2(held, { headerTimeout: 300 }, async ({ connect }) => {
    const client = connect();
    await expectServed(client);
    client.headers(client.takeId(), hpackBlock(requestFields()).subarray(0, 5), { endHeaders: false });
    await client.closed();
  });
});
