/** RFC 9113 §6: the rules of each type of frame; where a rule is broken, what that is answered with. */

import type { Handler } from "../../mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { turns, until } from "../support/deadline.ts";
import {
  ErrorCode,
  Flag,
  FrameType,
  Gate,
  hpackBlock,
  type Http2Client,
  largestWindow,
  nameOf,
  type RawFrame,
  requestFields,
  type Setting,
  Settings,
  settingsPayload,
  uint,
  withHttp2,
} from "../support/http2_client.ts";
import { Recorder } from "../support/vectors.ts";

const block = hpackBlock(requestFields());
const whole = Flag.END_HEADERS | Flag.END_STREAM;

// Faults that end the connection

interface Fault {
  readonly name: string;
  readonly section: string;
  readonly frame: RawFrame;
  /** The codes that are allowed for it. */
  readonly codes: readonly (keyof typeof ErrorCode)[];
}

const headers = { type: FrameType.HEADERS, streamId: 3 };
const data = { type: FrameType.DATA, streamId: 1 };
const settings = { type: FrameType.SETTINGS };

function setting(...pairs: readonly Setting[]): RawFrame {
  return { type: FrameType.SETTINGS, payload: settingsPayload(pairs) };
}

/** Frames behind `POST /open` on stream 1, which is open. */
const faults: readonly Fault[] = [
  // §6.1
  { name: "DATA on stream 0", section: "§6.1", frame: { ...data, streamId: 0 }, codes: ["PROTOCOL_ERROR"] },
  {
    name: "DATA with padding as long as its payload",
    section: "§6.1",
    frame: { ...data, flags: Flag.PADDED, payload: [5, 0, 0, 0, 0] },
    codes: ["PROTOCOL_ERROR"],
  },
  {
    name: "DATA with padding longer than its payload",
    section: "§6.1",
    frame: { ...data, flags: Flag.PADDED, payload: [255, 0, 0] },
    codes: ["PROTOCOL_ERROR"],
  },
  {
    name: "DATA of one byte that is a length of padding",
    section: "§6.1",
    frame: { ...data, flags: Flag.PADDED, payload: [1] },
    codes: ["PROTOCOL_ERROR"],
  },
  // §6.2
  {
    name: "HEADERS on stream 0",
    section: "§6.2",
    frame: { ...headers, streamId: 0, flags: whole, payload: block },
    codes: ["PROTOCOL_ERROR"],
  },
  {
    name: "HEADERS with padding as long as its payload",
    section: "§6.2",
    frame: { ...headers, flags: whole | Flag.PADDED, payload: [block.length + 1, ...block] },
    codes: ["PROTOCOL_ERROR"],
  },
  {
    name: "HEADERS with padding that reaches into its priority",
    section: "§6.2",
    frame: {
      ...headers,
      flags: whole | Flag.PADDED | Flag.PRIORITY,
      payload: [4, 0, 0, 0, 0, 15, 0, 0],
    },
    codes: ["PROTOCOL_ERROR", "FRAME_SIZE_ERROR"],
  },
  {
    name: "HEADERS with padding, of no bytes",
    section: "§4.2, §6.2",
    frame: { ...headers, flags: whole | Flag.PADDED },
    codes: ["PROTOCOL_ERROR", "FRAME_SIZE_ERROR"],
  },
  {
    name: "HEADERS too short for its priority",
    section: "§4.2, §6.2",
    frame: { ...headers, flags: whole | Flag.PRIORITY, payload: [0, 0, 0, 0] },
    codes: ["FRAME_SIZE_ERROR"],
  },
  // §6.3
  {
    name: "PRIORITY on stream 0",
    section: "§6.3",
    frame: { type: FrameType.PRIORITY, payload: [0, 0, 0, 1, 15] },
    codes: ["PROTOCOL_ERROR"],
  },
  // §6.4
  {
    name: "RST_STREAM on stream 0",
    section: "§6.4",
    frame: { type: FrameType.RST_STREAM, payload: uint(8) },
    codes: ["PROTOCOL_ERROR"],
  },
  ...[0, 3, 5].map((size): Fault => ({
    name: `RST_STREAM of ${size} bytes`,
    section: "§6.4",
    frame: { type: FrameType.RST_STREAM, streamId: 1, payload: new Uint8Array(size) },
    codes: ["FRAME_SIZE_ERROR"],
  })),
  // §6.5
  {
    name: "SETTINGS with ACK and a setting",
    section: "§6.5",
    frame: { ...setting([1, 1]), flags: Flag.ACK },
    codes: ["FRAME_SIZE_ERROR"],
  },
  {
    name: "SETTINGS on a stream",
    section: "§6.5",
    frame: { ...settings, streamId: 1 },
    codes: ["PROTOCOL_ERROR"],
  },
  {
    name: "an ACK of SETTINGS on a stream",
    section: "§6.5",
    frame: { ...settings, flags: Flag.ACK, streamId: 1 },
    codes: ["PROTOCOL_ERROR"],
  },
  ...[1, 5, 7, 20].map((size): Fault => ({
    name: `SETTINGS of ${size} bytes`,
    section: "§6.5",
    frame: { ...settings, payload: new Uint8Array(size) },
    codes: ["FRAME_SIZE_ERROR"],
  })),
  ...[2, 2 ** 32 - 1].map((value): Fault => ({
    name: `SETTINGS_ENABLE_PUSH of ${value}`,
    section: "§6.5.2",
    frame: setting([Settings.ENABLE_PUSH, value]),
    codes: ["PROTOCOL_ERROR"],
  })),
  ...[2 ** 31, 2 ** 32 - 1].map((value): Fault => ({
    name: `SETTINGS_INITIAL_WINDOW_SIZE of ${value}`,
    section: "§6.5.2",
    frame: setting([Settings.INITIAL_WINDOW_SIZE, value]),
    codes: ["FLOW_CONTROL_ERROR"],
  })),
  ...[0, 16_383, 2 ** 24, 2 ** 32 - 1].map((value): Fault => ({
    name: `SETTINGS_MAX_FRAME_SIZE of ${value}`,
    section: "§6.5.2",
    frame: setting([Settings.MAX_FRAME_SIZE, value]),
    codes: ["PROTOCOL_ERROR"],
  })),
  {
    name: "a forbidden setting behind one that is not known",
    section: "§6.5.3",
    frame: setting([0x99, 1], [Settings.ENABLE_PUSH, 3]),
    codes: ["PROTOCOL_ERROR"],
  },
  {
    name: "SETTINGS_NO_OLD_PRIORITIES of 2",
    section: "§5.5, RFC 9218 §2.1",
    frame: setting([Settings.NO_OLD_PRIORITIES, 2]),
    codes: ["PROTOCOL_ERROR"],
  },
  // §6.6, §8.4
  ...[0, 1, 3].map((streamId): Fault => ({
    name: `PUSH_PROMISE of a client on stream ${streamId}`,
    section: "§6.6, §8.4",
    frame: {
      type: FrameType.PUSH_PROMISE,
      flags: Flag.END_HEADERS,
      streamId,
      payload: [...uint(2), ...block],
    },
    codes: ["PROTOCOL_ERROR"],
  })),
  // §6.7
  {
    name: "PING on a stream",
    section: "§6.7",
    frame: { type: FrameType.PING, streamId: 1, payload: "12345678" },
    codes: ["PROTOCOL_ERROR"],
  },
  ...[0, 7, 9].map((size): Fault => ({
    name: `PING of ${size} bytes`,
    section: "§6.7",
    frame: { type: FrameType.PING, payload: new Uint8Array(size) },
    codes: ["FRAME_SIZE_ERROR"],
  })),
  {
    name: "an ACK of PING of 7 bytes",
    section: "§6.7",
    frame: { type: FrameType.PING, flags: Flag.ACK, payload: "1234567" },
    codes: ["FRAME_SIZE_ERROR"],
  },
  // §6.8
  {
    name: "GOAWAY on a stream",
    section: "§6.8",
    frame: { type: FrameType.GOAWAY, streamId: 1, payload: new Uint8Array(8) },
    codes: ["PROTOCOL_ERROR"],
  },
  {
    name: "GOAWAY of 7 bytes",
    section: "§4.2, §6.8",
    frame: { type: FrameType.GOAWAY, payload: new Uint8Array(7) },
    codes: ["FRAME_SIZE_ERROR"],
  },
  // §6.9
  ...[0, 3, 5].map((size): Fault => ({
    name: `WINDOW_UPDATE of ${size} bytes`,
    section: "§6.9",
    frame: { type: FrameType.WINDOW_UPDATE, streamId: 1, payload: new Uint8Array(size).fill(1) },
    codes: ["FRAME_SIZE_ERROR"],
  })),
  {
    name: "WINDOW_UPDATE of 0 for the connection",
    section: "§6.9",
    frame: { type: FrameType.WINDOW_UPDATE, payload: uint(0) },
    codes: ["PROTOCOL_ERROR"],
  },
  {
    name: "WINDOW_UPDATE of 0 for the connection, with the reserved bit",
    section: "§6.9",
    frame: { type: FrameType.WINDOW_UPDATE, payload: uint(2 ** 31) },
    codes: ["PROTOCOL_ERROR"],
  },
  // §6.10
  {
    name: "CONTINUATION on stream 0",
    section: "§6.10",
    frame: { type: FrameType.CONTINUATION, flags: Flag.END_HEADERS, payload: block },
    codes: ["PROTOCOL_ERROR"],
  },
  {
    name: "CONTINUATION behind a HEADERS with END_HEADERS",
    section: "§6.10",
    frame: { type: FrameType.CONTINUATION, flags: Flag.END_HEADERS, streamId: 1 },
    codes: ["PROTOCOL_ERROR"],
  },
];

