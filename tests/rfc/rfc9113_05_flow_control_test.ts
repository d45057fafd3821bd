/** RFC 9113 §5.2 and §6.9: windows in both directions. */

import type { Exchange, Handler } from "../../mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { turns, until, within } from "../support/deadline.ts";
import {
  ErrorCode,
  FrameType,
  Gate,
  type Http2Client,
  initialWindow,
  largestWindow,
  Settings,
  withHttp2,
} from "../support/http2_client.ts";
import { Recorder } from "../support/vectors.ts";

/** Answers with as many bytes as the target says: `/1000`, or `/1000/stream` for a stream of them. */
const sized: Handler = (_, exchange) => {
  const [, size, how] = exchange.target.split("/");
  const bytes = new Uint8Array(Number(size));
  return new Response(how === "stream" ? streamOf(bytes) : bytes);
};

function streamOf(bytes: Uint8Array, piece = 10_000): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at += piece));
    },
  });
}

/** Fails unless exactly `size` bytes have come on a stream, and none follow. */
async function expectStalled(client: Http2Client, id: number, size: number): Promise<void> {
  await client.content(id, size);
  await turns();
  await client.expectAlive();
  assertEquals(client.stream(id).size, size, `bytes on stream ${id}`);
}

// The windows that the client gives

for (const how of ["", "/stream"]) {
  const what = how === "" ? "bytes" : "a stream";
  Deno.test(`a response of ${what} stops where both windows of 65535 end (RFC 9113 §5.2.1, §6.9.2)`, async () => {
    await withHttp2(sized, {}, async ({ connect }) => {
      const client = connect();
      const id = client.request({ path: `/200000${how}` });
      await expectStalled(client, id, initialWindow);
      client.grant(0, 100);
      await expectStalled(client, id, initialWindow);
      client.grant(id, 1_000_000);
      await expectStalled(client, id, initialWindow + 100);
      client.grant(0, 1_000_000);
      assertEquals((await client.response(id)).size, 200_000);
    });
  });

  Deno.test(`a response of ${what} that is as large as the windows is complete (RFC 9113 §6.9.1)`, async () => {
    await withHttp2(sized, {}, async ({ connect }) => {
      const client = connect();
      assertEquals((await client.response(client.request({ path: `/65535${how}` }))).size, initialWindow);
    });
  });

  Deno.test(`a window of one byte at a time is enough for ${what} (RFC 9113 §6.9.1)`, async () => {
    const settings = [[Settings.INITIAL_WINDOW_SIZE, 0]] as const;
    await withHttp2(sized, {}, async ({ connect }) => {
      const client = connect({ settings });
      const id = client.request({ path: `/20${how}` });
      for (let size = 0; size < 20; size++) {
        await expectStalled(client, id, size);
        client.grant(id, 1);
      }
      assertEquals((await client.response(id)).size, 20);
    });
  });
}

Deno.test("the connection's window is that of all streams together (RFC 9113 §5.2.1)", async () => {
  await withHttp2(sized, {}, async ({ connect }) => {
    const client = connect();
    const ids = [40_000, 40_000, 40_000].map((size) => client.request({ path: `/${size}` }));
    const sum = () => ids.reduce((total, id) => total + client.stream(id).size, 0);
    await client.until("a full window", () => sum() >= initialWindow || undefined);
    await turns();
    await client.expectAlive();
    assertEquals(sum(), initialWindow);
    client.grant(0, 120_000 - initialWindow);
    for (const id of ids) assertEquals((await client.response(id)).size, 40_000);
  });
});

Deno.test("a stream without a window does not hold up another (RFC 9113 §5.2.2)", async () => {
  await withHttp2(sized, {}, async ({ connect }) => {
    const client = connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 1_000]] });
    const stalled = client.request({ path: "/5000" });
    await expectStalled(client, stalled, 1_000);
    assertEquals((await client.response(client.request({ path: "/900" }))).size, 900);
    client.grant(stalled, 4_000);
    assertEquals((await client.response(stalled)).size, 5_000);
  });
});

Deno.test("heads, empty responses and trailers need no window (RFC 9113 §5.2.1, §6.9.1)", async () => {
  const handler: Handler = (_, exchange) => {
    if (exchange.target === "/empty") return new Response();
    if (exchange.target === "/stream") return new Response(streamOf(new Uint8Array(0)));
    exchange.setTrailers({ "x-t": "1" });
    return new Response(null, { headers: { "x-a": "1" } });
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 0]] });
    for (const path of ["/empty", "/stream", "/trailers"]) {
      const response = await client.response(client.request({ path }));
      assertEquals([response.status, response.size], [200, 0]);
    }
  });
});

