/**
 * What one socket may cost: pings, inflated bytes, bytes that wait to be sent, memory of what it hands out.
 */

import { deflateRawSync } from "node:zlib";
import { HttpServer } from "../../mod.ts";
import { connectionPair } from "../../testing.ts";
import { type ServerWebSocket, upgradeWebSocket, type WebSocketOptions } from "../../websocket/mod.ts";
import { assertThrows } from "@std/assert";
import { assert, assertEquals } from "../support/assert.ts";
import { until, within } from "../support/deadline.ts";
import { FakeTime } from "../support/fake_time.ts";
import { withServer } from "../support/server.ts";
import { runTool } from "../support/tools.ts";
import { closeNormal, echo, Opcodes, RawSocket, withSockets } from "../support/websocket_server.ts";
import { type ClientFrame, encodeClientFrame, handshake, join } from "../support/websocket_wire.ts";

const { TEXT, BINARY, CONTINUATION, PING, PONG } = Opcodes;
const OFFER = { "Sec-WebSocket-Extensions": "permessage-deflate" };

function times(count: number, frame: ClientFrame): ClientFrame[] {
  return Array.from({ length: count }, () => frame);
}

/** A message that is inflated to so many bytes. */
function compressed(size: number): ClientFrame {
  const whole = deflateRawSync(new Uint8Array(size), { finishFlush: 2 });
  return { opcode: BINARY, rsv: 4, payload: Uint8Array.from(whole.subarray(0, whole.length - 4)) };
}

// pingBudget

const idle: readonly (readonly [name: string, before: readonly ClientFrame[], frame: ClientFrame])[] = [
  ["pings", [], { opcode: PING }],
  ["pings with a payload", [], { opcode: PING, payload: "x".repeat(125) }],
  ["pongs", [], { opcode: PONG }],
  ["fragments without a byte", [{ opcode: TEXT, fin: false, payload: "a" }], {
    opcode: CONTINUATION,
    fin: false,
  }],
  ["fragments without a byte of a compressed message", [{ opcode: TEXT, rsv: 4, fin: false }], {
    opcode: CONTINUATION,
    fin: false,
  }],
];
for (const [name, before, frame] of idle) {
  Deno.test(`a burst of ${name} at pingBudget is taken, one more fails with 1008 (RFC 6455 §10.4)`, async () => {
    const options: WebSocketOptions = { pingBudget: { burst: 7, perSecond: 0 } };
    for (const excess of [0, 1]) {
      await withSockets(echo, { options }, async ({ port, codes, events }) => {
        await using raw = await RawSocket.open(port, { fields: OFFER });
        await raw.send(...before, ...times(7 + excess, frame), closeNormal);
        await until("the close event", () => codes.length === 1);
        assertEquals(codes, [excess === 0 ? 1000 : 1008]);
        await raw.untilEnd();
        if (excess === 0) return assertEquals(raw.close, [1000, ""]);
        const reason = "Too many pings, pongs or empty fragments (RFC 6455 §7.4.1)";
        assertEquals(raw.close, [1008, reason]);
        assertEquals(events, ["open", `error ${reason}`, "close 1008"]);
      });
    }
  });
}

Deno.test("pingBudget fills up: perSecond pings a second are taken for as long as they come", async () => {
  const codes: number[] = [];
  await withServer(
    (request) => {
      const { socket, response } = upgradeWebSocket(request, { pingBudget: { burst: 2, perSecond: 10 } });
      socket.onclose = ({ code }) => codes.push(code);
      return response;
    },
    {},
    async ({ connect }) => {
      using time = new FakeTime();
      const raw = connect({ deadline: 1_000_000 });
      raw.offer(handshake());
      await time.settle();
      for (let count = 0; count < 50; count++) {
        raw.offer(encodeClientFrame({ opcode: PING }));
        await time.pass(100);
      }
      assertEquals(codes, []);
      raw.offer(join(times(4, { opcode: PING }).map(encodeClientFrame)));
      await time.settle();
      assertEquals(codes, [1008]);
    },
  );
});

Deno.test("with pingBudget null a thousand pings are answered", async () => {
  await withSockets(echo, { options: { pingBudget: null } }, async ({ port }) => {
    await using raw = await RawSocket.open(port);
    for (let part = 1; part <= 10; part++) {
      await raw.send(...times(100, { opcode: PING }));
      await raw.until(part * 100);
    }
  });
});

