/**
 * RFC 9218: the order in which responses share a connection. The connection's window is used up first, so that all responses
 * wait when it opens; what comes then shows their order.
 */

import type { Handler } from "../../mod.ts";
import { assert, assertEquals, assertOneOf } from "../support/assert.ts";
import { until } from "../support/deadline.ts";
import {
  ErrorCode,
  FrameType,
  Gate,
  type Http2Client,
  type Http2ConnectOptions,
  initialWindow,
  largestWindow,
  nameOf,
  Settings,
  uint,
  withHttp2,
} from "../support/http2_client.ts";
import type { ServerOptions } from "../support/server.ts";

/** Answers with as many bytes as the target says, at once or, for `/1000/stream`, as a stream. */
const sized: Handler = (_, exchange) => {
  const [, size, how] = exchange.target.split("/");
  const bytes = new Uint8Array(Number(size));
  return new Response(how === "stream" ? new Blob([bytes]).stream() : bytes);
};

/** A client whose connection window is used up, and whose streams have room for everything. */
async function exhausted(
  connect: (options: Http2ConnectOptions) => Http2Client,
): Promise<Http2Client> {
  const client = connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, largestWindow]] });
  await client.response(client.request({ path: `/${initialWindow}` }));
  return client;
}

/** Opens a stream for a response of some bytes. */
function ask(client: Http2Client, size: number | string, priority?: string): number {
  return client.request({
    path: `/${size}`,
    ...(priority !== undefined && { fields: [["priority", priority]] }),
  });
}

/** Opens the window, and gives the streams in the order in which the last byte of each came. */
async function order(client: Http2Client, ids: readonly number[], room = 10_000_000): Promise<number[]> {
  for (const id of ids) await client.head(id);
  await client.sync();
  const from = client.log.frames.length;
  client.grant(0, room);
  for (const id of ids) await client.response(id);
  const ends = client.log.frames.slice(from).filter(({ type, flags }) =>
    type === FrameType.DATA && flags === 1
  );
  return ends.map(({ streamId }) => streamId);
}

async function run(test: (client: Http2Client) => Promise<void>, options: ServerOptions = {}): Promise<void> {
  await withHttp2(sized, options, async ({ connect }) => await test(await exhausted(connect)));
}

// §4.1: urgency

Deno.test("responses are sent in the order of their urgency (RFC 9218 §4.1, §10)", async () => {
  await run(async (client) => {
    const priorities = ["u=5", "u=0", "u=7", "u=2", "u=6", "u=1", "u=4", "u=3"];
    const ids = priorities.map((priority) => ask(client, 20_000, priority));
    const expected = priorities.map((priority, index) => [priority, ids[index] ?? 0] as const)
      .sort().map(([, id]) => id);
    assertEquals(await order(client, ids), expected);
  });
});

Deno.test("urgency counts for streams as for bytes (RFC 9218 §4.1, §10)", async () => {
  await run(async (client) => {
    const [low, high] = [ask(client, "40000/stream", "u=6"), ask(client, "40000/stream", "u=1")];
    assertEquals(await order(client, [low, high]), [high, low]);
  });
});

/** Values, and the urgency that they amount to: more than 2 and less than 4 is the default of 3. */
const values: readonly (readonly [name: string, value: string, urgency: number])[] = [
  ["no parameter", "", 3],
  ["a parameter that is not known", "x=1, u=1", 1],
  ["an urgency of 8", "u=8", 3],
  ["a negative urgency", "u=-1", 3],
  ["an urgency that is no integer", "u=1.0", 3],
  ["an urgency that is a text", 'u="1"', 3],
  ["an urgency that is true", "u", 3],
  ["an urgency with a parameter", "u=1;a=b", 1],
  ["the last of two urgencies", "u=6, u=1", 1],
  ["urgency behind i", "i, u=1", 1],
  ["spaces around the comma", "i=?0 ,  u=1", 1],
  ["a dictionary that is broken", "u=1, =", 3],
  ["a key in upper case", "U=1", 3],
];

for (const [name, value, urgency] of values) {
  Deno.test(`a priority field of ${name} is an urgency of ${urgency} (RFC 9218 §4, §4.1)`, async () => {
    await run(async (client) => {
      const [below, tested, above] = [
        ask(client, 20_000, `u=${urgency + 1}`),
        ask(client, 20_000, value),
        ask(client, 20_000, `u=${urgency - 1}`),
      ];
      assertEquals(await order(client, [below, tested, above]), [above, tested, below]);
    });
  });
}

