/** Sockets over HTTP/2 by extended CONNECT (RFC 8441), frame by frame. */

import { deflateRawSync } from "node:zlib";
import { type ServerWebSocket, upgradeWebSocket, type WebSocketOptions } from "../../websocket/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fromLatin1 } from "../support/bytes.ts";
import { until, within } from "../support/deadline.ts";
import { FakeTime } from "../support/fake_time.ts";
import {
  ErrorCode,
  type Fields,
  type Http2Client,
  type Http2Harness,
  nameOf,
  withHttp2,
} from "../support/http2_client.ts";
import type { ServerOptions } from "../support/server.ts";
import { closeNormal, echo, Opcodes } from "../support/websocket_server.ts";
import {
  type ClientFrame,
  encodeClientFrame,
  join,
  readServerFrames,
  type ServerFrame,
} from "../support/websocket_wire.ts";

const { TEXT, BINARY, CONTINUATION, CLOSE, PING } = Opcodes;
const NO_CLOSE = "error The peer left without a Close frame (RFC 6455 §7.1.5)";

const extended: Fields = [
  [":method", "CONNECT"],
  [":protocol", "websocket"],
  [":scheme", "http"],
  [":path", "/chat"],
  [":authority", "a"],
  ["sec-websocket-version", "13"],
  ["sec-websocket-protocol", "chat"],
];
const withDeflate: Fields = [...extended, ["sec-websocket-extensions", "permessage-deflate"]];

interface Harness extends Http2Harness {
  readonly client: Http2Client;
  /** The stream of the first socket. */
  readonly id: number;
  readonly sockets: readonly ServerWebSocket[];
  /** The events of all sockets but messages, in words. */
  readonly events: readonly string[];
  /** Opens a further socket. */
  open(): Promise<number>;
}

interface Init {
  readonly options?: WebSocketOptions;
  readonly limits?: ServerOptions;
  readonly fields?: Fields;
  /** How long one wait of the client may take, in milliseconds. */
  readonly deadline?: number;
}

/** Runs a test with a socket that is open. */
async function withSocket(
  use: (socket: ServerWebSocket) => void,
  { options = {}, limits = {}, fields = extended, deadline = 5_000 }: Init,
  run: (harness: Harness) => Promise<void>,
): Promise<void> {
  const sockets: ServerWebSocket[] = [];
  const events: string[] = [];
  await withHttp2(
    (request) => {
      const { socket, response } = upgradeWebSocket(request, options);
      sockets.push(socket);
      socket.addEventListener("open", () => events.push("open"));
      socket.addEventListener("error", (event) => events.push(`error ${(event as ErrorEvent).message}`));
      socket.addEventListener("close", ({ code }) => events.push(`close ${code}`));
      use(socket);
      return response;
    },
    { extendedConnect: true, allowedMethods: null, log: () => {}, ...limits },
    async (harness) => {
      const client = harness.connect({ deadline });
      const open = async () => {
        const id = client.takeId();
        client.headers(id, fields, { endStream: false });
        assertEquals((await client.head(id)).status, 200);
        return id;
      };
      const id = await open();
      await until("the open event", () => events.includes("open"));
      await run({ ...harness, client, id, sockets, events, open });
    },
  );
}

/** The frames of WebSocket that came on a stream. */
function framesOn(client: Http2Client, id: number): readonly ServerFrame[] {
  return readServerFrames(`\r\n\r\n${fromLatin1(client.stream(id).bytes)}`);
}

async function untilFrames(client: Http2Client, id: number, count: number): Promise<readonly ServerFrame[]> {
  await client.until(`${count} frames`, () => framesOn(client, id).length >= count || undefined);
  return framesOn(client, id);
}

function closeCode(client: Http2Client, id: number): number | undefined {
  const payload = framesOn(client, id).find(({ opcode }) => opcode === CLOSE)?.payload;
  return payload && (payload[0]! << 8 | payload[1]!);
}

const encode = (...frames: readonly ClientFrame[]) => join(frames.map(encodeClientFrame));

/** A message that is inflated to so many bytes. */
function compressed(size: number): ClientFrame {
  const whole = deflateRawSync(new Uint8Array(size), { finishFlush: 2 });
  return { opcode: BINARY, rsv: 4, payload: Uint8Array.from(whole.subarray(0, whole.length - 4)) };
}