for (const step of [undefined, 1]) {
  for (const { name, section, frame, codes } of faults) {
    const how = step === undefined ? "" : ", byte by byte,";
    Deno.test(`a server rejects ${name}${how} with ${codes.join(" or ")} (RFC 9113 ${section})`, async () => {
      const gate = new Gate();
      await withHttp2(gate.handler, {}, async ({ connect }) => {
        const client = connect(step === undefined ? {} : { step });
        client.request({ id: 1, method: "POST", path: "/open", endStream: false });
        client.frame(frame);
        client.request({ id: 5, path: "/behind" });
        await client.expectConnectionError(...codes.map((code) => ErrorCode[code]));
        assertEquals(gate.targets.includes("/behind"), false, "the request behind was dispatched");
        gate.open("/open");
      });
    });
  }
}

// Faults that end a stream

/** Frames for a stream that is open, and may cost no more than that. */
const streamFaults: readonly Fault[] = [
  ...[0, 4, 6].map((size): Fault => ({
    name: `PRIORITY of ${size} bytes`,
    section: "§6.3",
    frame: { type: FrameType.PRIORITY, streamId: 1, payload: new Uint8Array(size) },
    codes: ["FRAME_SIZE_ERROR"],
  })),
  ...[0, 2 ** 31].map((increment): Fault => ({
    name: `WINDOW_UPDATE of 0 for a stream${increment === 0 ? "" : ", with the reserved bit"}`,
    section: "§6.9",
    frame: { type: FrameType.WINDOW_UPDATE, streamId: 1, payload: uint(increment) },
    codes: ["PROTOCOL_ERROR"],
  })),
  {
    name: "WINDOW_UPDATE beyond the largest window",
    section: "§6.9.1",
    frame: { type: FrameType.WINDOW_UPDATE, streamId: 1, payload: uint(largestWindow) },
    codes: ["FLOW_CONTROL_ERROR"],
  },
];

