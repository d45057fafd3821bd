/** RFC 9113 §4: the layout and the size of frames, and field blocks. */

import type { Handler } from "../../mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { until } from "../support/deadline.ts";
import {
  ErrorCode,
  type Fields,
  Flag,
  FrameType,
  hpackBlock,
  hpackInteger,
  hpackLiteral,
  type Http2Client,
  type RawFrame,
  requestFields,
  Settings,
  settingsPayload,
  uint,
  withHttp2,
} from "../support/http2_client.ts";
import { Recorder } from "../support/vectors.ts";

/** Runs a test whose bytes arrive whole, and again byte by byte. */
async function withBoth(handler: Handler, run: (client: Http2Client) => Promise<void>): Promise<void> {
  for (const connecting of [{}, { step: 1 }]) {
    await withHttp2(handler, {}, async ({ connect }) => await run(connect(connecting)));
  }
}

// §4.1: layout

const headersFrame: RawFrame = {
  type: FrameType.HEADERS,
  flags: Flag.END_HEADERS | Flag.END_STREAM,
  streamId: 1,
  payload: hpackBlock(requestFields()),
};

/** What a server has to ignore: frames ahead of a request on stream 1 that is then answered. */
const ignored: readonly (readonly [name: string, section: string, frames: readonly RawFrame[]])[] = [
  ["a frame of an unknown type on stream 0", "§4.1, §5.5", [{ type: 0x0b, flags: 0xff, payload: "abc" }]],
  ["a frame of an unknown type on an idle stream", "§5.5", [{ type: 0xfe, streamId: 99, payload: "abc" }]],
  ["an empty frame of an unknown type", "§4.1", [{ type: 0xff }]],
  ["a frame of an unknown type of 16384 bytes", "§4.2", [{ type: 0x21, payload: "x".repeat(16_384) }]],
  ["ALTSVC and ORIGIN, which are for clients", "§5.5", [{ type: 0x0a, payload: [0, 0] }, { type: 0x0c }]],
  ["the reserved bit of a PING", "§4.1", [{ type: FrameType.PING, streamId: 2 ** 31, payload: "12345678" }]],
  ["the reserved bit of a WINDOW_UPDATE", "§4.1", [
    { type: FrameType.WINDOW_UPDATE, streamId: 2 ** 31, payload: uint(1) },
  ]],
  ["the unused flags of a PING", "§4.1", [{ type: FrameType.PING, flags: 0xfe, payload: "12345678" }]],
  ["the unused flags of SETTINGS", "§4.1", [{ type: FrameType.SETTINGS, flags: 0xfe }]],
  ["the unused flags of a WINDOW_UPDATE", "§4.1", [
    { type: FrameType.WINDOW_UPDATE, flags: 0xff, payload: uint(1) },
  ]],
  ["the unused flags of PRIORITY", "§4.1", [
    { type: FrameType.PRIORITY, flags: 0xff, streamId: 1, payload: [0, 0, 0, 0, 0] },
  ]],
];

for (const [name, section, frames] of ignored) {
  Deno.test(`a server ignores ${name} (RFC 9113 ${section})`, async () => {
    const recorder = new Recorder();
    await withHttp2(recorder.handler, {}, async ({ connect }) => {
      const client = connect();
      for (const frame of frames) client.frame(frame);
      client.frame(headersFrame);
      assertEquals((await client.response(1)).status, 200);
      await client.expectAlive();
    });
  });
}

Deno.test("a server ignores the reserved bit of HEADERS (RFC 9113 §4.1)", async () => {
  await withHttp2(() => new Response("a"), {}, async ({ connect }) => {
    const client = connect();
    client.log.open(1, "GET");
    client.frame({ ...headersFrame, streamId: 2 ** 31 + 1 });
    assertEquals((await client.response(1)).text, "a");
  });
});

Deno.test("a server ignores the unused flags of HEADERS, DATA, CONTINUATION and RST_STREAM (RFC 9113 §4.1)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, {}, async ({ connect }) => {
    const client = connect();
    const block = hpackBlock(requestFields("POST"));
    client.frame({ type: FrameType.HEADERS, flags: 0xd2, streamId: 1, payload: block.subarray(0, 5) });
    client.frame({
      type: FrameType.CONTINUATION,
      flags: 0xfb | Flag.END_HEADERS,
      streamId: 1,
      payload: block.subarray(5),
    });
    client.frame({ type: FrameType.DATA, flags: 0xf7, streamId: 1, payload: "hello" });
    assertEquals((await client.response(1)).text, "5 bytes");
    client.request({ id: 3, endStream: false });
    client.frame({ type: FrameType.RST_STREAM, flags: 0xff, streamId: 3, payload: uint(8) });
    await client.expectAlive();
  });
});

