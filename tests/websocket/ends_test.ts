/** How sockets end: the events of each end, peers that keep to no handshake, and the server's stop. */

import { HttpServer } from "../../mod.ts";
import { connectionPair } from "../../testing.ts";
import { type ServerWebSocket, upgradeWebSocket, type WebSocketOptions } from "../../websocket/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fromLatin1 } from "../support/bytes.ts";
import { turns, until, within } from "../support/deadline.ts";
import { FakeTime } from "../support/fake_time.ts";
import { type AcceptedClient, withServer } from "../support/server.ts";
import {
  closeNormal,
  echo,
  Opcodes,
  RawSocket,
  type SocketHarness,
  withSockets,
} from "../support/websocket_server.ts";
import { encodeClientFrame, handshake, readServerFrames } from "../support/websocket_wire.ts";

const { TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG } = Opcodes;
const NO_CLOSE = "error The peer left without a Close frame (RFC 6455 §7.1.5)";
const LATE = "error The peer did not close in time (RFC 6455 §7.1.1)";

// Events

/** What a peer does behind the opening handshake, and the events of the server's socket. */
const ends: readonly (readonly [
  name: string,
  act: (raw: RawSocket, harness: SocketHarness) => Promise<unknown>,
  events: readonly string[],
  options?: WebSocketOptions,
])[] = [
  ["a closing handshake", (raw) => raw.send(closeNormal), ["open", "close 1000"]],
  ["a closing handshake without a code", (raw) => raw.send({ opcode: CLOSE }), ["open", "close 1005"]],
  ["the end of the connection", (raw) => raw.end(), ["open", NO_CLOSE, "close 1006"]],
  ["the end of the connection within a frame", async (raw) => {
    await raw.sendBytes(encodeClientFrame({ opcode: TEXT, payload: "hello" }).subarray(0, 4));
    await raw.end();
  }, ["open", NO_CLOSE, "close 1006"]],
  ["the end of the connection between fragments", async (raw) => {
    await raw.send({ opcode: TEXT, fin: false, payload: "a" });
    await raw.end();
  }, ["open", NO_CLOSE, "close 1006"]],
  ["a fault", (raw) => raw.send({ opcode: 3 }), [
    "open",
    "error A reserved opcode (RFC 6455 §5.2)",
    "close 1002",
  ]],
  ["a message that is too large", (raw) => raw.send({ opcode: BINARY, length: 11 }), [
    "open",
    "error A message above 10 bytes (RFC 6455 §7.4.1)",
    "close 1009",
  ], { maxMessageSize: 10 }],
  ["silence", () => Promise.resolve(), ["open", "error The peer was silent for 100 ms", "close 1006"], {
    idleTimeout: 0.1,
  }],
  ["a close of the server", async (raw, { sockets }) => {
    sockets[0]?.close(4000, "enough");
    await raw.until(1);
    await raw.send({ opcode: CLOSE, payload: [0x0f, 0xa0] });
  }, ["open", "close 4000"]],
  ["a close of both at once", async (raw, { sockets }) => {
    sockets[0]?.close(4000);
    await raw.send({ opcode: CLOSE, payload: [0x0f, 0xa1] });
  }, ["open", "close 4001"]],
  ["a close of the server that the peer answers by its end", async (raw, { sockets }) => {
    sockets[0]?.close(4000);
    await raw.until(1);
    await raw.end();
  }, ["open", NO_CLOSE, "close 1006"]],
  ["a fault behind a close of the server", async (raw, { sockets }) => {
    sockets[0]?.close(4000);
    await raw.until(1);
    await raw.send({ opcode: 3 });
  }, ["open", "error A reserved opcode (RFC 6455 §5.2)", "close 1002"]],
];
for (const [name, act, expected, options = {}] of ends) {
  Deno.test(`a socket that ends by ${name} has the events ${expected.join(", ")}`, async () => {
    await withSockets(echo, { options }, async (harness) => {
      await using raw = await RawSocket.open(harness.port);
      await act(raw, harness);
      await until("the close event", () => harness.codes.length === 1);
      await raw.untilEnd();
      assertEquals(harness.events, expected);
      assertEquals(harness.sockets[0]?.readyState, 3);
    });
  });
}