for (const { name, section, frame, codes } of streamFaults) {
  Deno.test(`a server answers ${name} with RST_STREAM of ${codes.join(" or ")} (RFC 9113 ${section})`, async () => {
    const gate = new Gate();
    await withHttp2(gate.handler, {}, async ({ connect }) => {
      const client = connect();
      const other = client.request({ id: 3, path: "/other" });
      await gate.arrival("/other");
      const id = client.request({ method: "POST", path: "/open", endStream: false });
      await gate.arrival("/open");
      client.frame({ ...frame, streamId: id });
      await client.expectStreamError(id, ...codes.map((code) => ErrorCode[code]));
      await until("the abortion", () => gate.signals.get("/open")?.aborted === true);
      gate.open("/open");
      gate.open("/other");
      assertEquals((await client.response(other)).text, "/other");
    });
  });
}

Deno.test("a server rejects DATA with padding, of no bytes (RFC 9113 §4.2, §6.1)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ method: "POST", path: "/open", endStream: false });
    client.frame({ type: FrameType.DATA, flags: Flag.PADDED, streamId: id });
    const code = await client.until(
      "an error",
      () => client.log.goaways[0]?.code ?? client.stream(id).resets[0],
    );
    assert(["FRAME_SIZE_ERROR", "PROTOCOL_ERROR"].includes(nameOf(code)), nameOf(code));
    gate.open("/open");
  });
});