Deno.test("a server ignores a frame of an unknown type on a stream that is open (RFC 9113 §5.5)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ method: "POST", endStream: false });
    client.frame({ type: 0x42, flags: 1, streamId: id, payload: "not the body" });
    client.data(id, "hello", true);
    assertEquals((await client.response(id)).text, "5 bytes");
  });
});

// §4.2: size

Deno.test("a server takes frames of 16384 bytes (RFC 9113 §4.2)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, {}, async ({ connect }) => {
    const client = connect();
    const id = client.request({ method: "POST", endStream: false });
    client.data(id, "x".repeat(16_384));
    client.data(id, "y".repeat(16_384), true);
    assertEquals((await client.response(id)).text, "32768 bytes");
  });
});

/** The payload of HEADERS for a request, made `size` bytes long by a field. */
function blockOf(size: number): Uint8Array {
  const start = hpackBlock(requestFields());
  const field = (length: number) => hpackLiteral(["x-pad", "p".repeat(length)]);
  let length = size - start.length;
  while (start.length + field(length).length > size) length--;
  return Uint8Array.from([...start, ...field(length)]);
}

Deno.test("a server takes HEADERS and CONTINUATION of 16384 bytes (RFC 9113 §4.2)", async () => {
  await withHttp2(() => new Response("a"), { headerSizeLimit: 100_000 }, async ({ connect }) => {
    const client = connect();
    const block = blockOf(2 * 16_384);
    client.headers(1, block.subarray(0, 16_384), { endHeaders: false });
    client.continuation(1, block.subarray(16_384));
    assertEquals((await client.response(1)).text, "a");
  });
});

/** Frames with one byte more than SETTINGS_MAX_FRAME_SIZE lets them have; `stream` where a stream error will do. */
const tooLarge: readonly (readonly [name: string, frame: RawFrame, kind: "connection" | "any"])[] = [
  ["HEADERS", { ...headersFrame, streamId: 3, payload: blockOf(16_385) }, "connection"],
  ["SETTINGS", { type: FrameType.SETTINGS, payload: new Uint8Array(6 * 2731) }, "connection"],
  ["PING", { type: FrameType.PING, payload: new Uint8Array(16_385) }, "connection"],
  ["GOAWAY", { type: FrameType.GOAWAY, payload: new Uint8Array(16_385) }, "connection"],
  ["an unknown type on stream 0", { type: 0x42, payload: new Uint8Array(16_385) }, "connection"],
  ["DATA", { type: FrameType.DATA, streamId: 1, payload: new Uint8Array(16_385) }, "any"],
  ["an unknown type on a stream", { type: 0x42, streamId: 1, payload: new Uint8Array(16_385) }, "any"],
];

for (const [name, frame, kind] of tooLarge) {
  Deno.test(`a server rejects ${name} above 16384 bytes with FRAME_SIZE_ERROR (RFC 9113 §4.2)`, async () => {
    const recorder = new Recorder();
    await withHttp2(recorder.handler, {}, async ({ connect }) => {
      const client = connect();
      const id = client.request({ method: "POST", endStream: false });
      client.frame(frame);
      const reset = () => client.stream(id).resets[0];
      const ended = () => client.ended || undefined;
      await client.until("an error", () => (kind === "any" ? reset() : undefined) ?? ended());
      if (!client.ended) return assertEquals(reset(), ErrorCode.FRAME_SIZE_ERROR);
      await client.expectConnectionError(ErrorCode.FRAME_SIZE_ERROR);
      assertEquals(recorder.seen.filter(({ body }) => body !== null), [], "complete requests");
    });
  });
}

Deno.test("a frame that is too large is rejected by its header alone (RFC 9113 §4.2)", async () => {
  await withHttp2(() => new Response(), {}, async ({ connect }) => {
    const client = connect();
    client.frame({ type: FrameType.PING, length: 2 ** 24 - 1, payload: "1" });
    await client.expectConnectionError(ErrorCode.FRAME_SIZE_ERROR);
  });
});