Deno.test("no WINDOW_UPDATE is needed for PING and SETTINGS (RFC 9113 §5.2.1)", async () => {
  await withHttp2(sized, {}, async ({ connect }) => {
    const client = connect();
    await expectStalled(client, client.request({ path: "/100000" }), initialWindow);
    client.settings([]);
    await client.acknowledged();
    await client.sync();
  });
});

// §6.9.2: the initial window changes while streams are open

Deno.test("a larger SETTINGS_INITIAL_WINDOW_SIZE opens the windows of open streams (RFC 9113 §6.9.2)", async () => {
  await withHttp2(sized, {}, async ({ connect }) => {
    const client = connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 0]] });
    const ids = [client.request({ path: "/100" }), client.request({ path: "/100/stream" })];
    for (const id of ids) await expectStalled(client, id, 0);
    client.settings([[Settings.INITIAL_WINDOW_SIZE, 30]]);
    for (const id of ids) await expectStalled(client, id, 30);
    client.settings([[Settings.INITIAL_WINDOW_SIZE, 70]]);
    for (const id of ids) await expectStalled(client, id, 70);
    client.settings([[Settings.INITIAL_WINDOW_SIZE, 100]]);
    for (const id of ids) assertEquals((await client.response(id)).size, 100);
  });
});

for (const how of ["", "/stream"]) {
  const what = how === "" ? "bytes" : "a stream";
  Deno.test(`a smaller SETTINGS_INITIAL_WINDOW_SIZE makes windows negative, for ${what} (RFC 9113 §6.9.2)`, async () => {
    await withHttp2(sized, {}, async ({ connect }) => {
      const client = connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 100]] });
      const id = client.request({ path: `/1000${how}` });
      await expectStalled(client, id, 100);
      client.settings([[Settings.INITIAL_WINDOW_SIZE, 40]]);
      await client.acknowledged(); // the window is -60
      client.grant(id, 60);
      await expectStalled(client, id, 100);
      client.grant(id, 1);
      await expectStalled(client, id, 101);
      client.settings([[Settings.INITIAL_WINDOW_SIZE, 0]]); // -40
      client.settings([[Settings.INITIAL_WINDOW_SIZE, 50]]); // 10
      await expectStalled(client, id, 111);
      client.grant(id, 1_000);
      assertEquals((await client.response(id)).size, 1_000);
    });
  });
}

Deno.test("SETTINGS_INITIAL_WINDOW_SIZE leaves the connection's window alone (RFC 9113 §6.9.2)", async () => {
  await withHttp2(sized, {}, async ({ connect }) => {
    const client = connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 1_000_000]] });
    await expectStalled(client, client.request({ path: "/200000" }), initialWindow);
  });
});

Deno.test("the last of several values for SETTINGS_INITIAL_WINDOW_SIZE counts (RFC 9113 §6.5, §6.5.3)", async () => {
  await withHttp2(sized, {}, async ({ connect }) => {
    const client = connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 0]] });
    const id = client.request({ path: "/100" });
    const values = [50, 0, 10].map((value) => [Settings.INITIAL_WINDOW_SIZE, value] as const);
    client.settings(values);
    await client.acknowledged();
    await expectStalled(client, id, 10);
  });
});

Deno.test("a value of SETTINGS_INITIAL_WINDOW_SIZE that is forbidden is found ahead of a good one (RFC 9113 §6.5.3)", async () => {
  await withHttp2(sized, {}, async ({ connect }) => {
    const client = connect();
    client.settings([[Settings.INITIAL_WINDOW_SIZE, 2 ** 31], [Settings.INITIAL_WINDOW_SIZE, 100]]);
    await client.expectConnectionError(ErrorCode.FLOW_CONTROL_ERROR);
  });
});

Deno.test("a SETTINGS_INITIAL_WINDOW_SIZE that makes a window overflow is a connection error (RFC 9113 §6.9.2)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ path: "/a" });
    client.grant(id, largestWindow - initialWindow);
    await client.expectAlive();
    client.settings([[Settings.INITIAL_WINDOW_SIZE, initialWindow + 1]]);
    await client.expectConnectionError(ErrorCode.FLOW_CONTROL_ERROR);
    gate.open("/a");
  });
});

// §6.9.1: windows overflow