// §6.1, §6.2: padding and priority are no part of the content

/** Forms of a POST of "hello". */
const padded: readonly (readonly [name: string, send: (client: Http2Client) => void])[] = [
  ["DATA with padding of no length", (client) => {
    client.frame({ ...data, flags: Flag.PADDED | Flag.END_STREAM, payload: "\0hello" });
  }],
  ["DATA with padding", (client) => {
    client.frame({ ...data, flags: Flag.PADDED | Flag.END_STREAM, payload: "\x04hello\0\0\0\0" });
  }],
  ["DATA with the most padding", (client) => {
    const payload = `\xffhello${"\0".repeat(255)}`;
    client.frame({ ...data, flags: Flag.PADDED | Flag.END_STREAM, payload });
  }],
  ["DATA that is nothing but padding", (client) => {
    client.frame({ ...data, flags: Flag.PADDED, payload: `\x09${"\0".repeat(9)}` });
    client.data(1, "hello", true);
  }],
  ["an empty DATA at the end", (client) => {
    client.data(1, "hello");
    client.data(1, "", true);
  }],
];

for (const [name, send] of padded) {
  Deno.test(`a server takes ${name} (RFC 9113 §6.1)`, async () => {
    const recorder = new Recorder();
    await withHttp2(recorder.handler, {}, async ({ connect }) => {
      const client = connect();
      client.request({ id: 1, method: "POST", endStream: false });
      send(client);
      assertEquals((await client.response(1)).text, "5 bytes");
      assertEquals(recorder.seen[0]?.body, "hello");
    });
  });
}

/** HEADERS in all its forms. */
const heads: readonly (readonly [name: string, frame: RawFrame])[] = [
  ["padding", { flags: whole | Flag.PADDED, type: 1, payload: [3, ...block, 0, 0, 0] }],
  ["padding of no length", { flags: whole | Flag.PADDED, type: 1, payload: [0, ...block] }],
  ["the most padding", {
    flags: whole | Flag.PADDED,
    type: 1,
    payload: [255, ...block, ...new Array(255).fill(0)],
  }],
  ["a priority", { flags: whole | Flag.PRIORITY, type: 1, payload: [0, 0, 0, 0, 200, ...block] }],
  ["an exclusive priority", { flags: whole | Flag.PRIORITY, type: 1, payload: [0x80, 0, 0, 9, 1, ...block] }],
  ["padding and a priority", {
    flags: whole | Flag.PADDED | Flag.PRIORITY,
    type: 1,
    payload: [2, 0, 0, 0, 0, 15, ...block, 0, 0],
  }],
];

for (const [name, frame] of heads) {
  Deno.test(`a server takes HEADERS with ${name} (RFC 9113 §6.2)`, async () => {
    await withHttp2(() => new Response("a"), {}, async ({ connect }) => {
      const client = connect();
      client.frame({ ...frame, streamId: 1 });
      assertEquals((await client.response(1)).text, "a");
    });
  });
}