for (const size of [16_384, 20_000, 2 ** 24 - 1]) {
  Deno.test(`DATA is no larger than a SETTINGS_MAX_FRAME_SIZE of ${size} (RFC 9113 §4.2)`, async () => {
    const body = new Uint8Array(60_000);
    await withHttp2(() => new Response(body), {}, async ({ connect }) => {
      const client = connect({ settings: [[Settings.MAX_FRAME_SIZE, size]] });
      assertEquals((await client.response(client.request())).size, 60_000);
    });
  });
}

Deno.test("a head above the frame size goes on in CONTINUATION (RFC 9113 §4.2, §4.3)", async () => {
  const value = "v".repeat(50_000);
  await withHttp2(() => new Response("a", { headers: { "x-large": value } }), {}, async ({ connect }) => {
    const client = connect();
    const ids = [client.request(), client.request()];
    for (const id of ids) {
      const response = await client.response(id);
      assertEquals([response.field("x-large") === value, response.text], [true, "a"]);
    }
    const types = client.log.frames.map(({ type }) => type);
    assert(types.includes(FrameType.CONTINUATION), "there is no CONTINUATION");
  });
});

// §4.3: field blocks

/** A request in several frames: the sizes of the fragments but the last. */
const splits: readonly (readonly [name: string, sizes: readonly number[]])[] = [
  ["in two", [10]],
  ["in many", [1, 2, 3, 4, 5]],
  ["with an empty HEADERS", [0]],
  ["with an empty CONTINUATION in the middle", [10, 0]],
  ["inside a name", [3]],
];

for (const [name, sizes] of splits) {
  Deno.test(`a server takes a field block ${name} (RFC 9113 §4.3)`, async () => {
    const recorder = new Recorder();
    await withHttp2(recorder.handler, {}, async ({ connect }) => {
      const client = connect();
      const block = hpackBlock(requestFields("GET", "/split", [["x-a", "1"]]));
      client.headers(1, block.subarray(0, sizes[0]), { endHeaders: false });
      let at = sizes[0] ?? 0;
      for (const size of sizes.slice(1)) {
        client.continuation(1, block.subarray(at, at + size), false);
        at += size;
      }
      client.continuation(1, block.subarray(at));
      assertEquals((await client.response(1)).status, 200);
      assertEquals(recorder.seen[0]?.target, "/split");
    });
  });
}

Deno.test("a server takes a field block whose last CONTINUATION is empty (RFC 9113 §4.3)", async () => {
  await withHttp2(() => new Response("a"), {}, async ({ connect }) => {
    const client = connect();
    client.headers(1, hpackBlock(requestFields()), { endHeaders: false });
    client.continuation(1, []);
    assertEquals((await client.response(1)).text, "a");
  });
});

/** Frames of every type that may not stand inside a field block on stream 1. */
const interlopers: readonly (readonly [name: string, frame: RawFrame])[] = [
  ["DATA", { type: FrameType.DATA, streamId: 1, payload: "a" }],
  ["HEADERS of the same stream", headersFrame],
  ["HEADERS of another stream", { ...headersFrame, streamId: 3 }],
  ["PRIORITY", { type: FrameType.PRIORITY, streamId: 1, payload: [0, 0, 0, 0, 0] }],
  ["RST_STREAM", { type: FrameType.RST_STREAM, streamId: 1, payload: uint(8) }],
  ["SETTINGS", { type: FrameType.SETTINGS, payload: settingsPayload([]) }],
  ["PUSH_PROMISE", { type: FrameType.PUSH_PROMISE, streamId: 1, payload: uint(2) }],
  ["PING", { type: FrameType.PING, payload: "12345678" }],
  ["GOAWAY", { type: FrameType.GOAWAY, payload: [...uint(0), ...uint(0)] }],
  ["WINDOW_UPDATE", { type: FrameType.WINDOW_UPDATE, payload: uint(1) }],
  ["CONTINUATION of another stream", { type: FrameType.CONTINUATION, flags: Flag.END_HEADERS, streamId: 3 }],
  ["CONTINUATION of stream 0", { type: FrameType.CONTINUATION, flags: Flag.END_HEADERS }],
  ["PRIORITY_UPDATE", { type: FrameType.PRIORITY_UPDATE, payload: [...uint(1), ...[0x75]] }],
  ["a frame of an unknown type", { type: 0x42, streamId: 1 }],
];