Deno.test("a stream's window may be 2^31-1, and no byte more (RFC 9113 §6.9.1)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ path: "/a" });
    client.grant(id, largestWindow - initialWindow);
    await client.expectAlive();
    assertEquals(client.stream(id).resets, []);
    client.grant(id, 1);
    await client.expectStreamError(id, ErrorCode.FLOW_CONTROL_ERROR);
    gate.open("/a");
  });
});

Deno.test("the connection's window may be 2^31-1, and no byte more (RFC 9113 §6.9.1)", async () => {
  await withHttp2(sized, {}, async ({ connect }) => {
    const client = connect();
    client.grant(0, largestWindow - initialWindow);
    assertEquals((await client.response(client.request({ path: "/0" }))).status, 200);
    client.grant(0, 1);
    await client.expectConnectionError(ErrorCode.FLOW_CONTROL_ERROR);
  });
});

Deno.test("what a window has lost by DATA it may gain again (RFC 9113 §6.9.1)", async () => {
  await withHttp2(sized, {}, async ({ connect }) => {
    const client = connect();
    client.grant(0, largestWindow - initialWindow);
    const id = client.request({ path: "/100000" });
    await expectStalled(client, id, initialWindow);
    client.grant(0, initialWindow);
    client.grant(id, largestWindow);
    assertEquals((await client.response(id)).size, 100_000);
  });
});

// The windows that the server gives

/** Takes the body in steps: `step()` reads one piece and gives its size, 0 for the end. */
class SlowReader {
  #reader = Promise.withResolvers<ReadableStreamDefaultReader<Uint8Array>>();
  #done = Promise.withResolvers<void>();

  readonly handler: Handler = async (request, exchange: Exchange) => {
    if (exchange.target !== "/slow") return new Response(`${(await request.arrayBuffer()).byteLength}`);
    const { body } = request;
    assert(body !== null, "the request has no body");
    this.#reader.resolve(body.getReader());
    await this.#done.promise;
    return new Response("done");
  };

  async step(): Promise<number> {
    const reader = await within("the handler", this.#reader.promise);
    const { value } = await within("a piece of the body", reader.read());
    return value?.length ?? 0;
  }

  done(): void {
    this.#done.resolve();
  }
}

Deno.test("a server tells the windows of its options (RFC 9113 §6.9.2)", async () => {
  const options = { streamWindowSize: 100_000, connectionWindowSize: 300_000 };
  await withHttp2(sized, options, async ({ connect }) => {
    const client = connect();
    await client.sync();
    assertEquals(client.log.settings.get(Settings.INITIAL_WINDOW_SIZE), 100_000);
    assertEquals(client.log.credit(0), 300_000);
  });
});

Deno.test("the connection's window is larger than a stream's by default (RFC 9113 §5.2.1)", async () => {
  await withHttp2(sized, {}, async ({ connect }) => {
    const client = connect();
    await client.sync();
    const stream = client.log.settings.get(Settings.INITIAL_WINDOW_SIZE) ?? initialWindow;
    assert(client.log.credit(0) >= 2 * stream, `${client.log.credit(0)} for streams of ${stream}`);
  });
});

Deno.test("a stream's window is filled again only as its body is read (RFC 9113 §5.2.1, §6.9.1)", async () => {
  const reader = new SlowReader();
  const options = { streamWindowSize: 40_000, connectionWindowSize: 200_000 };
  await withHttp2(reader.handler, options, async ({ connect }) => {
    const client = connect();
    await client.sync();
    const id = client.request({ method: "POST", path: "/slow", endStream: false });
    await client.upload(id, new Uint8Array(40_000), false);
    await turns();
    await client.sync();
    assertEquals(client.log.credit(id), 0, "credit while nothing was read");
    let taken = 0;
    while (taken < 40_000) taken += await reader.step();
    await client.until("credit", () => client.log.credit(id) >= 20_000 || undefined);
    assert(client.log.credit(id) <= 40_000, `credit of ${client.log.credit(id)}`);
    reader.done();
  });
});

Deno.test("the connection's window is not filled by what a handler has not read (RFC 9113 §5.2.1)", async () => {
  const reader = new SlowReader();
  const options = { streamWindowSize: 50_000, connectionWindowSize: initialWindow };
  await withHttp2(reader.handler, options, async ({ connect }) => {
    const client = connect();
    await client.sync();
    const id = client.request({ method: "POST", path: "/slow", endStream: false });
    await client.upload(id, new Uint8Array(50_000), false);
    await turns();
    await client.sync();
    const held = initialWindow - client.log.credit(0);
    assert(
      held >= 50_000,
      `the connection's window was filled by ${50_000 - held} bytes that nobody has read`,
    );
    reader.done();
  });
});

Deno.test("a body that nobody reads does not hold up another stream (RFC 9113 §5.2.2)", async () => {
  const reader = new SlowReader();
  const options = { streamWindowSize: 16_000, connectionWindowSize: initialWindow };
  await withHttp2(reader.handler, options, async ({ connect }) => {
    const client = connect();
    await client.sync();
    const slow = client.request({ method: "POST", path: "/slow", endStream: false });
    await client.upload(slow, new Uint8Array(16_000), false);
    const quick = client.request({ method: "POST", path: "/quick", endStream: false });
    await client.upload(quick, new Uint8Array(200_000));
    assertEquals((await client.response(quick)).text, "200000");
    reader.done();
  });
});

Deno.test("a body much larger than the windows arrives as it is read (RFC 9113 §6.9.1)", async () => {
  const options = { streamWindowSize: 20_000, connectionWindowSize: initialWindow };
  const handler: Handler = async (request) => new Response(`${(await request.arrayBuffer()).byteLength}`);
  await withHttp2(handler, options, async ({ connect }) => {
    const client = connect();
    await client.sync();
    const ids = [1, 2, 3].map(() => client.request({ method: "POST", endStream: false }));
    await Promise.all(ids.map((id) => client.upload(id, new Uint8Array(300_000))));
    for (const id of ids) assertEquals((await client.response(id)).text, "300000");
  });
});

Deno.test("a window of one byte is filled again, too (RFC 9113 §6.9.1)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, { streamWindowSize: 1 }, async ({ connect }) => {
    const client = connect();
    await client.sync();
    const id = client.request({ method: "POST", endStream: false });
    await client.upload(id, new TextEncoder().encode("hello"));
    assertEquals((await client.response(id)).text, "5 bytes");
    assertEquals(recorder.seen[0]?.body, "hello");
  });
});