Deno.test("a server takes HEADERS with padding that goes on in CONTINUATION (RFC 9113 §6.2, §6.10)", async () => {
  await withHttp2(() => new Response("a"), {}, async ({ connect }) => {
    const client = connect();
    const payload = [2, ...block.subarray(0, 10), 0, 0];
    client.frame({ type: FrameType.HEADERS, flags: Flag.PADDED | Flag.END_STREAM, streamId: 1, payload });
    client.continuation(1, block.subarray(10));
    assertEquals((await client.response(1)).text, "a");
  });
});

// §6.3

Deno.test("PRIORITY is taken in every order and changes nothing (RFC 9113 §5.3.2, §6.3)", async () => {
  await withHttp2(() => new Response("a"), {}, async ({ connect }) => {
    const client = connect();
    for (const payload of [[0, 0, 0, 7, 255], [0x80, 0, 0, 0, 0], [0x7f, 0xff, 0xff, 0xff, 1]]) {
      client.frame({ type: FrameType.PRIORITY, streamId: 3, payload });
    }
    assertEquals((await client.response(client.request())).text, "a");
    client.frame({ type: FrameType.PRIORITY, streamId: 1, payload: [0, 0, 0, 3, 255] });
    assertEquals((await client.response(client.request({ id: 3 }))).text, "a");
  });
});

// §6.4

Deno.test("RST_STREAM frees the stream for another (RFC 9113 §6.4)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, { concurrentStreamLimit: 1 }, async ({ connect }) => {
    const client = connect();
    const id = client.request({ path: "/first" });
    await gate.arrival("/first");
    client.reset(id);
    gate.open("/first");
    await until("the end of the exchange", () => client.peer.pendingResponseCount === 0);
    assertEquals((await client.response(client.request({ path: "/now" }))).text, "now");
  });
});

// §6.5

/** Values that are allowed, at their limits. */
const allowed: readonly Setting[] = [
  [Settings.HEADER_TABLE_SIZE, 0],
  [Settings.HEADER_TABLE_SIZE, 2 ** 32 - 1],
  [Settings.ENABLE_PUSH, 0],
  [Settings.ENABLE_PUSH, 1],
  [Settings.MAX_CONCURRENT_STREAMS, 0],
  [Settings.MAX_CONCURRENT_STREAMS, 2 ** 32 - 1],
  [Settings.INITIAL_WINDOW_SIZE, 2 ** 31 - 1],
  [Settings.MAX_FRAME_SIZE, 2 ** 14],
  [Settings.MAX_FRAME_SIZE, 2 ** 24 - 1],
  [Settings.MAX_HEADER_LIST_SIZE, 2 ** 32 - 1],
  [Settings.ENABLE_CONNECT_PROTOCOL, 1],
  [Settings.NO_OLD_PRIORITIES, 1],
];

for (const pair of allowed) {
  const name = Object.entries(Settings).find((entry) => entry[1] === pair[0])?.[0];
  for (const when of ["the first SETTINGS", "a later SETTINGS"]) {
    Deno.test(`a server takes SETTINGS_${name} of ${pair[1]} in ${when} (RFC 9113 §6.5.2)`, async () => {
      await withHttp2(() => new Response("a"), {}, async ({ connect }) => {
        const client = connect({ settings: when.includes("first") ? [pair] : [] });
        if (!when.includes("first")) client.settings([pair]);
        await client.acknowledged();
        assertEquals((await client.response(client.request())).text, "a");
      });
    });
  }
}

Deno.test("each SETTINGS is acknowledged, once, and at once (RFC 9113 §6.5.3)", async () => {
  await withHttp2(() => new Response(), {}, async ({ connect }) => {
    const client = connect();
    for (let count = 0; count < 9; count++) {
      client.settings(count % 2 === 0 ? [] : [[Settings.INITIAL_WINDOW_SIZE, 65_535 + count]]);
    }
    await client.sync();
    assertEquals(client.log.acknowledged, 10); // with that of the preface
  });
});