Deno.test("a fragment without a byte is no idle frame where it begins or ends a message (RFC 6455 §5.4)", async () => {
  const options: WebSocketOptions = { pingBudget: { burst: 1, perSecond: 0 } };
  await withSockets(echo, { options }, async ({ port }) => {
    await using raw = await RawSocket.open(port);
    await raw.send(
      ...Array.from({ length: 50 }, () => [
        { opcode: TEXT, fin: false },
        { opcode: CONTINUATION, fin: false, payload: "a" },
        { opcode: CONTINUATION },
      ]).flat(),
    );
    await raw.until(50);
  });
});

// inflateBudget

Deno.test("beyond inflateBudget the socket reads on when the budget has filled up, and drops nothing (RFC 7692 §8)", async () => {
  const seen: number[] = [];
  const options: WebSocketOptions = { inflateBudget: { burst: 10_000, perSecond: 10_000 }, idleTimeout: 1 };
  await withServer(
    (request) => {
      const { socket, response } = upgradeWebSocket(request, options);
      socket.onmessage = ({ data }) => seen.push(data.byteLength);
      socket.onclose = ({ code }) => seen.push(code);
      return response;
    },
    {},
    async ({ connect }) => {
      using time = new FakeTime();
      const raw = connect({ deadline: 1_000_000 });
      raw.offer(handshake(OFFER));
      await time.settle();
      raw.offer(join([...times(5, compressed(5_000)), closeNormal].map(encodeClientFrame)));
      await time.settle();
      assertEquals(seen, [5_000, 5_000, 5_000], "a burst, and the message that exceeds it");
      await time.pass(498);
      assertEquals(seen.length, 3, "0.5 s for 5000 bytes");
      await time.pass(4);
      assertEquals(seen.length, 4);
      await time.pass(502);
      assertEquals(seen.slice(3), [5_000, 5_000]);
      await time.pass(502);
      assertEquals(seen.slice(5), [1000], "what follows is read too");
    },
  );
});

Deno.test("a peer is not silent while the socket does not read it", async () => {
  const seen: unknown[] = [];
  const options: WebSocketOptions = { inflateBudget: { burst: 1, perSecond: 1_000 }, idleTimeout: 1 };
  await withServer(
    (request) => {
      const { socket, response } = upgradeWebSocket(request, options);
      socket.onmessage = ({ data }) => seen.push(data.byteLength ?? data);
      socket.onclose = ({ code }) => seen.push(code);
      return response;
    },
    {},
    async ({ connect }) => {
      using time = new FakeTime();
      const raw = connect({ deadline: 1_000_000 });
      raw.offer(handshake(OFFER));
      await time.settle();
      raw.offer(
        join([compressed(5_000), { opcode: TEXT, payload: "behind" } as ClientFrame].map(encodeClientFrame)),
      );
      await time.pass(4_900);
      assertEquals(seen, [5_000]);
      await time.pass(200);
      assertEquals(seen, [5_000, "behind"]);
      await time.pass(2_000);
      assertEquals(seen, [5_000, "behind", 1006], "now it is");
    },
  );
});

Deno.test("stop() ends a socket that waits for its inflateBudget", async () => {
  const options: WebSocketOptions = { inflateBudget: { burst: 1, perSecond: 1 } };
  await withSockets(echo, { options }, async ({ port, server, codes }) => {
    await using raw = await RawSocket.open(port, { fields: OFFER });
    await raw.send(compressed(100_000));
    await raw.until(1);
    await within("the stop", server.stop(200), 3_000);
    await until("the close event", () => codes.length === 1);
    assertEquals([raw.close?.[0], codes], [1001, [1006]]);
  });
});

Deno.test("bombs are inflated at the default rate, not as fast as they come", async () => {
  let inflated = 0;
  await withSockets(
    (socket) => {
      socket.onmessage = ({ data }) => inflated += data.byteLength;
    },
    {},
    async ({ port }) => {
      await using raw = await RawSocket.open(port, { fields: OFFER });
      const bombs = join(times(20, compressed(1024 * 1024)).map(encodeClientFrame));
      const start = performance.now();
      const sending = (async () => {
        while (performance.now() - start < 1_000) await raw.sendBytes(bombs);
      })();
      await until("a second", () => performance.now() - start > 1_000);
      const most = 32 + 16 * (performance.now() - start) / 1_000 + 1;
      assert(inflated <= most * 1024 * 1024, `${inflated / 1024 / 1024} MiB were inflated`);
      await raw[Symbol.asyncDispose]();
      await sending.catch(() => {});
    },
  );
});