Deno.test("the answer is 200 without a key, and the socket has the URL of the request (RFC 8441 §5)", async () => {
  await withSocket(
    echo,
    { options: { protocol: "chat" }, fields: withDeflate },
    async ({ client, id, sockets }) => {
      const stream = client.stream(id);
      assertEquals([stream.field("sec-websocket-accept"), stream.field("upgrade")], [null, null]);
      assertEquals(stream.field("sec-websocket-protocol"), "chat");
      assert(stream.field("sec-websocket-extensions")?.startsWith("permessage-deflate"), "the extension");
      assertEquals([sockets[0]?.url, sockets[0]?.protocol], ["ws://a/chat", "chat"]);
      client.data(id, encode({ opcode: TEXT, payload: "hello" }));
      const [answer] = await untilFrames(client, id, 1);
      assertEquals(new TextDecoder().decode(answer?.payload), "hello");
    },
  );
});

Deno.test("a socket takes more bytes than bodySizeLimit, in frames that are split anywhere (RFC 9113 §8.5)", async () => {
  await withSocket(echo, { limits: { bodySizeLimit: 1_000 } }, async ({ client, id }) => {
    const bytes = encode(
      ...Array.from({ length: 20 }, () => ({ opcode: BINARY, payload: new Uint8Array(700) })),
    );
    for (let at = 0; at < bytes.length; at += 333) client.data(id, bytes.subarray(at, at + 333));
    const answers = await untilFrames(client, id, 20);
    assertEquals(new Set(answers.map(({ payload }) => payload.length)), new Set([700]));
  });
});

/** What a client does with the stream of its socket, the events that follow, and how the stream ends. */
const ends: readonly (readonly [
  name: string,
  act: (harness: Harness) => unknown,
  events: readonly string[],
  end: { readonly close: number | undefined; readonly resets: readonly string[]; readonly ended: boolean },
])[] = [
  ["a closing handshake", ({ client, id }) => client.data(id, encode(closeNormal)), ["open", "close 1000"], {
    close: 1000,
    resets: ["NO_ERROR"],
    ended: true,
  }],
  [
    "a closing handshake with the end of its side",
    ({ client, id }) => client.data(id, encode(closeNormal), true),
    ["open", "close 1000"],
    { close: 1000, resets: [], ended: true },
  ],
  ["END_STREAM", ({ client, id }) => client.data(id, "", true), ["open", NO_CLOSE, "close 1006"], {
    close: undefined,
    resets: [],
    ended: true,
  }],
  [
    "END_STREAM within a message",
    ({ client, id }) => {
      client.data(id, encode({ opcode: TEXT, payload: "hello" }).subarray(0, 8), true);
    },
    ["open", NO_CLOSE, "close 1006"],
    { close: undefined, resets: [], ended: true },
  ],
  ["a fault", ({ client, id }) => client.data(id, encode({ opcode: 3 }), true), [
    "open",
    "error A reserved opcode (RFC 6455 §5.2)",
    "close 1002",
  ], { close: 1002, resets: [], ended: true }],
  [
    "too many pings",
    ({ client, id }) =>
      client.data(id, encode(...Array.from({ length: 101 }, () => ({ opcode: PING }))), true),
    [
      "open",
      "error Too many pings, pongs or empty fragments (RFC 6455 §7.4.1)",
      "close 1008",
    ],
    { close: 1008, resets: [], ended: true },
  ],
];
for (const [name, act, expected, { close, resets, ended }] of ends) {
  Deno.test(`a socket over HTTP/2 that ends by ${name} has the events ${expected.join(", ")} (RFC 8441 §5)`, async () => {
    await withSocket(echo, {}, async (harness) => {
      const { client, id, events } = harness;
      await act(harness);
      await until("the close event", () => events.length === expected.length);
      assertEquals(events, expected);
      const stream = await client.over(id);
      await client.expectAlive();
      assertEquals(closeCode(client, id), close);
      assertEquals(stream.ended, ended);
      assertEquals(stream.resets.map(nameOf), resets);
    });
  });
}

Deno.test("RST_STREAM is the loss of its socket, and of no other on the connection (RFC 8441 §5)", async () => {
  await withSocket(echo, {}, async ({ client, id, events, open }) => {
    const other = await open();
    client.reset(id, ErrorCode.CANCEL);
    await until("the close event", () => events.length === 4);
    assertEquals([events[0], events[1], events[3]], ["open", "open", "close 1006"]);
    client.data(other, encode({ opcode: TEXT, payload: "still here" }));
    const [answer] = await untilFrames(client, other, 1);
    assertEquals(new TextDecoder().decode(answer?.payload), "still here");
  });
});