for (const behind of ["HEADERS", "CONTINUATION"]) {
  for (const [name, frame] of interlopers) {
    Deno.test(`a server rejects ${name} behind a ${behind} without END_HEADERS (RFC 9113 §4.3, §6.2, §6.10)`, async () => {
      const recorder = new Recorder();
      await withBoth(recorder.handler, async (client) => {
        const block = hpackBlock(requestFields());
        client.headers(1, block.subarray(0, 9), { endHeaders: false });
        if (behind === "CONTINUATION") client.continuation(1, block.subarray(9), false);
        client.frame(frame);
        client.continuation(1, []);
        await client.expectConnectionError(ErrorCode.PROTOCOL_ERROR);
        assertEquals(recorder.seen, []);
      });
    });
  }
}

const start = hpackBlock(requestFields());

/** Blocks that are no HPACK, behind a valid request. */
const undecodable: readonly (readonly [name: string, section: string, rest: readonly number[]])[] = [
  ["an index of 0", "§6.1", [0x80]],
  ["an index beyond both tables", "§2.3.3", hpackInteger(62, 7, 0x80)],
  ["an index far beyond both tables", "§2.3.3", hpackInteger(1_000_000, 7, 0x80)],
  ["a name's index beyond both tables", "§2.3.3", [...hpackInteger(62, 6, 0x40), 1, 0x61]],
  ["an integer that has no end", "§5.1", [0xff, 0x80, 0x80]],
  ["an integer that no counter holds", "§5.1", [0xff, ...Array(12).fill(0xff), 1]],
  ["a string longer than the block", "§5.2", [0x00, 0x05, 0x61]],
  ["a literal without a value", "§6.2", [0x00, 0x01, 0x61]],
  ["a Huffman code with EOS", "§5.2", [0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00]],
  ["a Huffman code padded by zeros", "§5.2", [0x00, 0x81, 0x18, 0x00]],
  ["a Huffman code padded by eight bits", "§5.2", [0x00, 0x82, 0x1f, 0xff, 0x00]],
  ["a table size update behind a field", "§4.2", [0x20]],
];

for (const [name, section, rest] of undecodable) {
  Deno.test(`a server rejects ${name} in a field block with COMPRESSION_ERROR (RFC 9113 §4.3, RFC 7541 ${section})`, async () => {
    const recorder = new Recorder();
    await withBoth(recorder.handler, async (client) => {
      client.headers(1, Uint8Array.from([...start, ...rest]));
      client.request({ id: 3 });
      await client.expectConnectionError(ErrorCode.COMPRESSION_ERROR);
      assertEquals(recorder.seen, []);
    });
  });
}

Deno.test("a server rejects a table size update above its limit with COMPRESSION_ERROR (RFC 9113 §4.3.1, RFC 7541 §6.3)", async () => {
  await withHttp2(() => new Response(), {}, async ({ connect }) => {
    const client = connect();
    client.headers(1, Uint8Array.from([...hpackInteger(4097, 5, 0x20), ...start]));
    await client.expectConnectionError(ErrorCode.COMPRESSION_ERROR);
  });
});

Deno.test("a server takes table size updates up to its limit ahead of the fields (RFC 9113 §4.3.1, RFC 7541 §4.2)", async () => {
  await withHttp2(() => new Response("a"), {}, async ({ connect }) => {
    const client = connect();
    client.headers(1, Uint8Array.from([0x20, ...hpackInteger(4096, 5, 0x20), ...start]));
    assertEquals((await client.response(1)).text, "a");
  });
});

// A field block changes the table whatever becomes of it.

const remembered = hpackLiteral(["x-remembered", "yes"], 0x40);
const recalled = Uint8Array.from([...start, ...hpackInteger(62, 7, 0x80)]);

/** Opens a stream with a block that adds to the table, in ways that lead nowhere. */
const discarded: readonly (readonly [name: string, send: (client: Http2Client) => void])[] = [
  ["of a malformed request", (client) => {
    client.headers(3, Uint8Array.from([...hpackBlock([[":method", "GET"]]), ...remembered]));
  }],
  ["of a refused stream", (client) => {
    client.headers(3, Uint8Array.from([...start, ...remembered]));
  }],
  ["behind RST_STREAM", (client) => {
    client.reset(1);
    client.headers(3, Uint8Array.from([...start, ...remembered]));
    client.reset(3);
  }],
  ["of trailers that are malformed", (client) => {
    client.headers(1, Uint8Array.from([...hpackBlock([[":path", "/"]]), ...remembered]));
  }],
  ["of a head that is too large", (client) => {
    const many: Fields = Array.from({ length: 60 }, (_, index) => [`x${index}`, ""]);
    client.headers(3, Uint8Array.from([...start, ...hpackBlock(many), ...remembered]));
  }],
];