// maxBufferedAmount

Deno.test("a socket whose peer does not read is cut at maxBufferedAmount, and not before (RFC 6455 §10.4)", async () => {
  const seen: unknown[] = [];
  const amounts: number[] = [];
  await using server = new HttpServer((request) => {
    const { socket, response } = upgradeWebSocket(request, { maxBufferedAmount: 100_000 });
    socket.onopen = () => {
      for (let piece = 0; piece < 12; piece++) {
        socket.send(new Uint8Array(9_996)); // with its header 10 000 bytes
        amounts.push(socket.bufferedAmount);
      }
      seen.push(socket.readyState);
    };
    socket.onerror = (event) => seen.push((event as ErrorEvent).message);
    socket.onclose = ({ code }) => seen.push(code);
    return response;
  });
  const { client, server: end } = connectionPair({ capacity: 1_000 });
  server.accept(end);
  await client.write(new TextEncoder().encode(handshake()));
  await until("the close event", () => seen.length === 3);
  assertEquals(seen, [
    1,
    "110000 bytes wait to be sent, which is more than maxBufferedAmount: await socket.drained",
    1006,
  ]);
  assertEquals(amounts.slice(0, 11), Array.from({ length: 11 }, (_, index) => (index + 1) * 10_000));
  client.close();
});

Deno.test("one message may be larger than maxBufferedAmount", async () => {
  const use = (socket: ServerWebSocket) => socket.onopen = () => socket.send(new Uint8Array(300_000));
  await withSockets(
    use,
    { options: { maxBufferedAmount: 1_000, compress: false } },
    async ({ port, codes }) => {
      await using raw = await RawSocket.open(port);
      const [frame] = await raw.until(1);
      assertEquals(frame?.payload.length, 300_000);
      await raw.send(closeNormal);
      await until("the close event", () => codes.length === 1);
      assertEquals(codes, [1000]);
    },
  );
});

Deno.test("an echo does not get to maxBufferedAmount, however little its peer reads", async () => {
  let written = 0;
  const events: string[] = [];
  await using server = new HttpServer((request) => {
    const { socket, response } = upgradeWebSocket(request, { maxBufferedAmount: 100_000, compress: false });
    echo(socket);
    socket.onclose = ({ code }) => events.push(`close ${code}`);
    return response;
  });
  const { client, server: end } = connectionPair({ capacity: 1_000 });
  server.accept(end);
  await client.write(new TextEncoder().encode(handshake()));
  const frame = encodeClientFrame({ opcode: BINARY, payload: new Uint8Array(10_000) });
  const writing = (async () => {
    for (;;) written += await client.write(frame.subarray(written % frame.length));
  })().catch(() => {});
  const buffer = new Uint8Array(5_000);
  for (let read = 0; read < 100; read++) {
    assert(await within("a read", client.read(buffer)) !== null, "the connection is open");
  }
  assertEquals(events, []);
  client.close();
  await writing;
  await until("the close event", () => events.length === 1);
});

Deno.test("drained is null while the peer keeps up, and settles when it has caught up, or is gone", async () => {
  for (const leaves of [false, true]) {
    const states: unknown[] = [];
    await using server = new HttpServer((request) => {
      const { socket, response } = upgradeWebSocket(request, { compress: false });
      socket.onopen = async () => {
        states.push(socket.drained);
        socket.send(new Uint8Array(2_000_000));
        states.push(socket.drained instanceof Promise);
        await socket.drained;
        states.push(socket.bufferedAmount <= 1024 * 1024, socket.drained);
      };
      return response;
    });
    const { client, server: end } = connectionPair();
    server.accept(end);
    await client.write(new TextEncoder().encode(handshake()));
    const buffer = new Uint8Array(64 * 1024);
    let count = 0;
    while (count < (leaves ? 100_000 : 2_000_000)) count += await within("a read", client.read(buffer)) ?? 0;
    if (leaves) client.close();
    await until("drained", () => states.length === 4);
    assertEquals(states, [null, true, true, null]);
    if (!leaves) client.close();
  }
});