Deno.test("the end of the connection is the loss of all its sockets", async () => {
  await withSocket(echo, {}, async ({ client, events, open }) => {
    await open();
    await client.close();
    await until("the close events", () => events.filter((event) => event === "close 1006").length === 2);
    assertEquals(events.length, 6);
  });
});

Deno.test("stop() closes sockets over HTTP/2 with 1001, and ends when they have", async () => {
  await withSocket(echo, {}, async ({ client, id, server, events, open }) => {
    const other = await open();
    client.data(
      other,
      encode({ opcode: TEXT, fin: false, payload: "a" }, { opcode: CONTINUATION, fin: false }),
    );
    await client.sync();
    const stopped = server.stop(60_000);
    for (const stream of [id, other]) {
      await untilFrames(client, stream, 1);
      assertEquals(closeCode(client, stream), 1001);
      client.data(stream, encode(closeNormal), true);
    }
    await within("the stop", stopped, 3_000);
    assertEquals(events, ["open", "open", "close 1000", "close 1000"]);
  });
});

Deno.test("stop() cuts sockets over HTTP/2 whose client does not close, at its deadline", async () => {
  await withSocket(echo, {}, async ({ server, events }) => {
    await within("the stop", server.stop(200), 3_000);
    await until("the close event", () => events.length === 3);
    assertEquals([events[0], events[2]], ["open", "close 1006"]);
  });
});

Deno.test("a socket that waits for its inflateBudget holds no other of its connection", async () => {
  const options: WebSocketOptions = { inflateBudget: { burst: 1, perSecond: 1 } };
  await withSocket(
    echo,
    { options, fields: withDeflate },
    async ({ client, id, sockets, open, server, events }) => {
      client.data(id, encode(compressed(1_000), { opcode: TEXT, payload: "behind" }));
      await untilFrames(client, id, 1);
      const other = await open();
      client.data(other, encode({ opcode: TEXT, payload: "beside" }));
      const [answer] = await untilFrames(client, other, 1);
      assertEquals(new TextDecoder().decode(answer?.payload), "beside");
      assertEquals(framesOn(client, id).length, 1, "the other waits");
      assertEquals(sockets.map(({ readyState }) => readyState), [1, 1]);
      await within("the stop", server.stop(200), 3_000);
      await until("the close events", () => events.length === 6);
    },
  );
});

Deno.test("a client whose window is shut and that closes is cut after 5 seconds, and its connection is not (RFC 6455 §7.1.1)", async () => {
  const use = (socket: ServerWebSocket) => socket.onopen = () => socket.send(new Uint8Array(100_000));
  await withSocket(
    use,
    { options: { compress: false, idleTimeout: 0 }, deadline: 1_000_000 },
    async ({ client, id, events }) => {
      await client.content(id, 65_535); // all that the window allows
      using time = new FakeTime();
      client.data(id, encode(closeNormal));
      await time.pass(4_999);
      assertEquals(events, ["open"]);
      await time.pass(1);
      assertEquals(events, ["open", "close 1000"]);
      assertEquals((await client.over(id)).resets.map(nameOf), ["CANCEL"]);
      await client.expectAlive();
    },
  );
});

Deno.test("an echo over HTTP/2 to a client that gives no credit is bounded (RFC 6455 §10.4)", async () => {
  await withSocket(echo, { options: { compress: false } }, async ({ client, id, sockets }) => {
    const message = encode({ opcode: BINARY, payload: new Uint8Array(100_000) });
    let sent = 0;
    const sending = (async () => {
      for (; sent < 100; sent++) await client.upload(id, message, false);
    })().catch(() => {});
    await until("that the server reads no more", () => sockets[0]!.bufferedAmount > 1024 * 1024);
    await client.sync();
    assert(sockets[0]!.bufferedAmount < 1.2 * 1024 * 1024, `${sockets[0]!.bufferedAmount} bytes wait`);
    assert(sent < 20, `${sent} messages were taken`);
    await client.close();
    await sending;
  });
});

Deno.test("CONNECT without a protocol, or for another, is no handshake (RFC 8441 §5)", async () => {
  const other = extended.map((field) => field[0] === ":protocol" ? [":protocol", "other"] as const : field);
  const plain: Fields = [[":method", "CONNECT"], [":authority", "a:80"], ["sec-websocket-version", "13"]];
  for (const fields of [other, plain]) {
    await withHttp2(
      (request) => upgradeWebSocket(request).response,
      { extendedConnect: true, allowedMethods: null, log: () => {} },
      async ({ connect }) => {
        const client = connect();
        client.headers(1, fields, { endStream: false });
        assertEquals((await client.head(1)).status, 405);
      },
    );
  }
});