Deno.test("a reset has error before close with 1006 (RFC 6455 §7.1.5)", async () => {
  await withSockets(echo, {}, async ({ port, codes, events }) => {
    await using raw = await RawSocket.open(port, { reads: false });
    // a connection that is closed with bytes unread is reset
    await raw.send({ opcode: TEXT, payload: "an answer" });
    await turns(20);
    await raw[Symbol.asyncDispose]();
    await until("the close event", () => codes.length === 1);
    assertEquals([events.length, events[0], events[2]], [3, "open", "close 1006"]);
    assert(events[1]?.startsWith("error "), `${events}`);
  });
});

// Pings

Deno.test("each ping is answered, in its order, by one pong with its payload (RFC 6455 §5.5.3)", async () => {
  for (const count of [1, 10, 100]) {
    await withSockets(echo, {}, async ({ port }) => {
      await using raw = await RawSocket.open(port);
      const payloads = Array.from({ length: count }, (_, index) => `ping ${index}`);
      await raw.send(...payloads.map((payload) => ({ opcode: PING, payload })));
      const frames = await raw.until(count);
      assertEquals(frames.map(({ payload }) => new TextDecoder().decode(payload)), payloads);
      assertEquals(new Set(frames.map(({ opcode }) => opcode)), new Set([PONG]));
    });
  }
});

Deno.test("to a peer that does not read, 256 pongs wait and the last (RFC 6455 §5.5.3)", async () => {
  const options: WebSocketOptions = { pingBudget: null, compress: false };
  await using server = new HttpServer((request) => {
    const { socket, response } = upgradeWebSocket(request, options);
    socket.onopen = () => socket.send(new Uint8Array(100_000));
    return response;
  });
  const { client, server: end } = connectionPair({ capacity: 10_000 });
  server.accept(end);
  await client.write(new TextEncoder().encode(handshake()));
  for (let index = 0; index < 1000; index++) {
    await client.write(encodeClientFrame({ opcode: PING, payload: `ping ${index}` }));
  }
  let received = "";
  const buffer = new Uint8Array(10_000);
  while (!received.endsWith("ping 999")) {
    const count = await within("a pong", client.read(buffer)) ?? 0;
    received += fromLatin1(buffer.subarray(0, count));
  }
  const pongs = readServerFrames(received).slice(1).map(({ payload }) => new TextDecoder().decode(payload));
  assertEquals(pongs, [...Array.from({ length: 256 }, (_, index) => `ping ${index}`), "ping 999"]);
  client.close();
});

Deno.test("no pong comes behind the server's Close frame (RFC 6455 §5.5.1)", async () => {
  await withSockets(echo, {}, async ({ port, sockets, codes }) => {
    await using raw = await RawSocket.open(port);
    sockets[0]?.close();
    await raw.until(1);
    await raw.send({ opcode: PING }, { opcode: TEXT, payload: "late" }, closeNormal);
    await raw.untilEnd();
    await until("the close event", () => codes.length === 1);
    assertEquals(raw.frames.map(({ opcode }) => opcode), [CLOSE]);
  });
});

// Peers that do not close. Time is the test's.

/** Runs a test with a client whose socket is open, while time stands still. */
async function withOpen(
  use: (socket: ServerWebSocket) => void,
  run: (raw: AcceptedClient, time: FakeTime, events: readonly string[]) => Promise<void>,
): Promise<void> {
  const events: string[] = [];
  await withServer(
    (request) => {
      const { socket, response } = upgradeWebSocket(request, { compress: false });
      socket.addEventListener("error", (event) => events.push(`error ${(event as ErrorEvent).message}`));
      socket.addEventListener("close", ({ code }) => events.push(`close ${code}`));
      use(socket);
      return response;
    },
    { log: () => {} },
    async ({ connect }) => {
      using time = new FakeTime();
      const raw = connect({ deadline: 1_000_000 });
      raw.offer(handshake());
      await time.settle();
      await run(raw, time, events);
    },
  );
}

const closeAtOnce = (socket: ServerWebSocket) => socket.onopen = () => socket.close(4000);