Deno.test("an urgency is 3 where nothing is said (RFC 9218 §4.1)", async () => {
  await run(async (client) => {
    const ids = [ask(client, 20_000, "u=4"), ask(client, 20_000), ask(client, 20_000, "u=2")];
    assertEquals(await order(client, ids), [...ids].reverse());
  });
});

// §4.2: incremental

Deno.test("responses of one urgency come one by one, in the order of their requests (RFC 9218 §4.2, §10)", async () => {
  await run(async (client) => {
    const ids = [400_000, 400_000].map((size) => ask(client, size, "u=3"));
    for (const id of ids) await client.head(id);
    await client.sync();
    client.grant(0, 300_000);
    const sum = () => ids.reduce((total, id) => total + client.stream(id).size, 0);
    await client.until("300000 bytes", () => sum() >= 300_000 || undefined);
    const { size } = client.stream(ids[0] ?? 0);
    assert(size >= 240_000, `${size} of 300000 bytes for the first`);
    assertEquals(await order(client, ids), ids);
  });
});

for (const how of ["", "/stream"]) {
  const what = how === "" ? "bytes" : "streams";
  Deno.test(`incremental responses of ${what} take turns (RFC 9218 §4.2, §10)`, async () => {
    await run(async (client) => {
      // A stream is read in chunks of 64 KiB, and two of them may wait
      const ids = [1, 2, 3].map(() => ask(client, `340000${how}`, "i"));
      for (const id of ids) await client.head(id);
      await client.sync();
      client.grant(0, 600_000);
      const sum = () => ids.reduce((total, id) => total + client.stream(id).size, 0);
      await client.until("600000 bytes", () => sum() >= 600_000 || undefined);
      for (const id of ids) {
        const { size } = client.stream(id);
        assert(size >= 130_000 && size <= 270_000, `${size} of 600000 bytes for one of three`);
      }
      client.grant(0, 1_000_000);
      for (const id of ids) await client.response(id);
    });
  });
}

Deno.test("i=?0 and values of other types are not incremental (RFC 9218 §4, §4.2)", async () => {
  await run(async (client) => {
    const ids = ["i=?0", "i=1", 'i="yes"', "i=?0"].map((priority) => ask(client, 40_000, priority));
    assertEquals(await order(client, ids), ids);
  });
});

Deno.test("urgency counts more than turns (RFC 9218 §10)", async () => {
  await run(async (client) => {
    const low = [ask(client, 50_000, "u=5, i"), ask(client, 50_000, "u=5, i")];
    const high = [ask(client, 50_000, "u=1, i"), ask(client, 50_000, "u=1, i")];
    const ends = await order(client, [...low, ...high]);
    assertEquals(ends.slice(0, 2).sort(), high);
  });
});

// Nobody starves

Deno.test("a response of the least urgency comes while an urgent one never ends (RFC 9218 §10)", async () => {
  const handler: Handler = (request, exchange) => {
    if (exchange.target !== "/endless") return sized(request, exchange);
    return new Response(
      new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(20_000)) }),
    );
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = await exhausted(connect);
    const endless = client.request({ path: "/endless", fields: [["priority", "u=0"]] });
    const low = ask(client, 1_000, "u=7");
    for (const id of [endless, low]) await client.head(id);
    for (let given = 0; given < 10_000_000 && !client.stream(low).ended; given += 100_000) {
      client.grant(0, 100_000);
      await client.sync();
    }
    assert(client.stream(low).ended, "10 MB went to the urgent response, and none of 1 KB to the other");
    client.reset(endless);
    await until("the end of the exchange", () => client.peer.pendingResponseCount === 0);
  });
});

Deno.test("a small incremental response does not wait for a large one that came first (RFC 9218 §10)", async () => {
  await run(async (client) => {
    const [large, small] = [ask(client, 1_000_000), ask(client, 1_000, "i")];
    assertEquals(await order(client, [large, small]), [small, large]);
  });
});

Deno.test("an urgent response whose source is slow does not hold up another (RFC 9218 §10)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect }) => {
    const client = connect();
    const urgent = client.request({ path: "/urgent", fields: [["priority", "u=0"]] });
    const other = client.request({ path: "/now", fields: [["priority", "u=7"]] });
    assertEquals((await client.response(other)).text, "now");
    gate.open("/urgent");
    assertEquals((await client.response(urgent)).text, "/urgent");
  });
});