Deno.test("both windows are back at their size when bodies were read (RFC 9113 §6.9.1)", async () => {
  const options = { streamWindowSize: 50_000, connectionWindowSize: 100_000 };
  await withHttp2(new Recorder().handler, options, async ({ connect }) => {
    const client = connect();
    await client.sync();
    for (let round = 0; round < 30; round++) {
      const id = client.request({ method: "POST", endStream: false });
      await client.upload(id, new Uint8Array(30_000));
      assertEquals((await client.response(id)).status, 200);
    }
    await client.sync();
    assert(client.log.credit(0) >= 50_000, `credit of ${client.log.credit(0)}`);
    assert(client.log.credit(0) <= 100_000, `credit of ${client.log.credit(0)}`);
  });
});

Deno.test("more than a stream's window is a stream error of FLOW_CONTROL_ERROR (RFC 9113 §6.9.1)", async () => {
  const reader = new SlowReader();
  const options = { streamWindowSize: 1_000 };
  await withHttp2(reader.handler, options, async ({ connect }) => {
    const client = connect();
    await client.acknowledged();
    const id = client.request({ method: "POST", path: "/slow", endStream: false });
    client.data(id, new Uint8Array(1_000));
    await client.expectAlive();
    assertEquals(client.stream(id).resets, []);
    client.data(id, "x");
    await client.expectStreamError(id, ErrorCode.FLOW_CONTROL_ERROR);
    reader.done();
  });
});

Deno.test("more than the connection's window is a connection error of FLOW_CONTROL_ERROR (RFC 9113 §6.9.1)", async () => {
  const gate = new Gate();
  const options = { streamWindowSize: 50_000, connectionWindowSize: initialWindow };
  await withHttp2(gate.handler, options, async ({ connect }) => {
    const client = connect();
    await client.acknowledged();
    const ids = ["/1", "/2"].map((path) => client.request({ method: "POST", path, endStream: false }));
    await client.upload(ids[0] ?? 0, new Uint8Array(50_000), false);
    await client.upload(ids[1] ?? 0, new Uint8Array(initialWindow - 50_000), false);
    await client.expectAlive();
    client.data(ids[1] ?? 0, "x");
    await client.expectConnectionError(ErrorCode.FLOW_CONTROL_ERROR);
    gate.open("/1");
    gate.open("/2");
  });
});