Deno.test("a SETTINGS of many entries is taken (RFC 9113 §6.5)", async () => {
  await withHttp2(() => new Response("a"), {}, async ({ connect }) => {
    const client = connect();
    client.settings(Array.from({ length: 30 }, (_, index) => [0x1000 + index, index]));
    await client.acknowledged();
    assertEquals((await client.response(client.request())).text, "a");
  });
});

Deno.test("settings hold for the frames behind them (RFC 9113 §6.5.3)", async () => {
  await withHttp2(() => new Response("hello"), {}, async ({ connect }) => {
    const client = connect();
    client.settings([[Settings.INITIAL_WINDOW_SIZE, 3]]);
    const id = client.request();
    await client.content(id, 3);
    await client.sync();
    assertEquals(client.stream(id).text, "hel");
    const types = client.log.frames.map(({ type, flags }) => `${type} ${flags}`);
    assert(types.lastIndexOf("4 1") < types.indexOf("0 0"), "DATA came ahead of the ACK");
  });
});

Deno.test("a server goes on where its SETTINGS are never acknowledged, for a while (RFC 9113 §6.5.3)", async () => {
  await withHttp2(() => new Response("a"), {}, async ({ connect }) => {
    const client = connect({ acknowledges: false });
    assertEquals((await client.response(client.request())).text, "a");
  });
});

Deno.test("a server without a response to send does not send SETTINGS_ENABLE_PUSH of 1 (RFC 9113 §6.5.2, §8.4)", async () => {
  await withHttp2(() => new Response(), {}, async ({ connect }) => {
    const client = connect();
    await client.acknowledged();
    assertEquals(client.log.settings.get(Settings.ENABLE_PUSH) ?? 0, 0);
    const size = client.log.settings.get(Settings.MAX_FRAME_SIZE) ?? 16_384;
    assert(size >= 16_384 && size < 2 ** 24, `SETTINGS_MAX_FRAME_SIZE of ${size}`);
  });
});

Deno.test("a server tells the largest head that it takes (RFC 9113 §6.5.2)", async () => {
  await withHttp2(() => new Response(), { headerSizeLimit: 12_345 }, async ({ connect }) => {
    const client = connect();
    await client.acknowledged();
    assertEquals(client.log.settings.get(Settings.MAX_HEADER_LIST_SIZE), 12_345);
  });
});

// §6.7

Deno.test("PING is answered with the same eight bytes (RFC 9113 §6.7)", async () => {
  await withHttp2(() => new Response(), {}, async ({ connect }) => {
    const client = connect();
    const payloads = ["\0\0\0\0\0\0\0\0", "\xff\xfe\x80\x00abcd", "12345678"];
    for (const payload of payloads) client.ping(payload);
    await client.sync();
    assertEquals(client.log.pongs.slice(0, 3), payloads);
  });
});

Deno.test("a PING with ACK is not answered (RFC 9113 §6.7)", async () => {
  await withHttp2(() => new Response(), {}, async ({ connect }) => {
    const client = connect();
    client.frame({ type: FrameType.PING, flags: Flag.ACK, payload: "12345678" });
    client.frame({ type: FrameType.PING, flags: 0xff, payload: "12345678" });
    await client.expectAlive();
    assertEquals(client.log.pongs.includes("12345678"), false);
  });
});

Deno.test("PING is answered while responses wait for a window (RFC 9113 §6.7)", async () => {
  await withHttp2(() => new Response(new Uint8Array(1_000_000)), {}, async ({ connect }) => {
    const client = connect();
    const id = client.request();
    await client.content(id, 65_535);
    await client.sync();
    client.reset(id);
    await client.expectAlive();
  });
});