for (const [name, send] of discarded) {
  Deno.test(`a field block ${name} is decoded all the same (RFC 9113 §4.3)`, async () => {
    const seen: (string | null)[] = [];
    const handler: Handler = async (request, exchange) => {
      if (exchange.target === "/held") await request.text();
      seen.push(request.headers.get("x-remembered"));
      return new Response();
    };
    const options = { concurrentStreamLimit: 1, headerSizeLimit: 2_000 };
    await withHttp2(handler, options, async ({ connect }) => {
      const client = connect();
      client.request({ id: 1, method: "POST", path: "/held", endStream: false });
      send(client);
      await client.sync();
      client.reset(1);
      await client.sync();
      await until("a free slot", () => client.peer.pendingResponseCount === 0);
      client.headers(5, recalled);
      assertEquals((await client.response(5)).status, 200);
      assertEquals(seen.at(-1), "yes");
    });
  });
}

Deno.test("a field block of a stream that the server has reset is decoded all the same (RFC 9113 §4.3, §5.1)", async () => {
  const seen: (string | null)[] = [];
  const handler: Handler = (request) => {
    seen.push(request.headers.get("x-remembered"));
    return new Response();
  };
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect();
    client.request({ id: 1, method: "POST", endStream: false });
    client.grant(1, 0);
    await client.resetCode(1);
    client.headers(1, Uint8Array.from(remembered));
    client.headers(3, recalled);
    assertEquals((await client.response(3)).status, 200);
    assertEquals(seen.at(-1), "yes");
  });
});

// §4.3.1: the table of the server's encoder

/** The first byte of each field block of the server, from the frame at `from` on. */
function blockStarts(client: Http2Client, from: number): number[] {
  const heads = client.log.frames.slice(from).filter(({ type }) => type === FrameType.HEADERS);
  return heads.map(({ payload }) => payload[0] ?? -1);
}

const withFields: Handler = () => new Response("a", { headers: { "x-a": "1", "x-b": "2" } });

Deno.test("a server's encoder gives up its table when the peer's is of no size (RFC 9113 §4.3.1)", async () => {
  await withHttp2(withFields, {}, async ({ connect }) => {
    const client = connect();
    await client.response(client.request());
    client.settings([[Settings.HEADER_TABLE_SIZE, 0]]);
    await client.acknowledged();
    const from = client.log.frames.length;
    for (let round = 0; round < 3; round++) {
      assertEquals((await client.response(client.request())).field("x-a"), "1");
    }
    assertEquals(blockStarts(client, from)[0], 0x20, "the first byte of the block behind the ACK");
  });
});

Deno.test("a server's encoder tells the least size that the table had in between (RFC 7541 §4.2)", async () => {
  await withHttp2(withFields, {}, async ({ connect }) => {
    const client = connect();
    await client.response(client.request());
    client.settings([[Settings.HEADER_TABLE_SIZE, 0]]);
    client.settings([[Settings.HEADER_TABLE_SIZE, 4096]]);
    await client.acknowledged();
    const from = client.log.frames.length;
    assertEquals((await client.response(client.request())).field("x-b"), "2");
    assertEquals(blockStarts(client, from), [0x20]);
  });
});

Deno.test("a server's encoder keeps to 4096 bytes until it is told of more (RFC 9113 §4.3.1)", async () => {
  let count = 0;
  const handler: Handler = () =>
    new Response("a", { headers: { [`x-${count++}`]: "v".repeat(500), "x-same": "s".repeat(200) } });
  await withHttp2(handler, {}, async ({ connect }) => {
    const client = connect(); // its decoder has 4096 bytes, and fails on an entry that is not in it any more
    for (let round = 0; round < 30; round++) {
      assertEquals((await client.response(client.request())).field(`x-${round}`), "v".repeat(500));
    }
  });
});

Deno.test("a server takes a SETTINGS_HEADER_TABLE_SIZE of any size without making use of it all (RFC 9113 §6.5.2)", async () => {
  await withHttp2(withFields, {}, async ({ connect }) => {
    const client = connect({ settings: [[Settings.HEADER_TABLE_SIZE, 2 ** 32 - 1]] });
    for (let round = 0; round < 5; round++) {
      assertEquals((await client.response(client.request())).field("x-a"), "1");
    }
  });
});