Deno.test("padding counts, and is given back although nobody reads it (RFC 9113 §6.1, §6.9.1)", async () => {
  const recorder = new Recorder();
  const options = { streamWindowSize: 1_000, connectionWindowSize: initialWindow };
  await withHttp2(recorder.handler, options, async ({ connect }) => {
    const client = connect();
    await client.acknowledged();
    const id = client.request({ method: "POST", endStream: false });
    const payload = Uint8Array.from([255, ...new Uint8Array(300 + 255)]);
    for (let round = 0; round < 300; round++) {
      await client.until("credit", () => client.log.credit(id) >= payload.length || undefined);
      await client.until("credit", () => client.log.credit(0) >= payload.length || undefined);
      client.frame({ type: FrameType.DATA, flags: 0x8, streamId: id, payload });
    }
    client.data(id, "", true);
    assertEquals((await client.response(id)).text, "90000 bytes");
  });
});

Deno.test("padding counts against the window (RFC 9113 §6.1)", async () => {
  const reader = new SlowReader();
  await withHttp2(reader.handler, { streamWindowSize: 400 }, async ({ connect }) => {
    const client = connect();
    await client.acknowledged();
    const id = client.request({ method: "POST", path: "/slow", endStream: false });
    const payload = Uint8Array.from([255, ...new Uint8Array(200 + 255)]);
    client.frame({ type: FrameType.DATA, flags: 0x8, streamId: id, payload });
    await client.expectStreamError(id, ErrorCode.FLOW_CONTROL_ERROR);
    reader.done();
  });
});

/** How DATA comes to be of no use, to a server that has to count it all the same. */
const useless:
  readonly (readonly [name: string, close: (client: Http2Client, id: number) => Promise<unknown>])[] = [
    ["behind an early response", (client, id) => client.response(id)],
    ["on a stream that the server has reset", (client, id) => {
      client.grant(id, 0);
      return client.resetCode(id);
    }],
  ];

for (const [name, close] of useless) {
  Deno.test(`DATA ${name} counts, and the connection's window is filled again (RFC 9113 §5.1, §6.9)`, async () => {
    const gate = new Gate();
    const options = { streamWindowSize: 30_000, connectionWindowSize: initialWindow };
    await withHttp2(gate.handler, options, async ({ connect }) => {
      const client = connect();
      await client.sync();
      for (let round = 0; round < 8; round++) {
        const id = client.request({ method: "POST", path: "/now", endStream: false });
        await close(client, id);
        await client.until("credit", () => client.log.credit(0) >= 16_000 || undefined);
        client.data(id, new Uint8Array(16_000));
      }
      await client.expectAlive();
    });
  });
}

Deno.test("DATA that was not read when its stream ended is given back to the connection (RFC 9113 §6.9)", async () => {
  const gate = new Gate();
  const options = { streamWindowSize: 30_000, connectionWindowSize: initialWindow };
  await withHttp2(gate.handler, options, async ({ connect }) => {
    const client = connect();
    await client.sync();
    for (let round = 0; round < 10; round++) {
      const id = client.request({ method: "POST", path: `/${round}`, endStream: false });
      await client.upload(id, new Uint8Array(30_000), false);
      if (round % 2 === 0) client.reset(id);
      else client.data(id, "", true);
      gate.open(`/${round}`);
      await client.until("credit", () => client.log.credit(0) >= 30_000 || undefined);
    }
    await client.expectAlive();
  });
});

Deno.test("a response may be sent while the request's window is closed (RFC 9113 §5.2.1)", async () => {
  const reader = new SlowReader();
  await withHttp2(reader.handler, { streamWindowSize: 1_000 }, async ({ connect }) => {
    const client = connect();
    await client.acknowledged();
    const id = client.request({ method: "POST", path: "/slow", endStream: false });
    client.data(id, new Uint8Array(1_000));
    await reader.step();
    reader.done();
    assertEquals((await client.response(id)).text, "done");
  });
});

Deno.test("a stream is pulled no further than its window and a little more (RFC 9113 §5.2.2)", async () => {
  let pulled = 0;
  const handler: Handler = () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          pulled += 10_000;
          controller.enqueue(new Uint8Array(10_000));
        },
      }),
    );
  const options = { softStreamCap: 50_000 };
  await withHttp2(handler, options, async ({ connect }) => {
    const client = connect();
    const id = client.request();
    await expectStalled(client, id, initialWindow);
    await turns(50);
    assert(pulled <= initialWindow + 3 * 50_000, `${pulled} bytes were pulled`);
    client.reset(id);
    await until("the end of the exchange", () => client.peer.pendingResponseCount === 0);
  });
});