Deno.test("an urgent response without a window of its own does not hold up another (RFC 9218 §10)", async () => {
  await withHttp2(sized, {}, async ({ connect }) => {
    const client = connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 100]] });
    const urgent = ask(client, 1_000, "u=0");
    await client.content(urgent, 100);
    assertEquals((await client.response(ask(client, 100, "u=7"))).size, 100);
    client.grant(urgent, 1_000);
    assertEquals((await client.response(urgent)).size, 1_000);
  });
});

// §7: PRIORITY_UPDATE

function update(client: Http2Client, id: number, value: string): void {
  const payload = [...uint(id), ...new TextEncoder().encode(value)];
  client.frame({ type: FrameType.PRIORITY_UPDATE, payload });
}

Deno.test("PRIORITY_UPDATE changes the urgency of a response (RFC 9218 §6, §7.1)", async () => {
  await run(async (client) => {
    const ids = [ask(client, 30_000, "u=1"), ask(client, 30_000, "u=5"), ask(client, 30_000, "u=2")];
    const [first = 0, second = 0, third = 0] = ids;
    for (const id of ids) await client.head(id);
    update(client, second, "u=0");
    update(client, first, "u=6");
    assertEquals(await order(client, ids), [second, third, first]);
  });
});

Deno.test("PRIORITY_UPDATE changes a response that is under way (RFC 9218 §6)", async () => {
  await run(async (client) => {
    const ids = [ask(client, 300_000, "u=1"), ask(client, 300_000, "u=2")];
    const [first = 0, second = 0] = ids;
    for (const id of ids) await client.head(id);
    client.grant(0, 50_000);
    await client.content(first, 50_000);
    update(client, first, "u=7");
    assertEquals(await order(client, ids), [second, first]);
  });
});

Deno.test("PRIORITY_UPDATE makes turns of what came one by one (RFC 9218 §7)", async () => {
  await run(async (client) => {
    const ids = [ask(client, 200_000), ask(client, 200_000)];
    for (const id of ids) await client.head(id);
    for (const id of ids) update(client, id, "i");
    await client.sync();
    client.grant(0, 200_000);
    const sum = () => ids.reduce((total, id) => total + client.stream(id).size, 0);
    await client.until("200000 bytes", () => sum() >= 200_000 || undefined);
    for (const id of ids) {
      assert(client.stream(id).size >= 60_000, `${client.stream(id).size} of 200000 bytes`);
    }
    client.grant(0, 200_000);
    for (const id of ids) await client.response(id);
  });
});

Deno.test("what PRIORITY_UPDATE does not say is the default again (RFC 9218 §7)", async () => {
  await run(async (client) => {
    const ids = [ask(client, 30_000, "u=4"), ask(client, 30_000, "u=0")];
    const [first = 0, second = 0] = ids;
    for (const id of ids) await client.head(id);
    update(client, second, "");
    update(client, first, "u=2");
    assertEquals(await order(client, ids), [first, second]);
  });
});

Deno.test("PRIORITY_UPDATE ahead of its request counts more than the request's field (RFC 9218 §7)", async () => {
  await run(async (client) => {
    update(client, 5, "u=7");
    update(client, 5, "u=0");
    const ids = [ask(client, 30_000, "u=1"), ask(client, 30_000, "u=6")];
    assertEquals(ids, [3, 5]);
    assertEquals(await order(client, ids), [5, 3]);
  });
});

/** Faults of PRIORITY_UPDATE. */
const faults:
  readonly (readonly [name: string, streamId: number, payload: readonly number[], code: string])[] = [
    ["on a stream", 1, [...uint(1), 0x75, 0x3d, 0x31], "PROTOCOL_ERROR"],
    ["about stream 0", 0, [...uint(0), 0x75, 0x3d, 0x31], "PROTOCOL_ERROR"],
    ["about stream 0, with the reserved bit", 0, [...uint(2 ** 31), 0x69], "PROTOCOL_ERROR"],
    ["about a stream of the server that is idle", 0, [...uint(2), 0x75, 0x3d, 0x31], "PROTOCOL_ERROR"],
    ["of 3 bytes", 0, [0, 0, 1], "FRAME_SIZE_ERROR"],
    ["of no bytes", 0, [], "FRAME_SIZE_ERROR"],
  ];