// Fragments

Deno.test("a message in a hundred thousand fragments is joined, and in time that grows with its length alone (RFC 6455 §5.4)", async () => {
  await withSockets(echo, {}, async ({ port }) => {
    await using raw = await RawSocket.open(port);
    const middle = encodeClientFrame({ opcode: CONTINUATION, fin: false, payload: "x" });
    const all = new Uint8Array(100_000 * middle.length);
    for (let at = 0; at < all.length; at += middle.length) all.set(middle, at);
    const start = performance.now();
    await raw.sendBytes(
      encodeClientFrame({ opcode: TEXT, fin: false, payload: "x" }),
      all,
      encodeClientFrame({ opcode: CONTINUATION, payload: "x" }),
    );
    const [answer] = await raw.until(1);
    assertEquals(answer?.payload.length, 100_002);
    const took = performance.now() - start;
    assert(took < 3_000, `${took.toFixed(0)} ms`); // some 150 ms
  });
});

Deno.test("a compressed message whose fragments never end is refused at maxMessageSize (RFC 6455 §10.4)", async () => {
  await withSockets(echo, { options: { maxMessageSize: 10_000 } }, async ({ port, codes }) => {
    await using raw = await RawSocket.open(port, { fields: OFFER });
    await raw.send({ opcode: TEXT, rsv: 4, fin: false, payload: new Uint8Array(5_000) });
    await raw.send(...times(5, { opcode: CONTINUATION, fin: false, payload: new Uint8Array(1_000) }));
    await raw.send({ opcode: CONTINUATION, fin: false, payload: [0] });
    await until("the close event", () => codes.length === 1);
    assertEquals(codes, [1009]);
  });
});

// Memory

Deno.test("what is handed out owns its memory, and no more of it than its length", async () => {
  const held: (string | ArrayBuffer)[] = [];
  await withSockets(
    (socket) => {
      socket.onmessage = ({ data }) => held.push(data);
    },
    { options: { pingBudget: null } },
    async ({ port }) => {
      await using raw = await RawSocket.open(port, { fields: OFFER });
      const padding = { opcode: PING, payload: "x".repeat(125) };
      const frames = [
        ...times(400, padding),
        { opcode: BINARY, payload: [1, 2, 3] },
        compressed(3),
        { opcode: BINARY, fin: false, payload: [1, 2] },
        { opcode: CONTINUATION, payload: [3] },
        ...times(100, padding),
      ];
      await raw.send(...frames);
      await until("the messages", () => held.length === 3);
      assertEquals(held.map((data) => typeof data === "string" ? data : data.byteLength), [3, 3, 3]);
      assertEquals(held.map((data) => new Uint8Array(data as ArrayBuffer)[1]), [2, 0, 2]);
    },
  );
});

Deno.test("a short text is one flat string: 100 000 that are kept take no more than 200 bytes each", async () => {
  const program = `
    import { decodeText } from ${JSON.stringify(import.meta.resolve("../../websocket/frame.ts"))};
    const bytes = new TextEncoder().encode("x".repeat(40));
    const kept = new Array(100_000).fill("");
    gc();
    const before = Deno.memoryUsage().heapUsed;
    for (let index = 0; index < kept.length; index++) kept[index] = decodeText(bytes);
    gc();
    console.log((Deno.memoryUsage().heapUsed - before) / kept.length);`;
  const args = ["eval", "--v8-flags=--expose-gc", program];
  const { stdout, stderr } = await runTool(Deno.execPath(), args);
  const each = Number(stdout);
  assert(each > 40 && each < 200, `${stdout} bytes each ${stderr}`); // as a tree of characters 928
});