/** What a peer does that owes a Close frame. */
const debts: readonly (readonly [name: string, pester: (raw: AcceptedClient) => void])[] = [
  ["says nothing", () => {}],
  ["sends messages", (raw) => raw.offer(encodeClientFrame({ opcode: TEXT, payload: "more" }))],
  ["sends pings", (raw) => raw.offer(encodeClientFrame({ opcode: PING }))],
  ["sends fragments", (raw) => raw.offer(encodeClientFrame({ opcode: TEXT, fin: false }))],
];
for (const [name, pester] of debts) {
  Deno.test(`a peer that ${name} instead of a Close frame is cut after 5 seconds (RFC 6455 §7.1.1)`, async () => {
    await withOpen(closeAtOnce, async (raw, time, events) => {
      pester(raw);
      await time.pass(4_999);
      assertEquals(events, []);
      await time.pass(1);
      assertEquals(events, [LATE, "close 1006"]);
      assertEquals((await raw.readHead()).status, 101);
      assertEquals(readServerFrames(`\r\n\r\n${await raw.readToEnd()}`).length, 1);
    });
  });
}

Deno.test("a peer that sends on after a fault is cut after 5 seconds, and its socket has ended before (RFC 6455 §7.1.7)", async () => {
  await withOpen(echo, async (raw, time, events) => {
    raw.offer(encodeClientFrame({ opcode: 3 }));
    await time.settle();
    assertEquals(events, ["error A reserved opcode (RFC 6455 §5.2)", "close 1002"]);
    for (let second = 0; second < 4; second++) {
      raw.offer(encodeClientFrame({ opcode: TEXT, payload: "more" }));
      await time.pass(1_000);
    }
    let over = false;
    raw.client.onClose(() => over = true);
    await time.pass(999);
    assert(!over, "it has a millisecond");
    await time.pass(1);
    assert(over, "its time is over");
  });
});

Deno.test("a peer that closes and does not read what was sent is cut after 5 seconds (RFC 6455 §7.1.1)", async () => {
  const use = (socket: ServerWebSocket) => socket.onopen = () => socket.send(new Uint8Array(900_000));
  await withOpen(use, async (raw, time, events) => {
    raw.offer(encodeClientFrame(closeNormal));
    await time.pass(4_999);
    assertEquals(events, []);
    await time.pass(1);
    assertEquals(events, ["close 1000"]);
  });
});

Deno.test("a peer that ends its side has no further messages of a handler that goes on sending (RFC 6455 §7.1.5)", async () => {
  let timer: ReturnType<typeof setInterval> | undefined;
  const use = (socket: ServerWebSocket) => {
    socket.onopen = () => timer = setInterval(() => socket.send("tick"), 10);
    socket.onclose = () => clearInterval(timer);
  };
  await withSockets(use, {}, async ({ port, codes, server }) => {
    await using raw = await RawSocket.open(port);
    await raw.until(2);
    await raw.end();
    await until("the close event", () => codes.length === 1);
    await until("the client's end", () => server.clients.size === 0);
    assertEquals(codes, [1006]);
  });
});

Deno.test("a reader that is slower than idleTimeout is kept as long as it takes what was sent (RFC 6455 §10.4)", async () => {
  const events: string[] = [];
  await using server = new HttpServer((request) => {
    const { socket, response } = upgradeWebSocket(request, { idleTimeout: 1 });
    socket.onopen = () => socket.send(new Uint8Array(3_000_000));
    socket.onclose = ({ code }) => events.push(`close ${code}`);
    return response;
  });
  using time = new FakeTime();
  const { client, server: end } = connectionPair({ capacity: 10_000 });
  server.accept(end);
  await client.write(new TextEncoder().encode(handshake()));
  await time.settle();
  const buffer = new Uint8Array(10_000);
  for (let read = 0; read < 10; read++) {
    await time.pass(900);
    assertEquals(events, [], `after ${read} reads`);
    assert(await client.read(buffer) !== null, "the connection is open");
  }
  await time.pass(2_000);
  assertEquals(events, ["close 1006"], "it reads no more");
  client.close();
});

// stop()

const large = new Uint8Array(900_000);