for (const [name, streamId, payload, code] of faults) {
  Deno.test(`a server rejects PRIORITY_UPDATE ${name} with ${code} (RFC 9218 §7.1, RFC 9113 §4.2)`, async () => {
    await withHttp2(sized, {}, async ({ connect }) => {
      const client = connect();
      await client.response(ask(client, 1));
      client.frame({ type: FrameType.PRIORITY_UPDATE, streamId, payload });
      const goaway = await client.closed();
      assertEquals(nameOf(goaway?.code ?? -1), code);
    });
  });
}

Deno.test("PRIORITY_UPDATE for more idle streams than may be opened is a connection error (RFC 9218 §7.1)", async () => {
  await withHttp2(sized, { concurrentStreamLimit: 3 }, async ({ connect }) => {
    const client = connect();
    for (const id of [1, 3, 5]) update(client, id, "u=1");
    await client.expectAlive();
    update(client, 7, "u=1");
    await client.expectConnectionError(ErrorCode.PROTOCOL_ERROR);
  });
});

Deno.test("active streams and idle ones that were prioritized count together (RFC 9218 §7.1)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, { concurrentStreamLimit: 3 }, async ({ connect }) => {
    const client = connect();
    for (const path of ["/1", "/2"]) client.request({ path });
    update(client, 1, "u=1"); // it is not idle, and does not count twice
    update(client, 5, "u=1");
    await client.expectAlive();
    update(client, 7, "u=1");
    await client.expectConnectionError(ErrorCode.PROTOCOL_ERROR);
    for (const path of ["/1", "/2"]) gate.open(path);
  });
});

Deno.test("a PRIORITY_UPDATE that cannot be parsed is the default, or a connection error (RFC 9218 §7)", async () => {
  await run(async (client) => {
    const id = ask(client, 10);
    await client.head(id);
    update(client, id, "=\0;");
    client.grant(0, 1_000);
    client.ping("parsed??");
    await client.until("an answer", () => client.ended || client.log.pongs.includes("parsed??") || undefined);
    if (client.ended) return await client.expectConnectionError(ErrorCode.PROTOCOL_ERROR);
    assertEquals((await client.response(id)).size, 10);
  });
});

Deno.test("PRIORITY_UPDATE for streams that are over changes nothing (RFC 9218 §7.1)", async () => {
  await withHttp2(sized, {}, async ({ connect }) => {
    const client = connect();
    const done = ask(client, 1);
    await client.response(done);
    const reset = ask(client, 100_000);
    await client.head(reset);
    client.reset(reset);
    for (const id of [done, reset]) update(client, id, "u=1");
    await client.expectAlive();
    client.grant(0, 100_000);
    assertEquals((await client.response(ask(client, 1))).size, 1);
  });
});

Deno.test("PRIORITY_UPDATE for a pushed stream is taken (RFC 9218 §7.1)", async () => {
  const gate = new Gate();
  const handler: Handler = (request, exchange) => {
    if (exchange.target === "/now/push") exchange.push("/pushed");
    return gate.handler(request, exchange);
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    await client.response(client.request({ path: "/now/push" }));
    update(client, 2, "u=0");
    await client.expectAlive();
    gate.open("/pushed");
    assertEquals((await client.response(2)).text, "/pushed");
  });
});

// §2.1

Deno.test("a server says whether it ignores the old priorities, in its first SETTINGS or never (RFC 9218 §2.1)", async () => {
  await withHttp2(sized, {}, async ({ connect }) => {
    const client = connect();
    await client.response(ask(client, 1));
    assertOneOf(client.log.settings.get(Settings.NO_OLD_PRIORITIES) ?? 0, [0, 1], "the setting");
    const frames = client.log.frames.filter(({ type, flags }) => type === FrameType.SETTINGS && flags === 0);
    for (const { payload } of frames.slice(1)) {
      for (let at = 0; at < payload.length; at += 6) assert(payload[at + 1] !== 9, "it comes later");
    }
  });
});

for (const value of [0, 1]) {
  Deno.test(`the old priority signals are taken where SETTINGS_NO_OLD_PRIORITIES is ${value} (RFC 9218 §2.1)`, async () => {
    await withHttp2(sized, {}, async ({ connect }) => {
      const client = connect({ settings: [[Settings.NO_OLD_PRIORITIES, value]] });
      client.frame({ type: FrameType.PRIORITY, streamId: 1, payload: [0, 0, 0, 0, 255] });
      assertEquals((await client.response(ask(client, 5))).size, 5);
    });
  });
}