Deno.test("idle sockets that have had large heads and messages hold less than 6 KiB of buffers each", async () => {
  const root = import.meta.resolve("../../");
  const program = `
    import { HttpServer } from "${root}mod.ts";
    import { connectionPair } from "${root}testing.ts";
    import { upgradeWebSocket } from "${root}websocket/mod.ts";
    import { encodeClientFrame, handshake } from "${root}tests/support/websocket_wire.ts";
    const server = new HttpServer((request) => {
      const { socket, response } = upgradeWebSocket(request, { compress: false });
      socket.onmessage = ({ data }) => socket.send(data);
      return response;
    });
    const head = new TextEncoder().encode(handshake({ "X-Large": "x".repeat(20_000) }));
    const message = encodeClientFrame({ opcode: 2, payload: new Uint8Array(60_000) });
    const buffer = new Uint8Array(65_536);
    async function open() {
      const { client, server: end } = connectionPair();
      server.accept(end);
      await client.write(head);
      await client.read(buffer);
      for (let at = 0; at < message.length;) at += await client.write(message.subarray(at));
      for (let count = 0; count < 60_004;) count += await client.read(buffer);
    }
    async function measure() {
      for (let time = 0; time < 3; time++) {
        await new Promise((resolve) => setTimeout(resolve));
        gc();
      }
      return Deno.memoryUsage().external;
    }
    for (let index = 0; index < 20; index++) await open(); // which fills the pools
    const before = await measure();
    for (let index = 0; index < 200; index++) await open();
    console.log((await measure() - before) / 200);
    Deno.exit();`;
  const { stdout, stderr } = await runTool(Deno.execPath(), ["eval", "--v8-flags=--expose-gc", program]);
  const each = Number(stdout);
  assert(each > 4_000 && each < 6 * 1024, `${stdout.trim()} bytes each ${stderr}`); // 237 000 when nothing is given up
});

Deno.test("a socket that is idle holds a read buffer of 4 KiB, also behind large messages", async () => {
  const reads: number[] = [];
  await using server = new HttpServer((request) => {
    const { socket, response } = upgradeWebSocket(request, { compress: false });
    echo(socket);
    return response;
  });
  const { client, server: end } = connectionPair();
  const { read } = end;
  server.accept(Object.assign(end, {
    read: (buffer: Uint8Array) => {
      reads.push(buffer.length);
      return read.call(end, buffer);
    },
  }));
  await client.write(new TextEncoder().encode(handshake()));
  await until("the opening handshake", () => reads.length > 1);
  const large = encodeClientFrame({ opcode: BINARY, payload: new Uint8Array(500_000) });
  const writing = (async () => {
    for (let at = 0; at < large.length;) at += await client.write(large.subarray(at));
  })();
  const buffer = new Uint8Array(64 * 1024);
  for (let count = 0; count < 500_000;) count += await client.read(buffer) ?? 0;
  await writing;
  assertEquals(Math.max(...reads), 64 * 1024);
  for (let index = 0; index < 6; index++) {
    await client.write(encodeClientFrame({ opcode: TEXT, payload: "a" }));
    await client.read(buffer);
  }
  assertEquals(reads.at(-1), 4096);
  client.close();
});

// Options

Deno.test("options that make no sense are refused by name", async () => {
  const refused: readonly (readonly [options: Record<string, unknown>, message: string])[] = [
    [
      { maxBufferedAmount: -1 },
      "maxBufferedAmount is -1, but must be 0 or more bytes, or Infinity or null for no limit",
    ],
    [{ maxBufferedAmount: NaN }, "maxBufferedAmount is NaN"],
    [{ pingBudget: { burst: -1, perSecond: 1 } }, 'pingBudget is {"burst":-1,"perSecond":1}'],
    [{ pingBudget: { burst: 1 } }, "pingBudget is"],
    [
      { pingBudget: 5 },
      "pingBudget is 5, but must be { burst, perSecond }, both 0 or more, or Infinity or null",
    ],
    [{ inflateBudget: { burst: 1, perSecond: 0 } }, "inflateBudget is"],
    [{ idleTimeout: -1 }, "idleTimeout is -1"],
    [{ idleTimeout: "5" }, 'idleTimeout is "5"'],
    [{ maxMessageSize: 1.5 }, "maxMessageSize is 1.5"],
  ];
  await withServer(
    (request) => {
      for (const [options, message] of refused) {
        assertThrows(() => upgradeWebSocket(request, options), RangeError, message);
      }
      const { response } = upgradeWebSocket(request, {
        maxBufferedAmount: null,
        pingBudget: { burst: 0, perSecond: 0.5 },
        inflateBudget: { burst: 1, perSecond: 1 },
        idleTimeout: 0,
      });
      return response;
    },
    {},
    async ({ connect }) => {
      const raw = connect();
      raw.offer(handshake());
      assertEquals((await raw.readHead()).status, 101);
      await raw.close();
    },
  );
});