/** Where a socket is when the server stops, and the events that follow. */
const stops: readonly (readonly [
  name: string,
  use: (socket: ServerWebSocket) => void,
  act: (raw: RawSocket, harness: SocketHarness) => Promise<unknown>,
  close: number,
  events: readonly string[],
])[] = [
  ["is open", echo, () => Promise.resolve(), 1001, ["open", "close 1000"]],
  ["is within fragments", echo, (raw) => raw.send({ opcode: TEXT, fin: false, payload: "a" }), 1001, [
    "open",
    "close 1000",
  ]],
  [
    "has said Close",
    echo,
    async (raw, { sockets }) => {
      sockets[0]?.close(4000);
      await raw.until(1);
    },
    4000,
    ["open", "close 1000"],
  ],
  [
    "waits for a Blob",
    (socket) => {
      socket.onmessage = () => socket.send(new Blob(["behind the stop"]));
    },
    (raw) => raw.send({ opcode: TEXT }),
    1001,
    ["open", "close 1000"],
  ],
  [
    "has failed",
    echo,
    async (raw) => {
      await raw.send({ opcode: 3 });
      await raw.until(1);
    },
    1002,
    ["open", "error A reserved opcode (RFC 6455 §5.2)", "close 1002"],
  ],
  [
    "holds a reader that is behind",
    (socket) => socket.onopen = () => socket.send(large),
    () => turns(5),
    1001,
    [
      "open",
      "close 1000",
    ],
  ],
];
for (const [name, use, act, code, expected] of stops) {
  Deno.test(`stop() of a server whose socket ${name}: Close ${code}, and the events ${expected.join(", ")}`, async () => {
    await withSockets(use, {}, async (harness) => {
      await using raw = await RawSocket.open(harness.port, {
        reads: name !== "holds a reader that is behind",
      });
      await act(raw, harness);
      const stopped = harness.server.stop(60_000);
      raw.read();
      await until("the Close frame", () => raw.close !== null);
      assertEquals(raw.close?.[0], code);
      await raw.send(closeNormal).catch(() => {}); // to a socket that has failed it may come too late
      await raw.end().catch(() => {});
      await within("the stop", stopped, 3_000);
      assertEquals(harness.events, expected);
    });
  });
}

Deno.test("stop() while a handler makes its response: the socket opens, and closes with 1001 (RFC 6455 §7.4.1)", async () => {
  const asked = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const seen: string[] = [];
  await withServer(
    async (request) => {
      const { socket, response } = upgradeWebSocket(request);
      for (const type of ["open", "error", "close"]) socket.addEventListener(type, () => seen.push(type));
      asked.resolve();
      await go.promise;
      return response;
    },
    { log: () => {} },
    async ({ connect, server }) => {
      const raw = connect();
      raw.offer(handshake());
      await asked.promise;
      const stopped = server.stop(60_000);
      go.resolve();
      assertEquals((await raw.readHead()).status, 101);
      raw.offer(encodeClientFrame(closeNormal));
      const [close] = readServerFrames(`\r\n\r\n${await raw.readToEnd()}`);
      assertEquals([close?.opcode, close!.payload[0]! << 8 | close!.payload[1]!], [CLOSE, 1001]);
      await within("the stop", stopped, 3_000);
      assertEquals(seen, ["open", "close"]);
    },
  );
});

Deno.test("stop() cuts a socket whose peer does not close, at its deadline", async () => {
  await withSockets(echo, {}, async ({ port, server, events }) => {
    await using raw = await RawSocket.open(port, { reads: false });
    await raw.send({ opcode: TEXT, fin: false, payload: "a" }, { opcode: CONTINUATION, fin: false });
    const start = performance.now();
    await within("the stop", server.stop(300), 3_000);
    assert(performance.now() - start > 250, "not before");
    await until("the close event", () => events.length === 3);
    assertEquals([events.length, events[0], events[2]], [3, "open", "close 1006"]);
  });
});

Deno.test("stop() cuts a socket that waits for a peer that does not read, at its deadline", async () => {
  const use = (socket: ServerWebSocket) => {
    socket.onmessage = () => {
      for (let piece = 0; piece < 12; piece++) socket.send(new Uint8Array(1024 * 1024));
    };
  };
  await withSockets(use, {}, async ({ port, server, sockets, events }) => {
    await using raw = await RawSocket.open(port, { reads: false });
    await raw.send({ opcode: TEXT });
    await until("bytes that wait", () => sockets[0]!.bufferedAmount > 1024 * 1024);
    await within("the stop", server.stop(200), 3_000);
    await until("the close event", () => events.length === 3);
    assertEquals([events[0], events[2]], ["open", "close 1006"]);
    assertEquals(sockets[0]?.drained, null);
  });
});