Deno.test("PING is answered ahead of DATA that waits to be written (RFC 9113 §6.7)", async () => {
  const size = 2_000_000;
  const settings: readonly Setting[] = [[Settings.INITIAL_WINDOW_SIZE, largestWindow]];
  await withHttp2(() => new Response(new Uint8Array(size)), {}, async ({ connect }) => {
    const client = connect({ settings });
    client.grant(0, size);
    client.hold();
    const id = client.request();
    await turns();
    client.ping("priority");
    await turns();
    client.resume();
    await client.until("the answer", () => client.log.pongs.includes("priority") || undefined);
    assert(client.stream(id).size < size / 2, `${client.stream(id).size} bytes came ahead of the answer`);
    assertEquals((await client.response(id)).size, size);
  });
});

// §6.8

Deno.test("a client's GOAWAY lets its streams finish (RFC 9113 §6.8)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ path: "/a" });
    const upload = client.request({ method: "POST", path: "/b", endStream: false });
    await gate.arrival("/b");
    client.goaway();
    client.data(upload, "more", true);
    await client.sync();
    gate.open("/a");
    gate.open("/b");
    for (const stream of [id, upload]) assertEquals((await client.response(stream)).status, 200);
  });
});

for (
  const [name, payload] of [
    ["debug data", [...uint(0), ...uint(0), 1, 2, 3]],
    ["an unknown code", [...uint(0), ...uint(0xffff)]],
    ["an error", [...uint(0), ...uint(2)]],
    ["the highest stream", [...uint(2 ** 31 - 1), ...uint(0)]],
  ] as const
) {
  Deno.test(`a client's GOAWAY with ${name} is taken (RFC 9113 §6.8, §7)`, async () => {
    const gate = new Gate();
    await withHttp2(gate.handler, {}, async ({ connect }) => {
      const client = connect();
      const id = client.request({ path: "/a" });
      await gate.arrival("/a");
      client.frame({ type: FrameType.GOAWAY, payload });
      gate.open("/a");
      assertEquals((await client.response(id)).status, 200);
      const codes = client.log.goaways.map(({ code }) => code);
      assertEquals(codes.filter((code) => code !== ErrorCode.NO_ERROR), [], "codes of the server's GOAWAY");
    });
  });
}

Deno.test("no push is promised to a client that has sent GOAWAY (RFC 9113 §6.8)", async () => {
  const answers: boolean[] = [];
  const gate = new Gate();
  const handler: Handler = async (request, exchange) => {
    const response = await gate.handler(request, exchange);
    if (exchange.target === "/a") answers.push(exchange.push("/pushed"));
    return response;
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ path: "/a" });
    client.goaway();
    await client.sync();
    gate.open("/a");
    await client.response(id);
    assertEquals(answers, [false]);
    assertEquals(client.log.frames.filter(({ type }) => type === FrameType.PUSH_PROMISE), []);
  });
});

// §6.9

Deno.test("the reserved bit of an increment is ignored (RFC 9113 §6.9)", async () => {
  await withHttp2(() => new Response("hello"), {}, async ({ connect }) => {
    const client = connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 0]] });
    const id = client.request();
    client.grant(id, 2 ** 31 + 4);
    await client.content(id, 4);
    await client.expectAlive();
    assertEquals(client.stream(id).text, "hell");
    client.grant(id, 1);
    await client.response(id);
  });
});

Deno.test("WINDOW_UPDATE for a stream that is over is no error (RFC 9113 §6.9)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request();
    await client.response(id);
    for (const increment of [1, largestWindow, largestWindow]) client.grant(id, increment);
    await client.expectAlive();
    assertEquals(client.stream(id).resets, []);
    assertEquals((await client.response(client.request())).status, 200);
  });
});

// §7

Deno.test("codes that are not known mean nothing special (RFC 9113 §7)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, {}, async ({ connect }) => {
    const client = connect();
    const [one, other] = [client.request({ path: "/1" }), client.request({ path: "/2" })];
    await gate.arrival("/2");
    client.reset(one, 0xdead);
    gate.open("/1");
    gate.open("/2");
    assertEquals((await client.response(other)).text, "/2");
    await client.expectAlive();
  });
});
