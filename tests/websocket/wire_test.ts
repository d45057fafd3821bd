/** RFC 6455 and RFC 7692 by the bytes: handshakes, frames, violations and their close codes. */

import { deflateRawSync } from "node:zlib";
import type { Handler } from "../../mod.ts";
import { upgradeWebSocket, type WebSocketOptions } from "../../websocket/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { until } from "../support/deadline.ts";
import { field } from "../support/response_parser.ts";
import { withServer } from "../support/server.ts";
import {
  type ClientFrame,
  encodeClientFrame,
  handshake,
  join,
  readServerFrames,
  type ServerFrame,
} from "../support/websocket_wire.ts";

const LIMIT = 1000;
const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10];
const CLOSE_NORMAL: ClientFrame = { opcode: CLOSE, payload: [0x03, 0xe8] };
const OFFER = { "Sec-WebSocket-Extensions": "permessage-deflate" };

/** What became of a socket whose client has sent some frames. */
interface Outcome {
  /** The frames that the server sent. */
  readonly frames: readonly ServerFrame[];
  /** The code and the reason of its Close frame. */
  readonly close: readonly [code: number | null, reason: string] | null;
  /** The messages that the server's socket gave. */
  readonly messages: readonly unknown[];
  /** Its close event. */
  readonly closed: { readonly code: number; readonly wasClean: boolean };
  /** Whether it gave an error event. */
  readonly failed: boolean;
}

interface Way {
  readonly fields?: Readonly<Record<string, string>>;
  readonly options?: WebSocketOptions;
  /** Bytes that the server gets from one read at most. */
  readonly step?: number;
  /** Whether the frames come in one packet with the handshake. */
  readonly together?: boolean;
}

/** Sends frames to an echo, and waits until it has closed. */
function play(frames: readonly (ClientFrame | Uint8Array)[], way: Way = {}): Promise<Outcome> {
  const messages: unknown[] = [];
  let closed: CloseEvent | null = null;
  let failed = false;
  const handler: Handler = (request) => {
    const { socket, response } = upgradeWebSocket(request, { maxMessageSize: LIMIT, ...way.options });
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      messages.push(data);
      socket.send(data);
    };
    socket.onerror = () => failed = true;
    socket.onclose = (event) => closed = event;
    return response;
  };
  return withServer(handler, { log: () => {} }, async ({ connect }) => {
    const raw = connect(way.step === undefined ? {} : { step: way.step });
    const bytes = join(frames.map((frame) => frame instanceof Uint8Array ? frame : encodeClientFrame(frame)));
    raw.offer(handshake(way.fields));
    if (way.together !== true) assertEquals((await raw.readHead()).status, 101);
    raw.offer(bytes);
    raw.offerEnd();
    const rest = await raw.readToEnd();
    await until("the close event", () => closed !== null);
    const all = readServerFrames(way.together ? rest : `\r\n\r\n${rest}`);
    const last = all.at(-1);
    const { code, wasClean } = closed!;
    return {
      frames: all,
      close: last?.opcode === CLOSE ? closeOf(last.payload) : null,
      messages,
      closed: { code, wasClean },
      failed,
    };
  });
}

function closeOf(body: Uint8Array): readonly [number | null, string] {
  if (body.length === 0) return [null, ""];
  return [body[0]! << 8 | body[1]!, new TextDecoder().decode(body.subarray(2))];
}

function hex(text: string): number[] {
  return (text.match(/[0-9a-f]{2}/gi) ?? []).map((digits) => parseInt(digits, 16));
}

/** What a message is when it is compressed for permessage-deflate (RFC 7692 §7.2.1). */
function compress(data: string | Uint8Array): Uint8Array {
  const whole = deflateRawSync(data, { finishFlush: 2 });
  return Uint8Array.from(whole.subarray(0, whole.length - 4));
}

// The opening handshake

Deno.test("the handshake is answered with the key's digest, and nothing that was not asked for (RFC 6455 §1.3, §4.2.2)", async () => {
  await withServer((request) => upgradeWebSocket(request).response, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(handshake());
    const { status, fields } = await raw.readHead();
    assertEquals(status, 101);
    assertEquals(field(fields, "sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assertEquals(field(fields, "upgrade")?.toLowerCase(), "websocket");
    assertEquals(field(fields, "connection")?.toLowerCase(), "upgrade");
    for (const name of ["protocol", "extensions"]) {
      assertEquals(field(fields, `sec-websocket-${name}`), undefined);
    }
    await raw.close();
  });
});

/** What a client sends, and the status that answers it. */
const handshakes: readonly (readonly [
  name: string,
  fields: Readonly<Record<string, string | null>>,
  status: number,
  line?: string,
])[] = [
  ["with a list of upgrades and options, in any case", {
    Upgrade: "other, WebSocket",
    Connection: "keep-alive, UPGRADE",
  }, 101],
  ["by POST", { "Content-Length": "0" }, 405, "POST / HTTP/1.1"],
  ["over HTTP/1.0", {}, 426, "GET / HTTP/1.0"],
  ["without Upgrade", { Upgrade: null }, 426],
  ["with another Upgrade", { Upgrade: "h3" }, 426],
  ["without Connection", { Connection: null }, 400],
  ["with another option of Connection", { Connection: "keep-alive" }, 400],
  ["without a key", { "Sec-WebSocket-Key": null }, 400],
  ["with an empty key", { "Sec-WebSocket-Key": "" }, 400],
  ["with a key of 15 bytes", { "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAA" }, 400],
  ["with a key of 17 bytes", { "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAAA=" }, 400],
  ["with a key that is not in base64", { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25j*Q==" }, 400],
  ["with two keys", {
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
  }, 400],
  ["without a version", { "Sec-WebSocket-Version": null }, 426],
  ["of version 8", { "Sec-WebSocket-Version": "8" }, 426],
  ["of version 13, 8", { "Sec-WebSocket-Version": "13, 8" }, 426],
  ["of version 013", { "Sec-WebSocket-Version": "013" }, 426],
  ["with a body", { "Content-Length": "2" }, 400],
];
for (const [name, fields, status, line] of handshakes) {
  Deno.test(`a handshake ${name} is answered ${status} (RFC 6455 §4.2.1, §4.2.2)`, async () => {
    await withServer((request) => upgradeWebSocket(request).response, {}, async ({ connect }) => {
      const raw = connect();
      raw.offer(handshake(fields, line));
      if (fields["Content-Length"] === "2") raw.offer("hi");
      const head = await raw.readHead();
      assertEquals(head.status, status);
      if (status === 405) assertEquals(field(head.fields, "allow"), "GET");
      if (status === 426) {
        assertEquals(field(head.fields, "upgrade"), "websocket");
        const versions = name.includes("version");
        assertEquals(field(head.fields, "sec-websocket-version"), versions ? "13" : undefined);
      }
      await raw.close();
    });
  });
}

/** Offers of permessage-deflate, and whether one of them is taken. */
const offers: readonly (readonly [offer: string, taken: boolean])[] = [
  ["permessage-deflate", true],
  ["Permessage-Deflate", true],
  ["permessage-deflate; client_max_window_bits", true],
  ["permessage-deflate; client_max_window_bits=10", true],
  ['permessage-deflate; client_max_window_bits="10"', true],
  ["permessage-deflate; server_no_context_takeover; client_no_context_takeover", true],
  ["permessage-deflate; server_max_window_bits=15", true],
  ["permessage-deflate; server_max_window_bits=10, permessage-deflate", true],
  ["x-webkit-deflate-frame, permessage-deflate", true],
  ["x-webkit-deflate-frame", false],
  ["permessage-deflate; server_max_window_bits=10", false],
  ["permessage-deflate; server_max_window_bits", false],
  ["permessage-deflate; server_max_window_bits=16", false],
  ["permessage-deflate; client_max_window_bits=7", false],
  ["permessage-deflate; client_max_window_bits=16", false],
  ["permessage-deflate; client_max_window_bits=08", false],
  ["permessage-deflate; client_max_window_bits=10; client_max_window_bits=11", false],
  ["permessage-deflate; server_no_context_takeover=1", false],
  ["permessage-deflate; unknown", false],
  ["permessage-deflate; toString", false],
];
for (const [offer, taken] of offers) {
  Deno.test(`the offer ${offer} is ${taken ? "taken" : "declined"} (RFC 7692 §5.1, §7.1)`, async () => {
    await withServer((request) => upgradeWebSocket(request).response, {}, async ({ connect }) => {
      const raw = connect();
      raw.offer(handshake({ "Sec-WebSocket-Extensions": offer }));
      const { status, fields } = await raw.readHead();
      assertEquals(status, 101);
      const answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
      assertEquals(field(fields, "sec-websocket-extensions"), taken ? answer : undefined);
      await raw.close();
    });
  });
}

Deno.test("no extension is agreed on with compress: false (RFC 6455 §9.1)", async () => {
  const { closed } = await play([CLOSE_NORMAL], { fields: OFFER, options: { compress: false } });
  assertEquals(closed, { code: 1000, wasClean: true });
  const { close } = await play([{ opcode: TEXT, rsv: 4, payload: compress("a") }], {
    fields: OFFER,
    options: { compress: false },
  });
  assertEquals(close?.[0], 1002);
});

// Messages

const text = (size: number) => "abcdefghij".repeat(Math.ceil(size / 10)).slice(0, size);

/** Frames that are fine, and what the echo says to them. */
const dialogues:
  readonly (readonly [name: string, frames: readonly ClientFrame[], messages: readonly string[]])[] = [
    ["an empty message", [{ opcode: TEXT }], [""]],
    ...[1, 125, 126, 127, 999, LIMIT].map((size) =>
      [`a message of ${size} bytes`, [{ opcode: TEXT, payload: text(size) }], [text(size)]] as const
    ),
    ["fragments", [
      { opcode: TEXT, fin: false, payload: "a" },
      { opcode: CONTINUATION, fin: false, payload: "b" },
      { opcode: CONTINUATION, payload: "c" },
    ], ["abc"]],
    ["fragments without a byte", [
      { opcode: TEXT, fin: false },
      { opcode: CONTINUATION, fin: false },
      { opcode: CONTINUATION },
    ], [""]],
    ["control frames among fragments", [
      { opcode: TEXT, fin: false, payload: "a" },
      { opcode: PING, payload: "p" },
      { opcode: PONG, payload: "unasked" },
      { opcode: CONTINUATION, payload: "b" },
    ], ["ab"]],
    ["a character across fragments", [
      { opcode: TEXT, fin: false, payload: hex("f0 9f") },
      { opcode: CONTINUATION, payload: hex("98 80") },
    ], ["\u{1f600}"]],
    ["a byte order mark, which is the text's", [{ opcode: TEXT, payload: hex("ef bb bf 61") }], ["\ufeffa"]],
    ["characters that are at the ends of their ranges", [{
      opcode: TEXT,
      payload: "\u0000\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff\u{10000}\u{10ffff}",
    }], ["\u0000\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff\u{10000}\u{10ffff}"]],
    ["pongs that nobody asked for", [{ opcode: PONG }, { opcode: TEXT, payload: "a" }], ["a"]],
  ];
for (const [name, frames, messages] of dialogues) {
  for (
    const [how, way] of [["", {}], [", byte by byte", { step: 1 }], [", with the handshake", {
      together: true,
    }]] as const
  ) {
    Deno.test(`${name}${how}: read and echoed (RFC 6455 §5.4, §5.6)`, async () => {
      const outcome = await play([...frames, CLOSE_NORMAL], way);
      assertEquals(outcome.messages, messages);
      const answers = outcome.frames.filter(({ opcode }) => opcode === TEXT);
      // the last ones may be cut off by the Close frame of the client, which is answered at once
      assertEquals(
        answers.map(({ payload }) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(payload)),
        messages,
      );
      assertEquals([outcome.close, outcome.closed], [[1000, ""], { code: 1000, wasClean: true }]);
      assertEquals(outcome.failed, false);
    });
  }
}

Deno.test("lengths at each end of their encodings (RFC 6455 §5.2)", async () => {
  for (const size of [125, 126, 65_535, 65_536]) {
    const outcome = await play([{ opcode: BINARY, payload: new Uint8Array(size).fill(7) }, CLOSE_NORMAL], {
      options: { maxMessageSize: 65_536 },
    });
    const [answer] = outcome.frames;
    assertEquals([answer?.opcode, answer?.payload.length, answer?.payload.at(-1)], [BINARY, size, 7]);
  }
});

Deno.test("a ping is answered with its payload, also among fragments (RFC 6455 §5.5.3)", async () => {
  for (const payload of ["", "hello", text(125)]) {
    const { frames } = await play([{ opcode: PING, payload }, CLOSE_NORMAL]);
    const [pong] = frames;
    assertEquals([pong?.opcode, new TextDecoder().decode(pong?.payload)], [PONG, payload]);
  }
});

// permessage-deflate

/** Compressed messages that are fine: of each, its frames and what it says. */
const compressed: readonly (readonly [name: string, frames: readonly ClientFrame[], message: string])[] = [
  [
    "one frame (RFC 7692 §7.2.3.1)",
    [{ opcode: TEXT, rsv: 4, payload: hex("f2 48 cd c9 c9 07 00") }],
    "Hello",
  ],
  ["two fragments (RFC 7692 §7.2.3.1)", [
    { opcode: TEXT, rsv: 4, fin: false, payload: hex("f2 48 cd") },
    { opcode: CONTINUATION, payload: hex("c9 c9 07 00") },
  ], "Hello"],
  ["a block without compression (RFC 7692 §7.2.3.3)", [
    { opcode: TEXT, rsv: 4, payload: hex("00 05 00 fa ff 48 65 6c 6c 6f 00") },
  ], "Hello"],
  ["a final block (RFC 7692 §7.2.3.4)", [
    { opcode: TEXT, rsv: 4, payload: hex("f3 48 cd c9 c9 07 00 00") },
  ], "Hello"],
  ["two blocks (RFC 7692 §7.2.3.5)", [
    { opcode: TEXT, rsv: 4, payload: hex("f2 48 05 00 00 00 ff ff ca c9 c9 07 00") },
  ], "Hello"],
  ["an empty message (RFC 7692 §7.2.3.6)", [{ opcode: TEXT, rsv: 4, payload: hex("00") }], ""],
  ["a message that is not compressed (RFC 7692 §6)", [{ opcode: TEXT, payload: "Hello" }], "Hello"],
  [
    "a message at the limit when it is inflated",
    [{ opcode: TEXT, rsv: 4, payload: compress(text(LIMIT)) }],
    text(LIMIT),
  ],
];
for (const [name, frames, message] of compressed) {
  Deno.test(`permessage-deflate takes ${name}`, async () => {
    const outcome = await play([...frames, CLOSE_NORMAL], { fields: OFFER });
    assertEquals([outcome.messages, outcome.close?.[0]], [[message], 1000]);
  });
}

// Violations

const bad = (payload: string): ClientFrame => ({ opcode: TEXT, payload: hex(payload) });

/** Frames that break a rule, the code that answers them, and the section. */
const violations: readonly (readonly [
  name: string,
  frames: readonly ClientFrame[],
  code: number,
  section: string,
  way?: Way,
])[] = [
  ["a frame without a mask", [{ opcode: TEXT, payload: "a", mask: false }], 1002, "5.1"],
  ["a Close frame without a mask", [{ opcode: CLOSE, mask: false }], 1002, "5.1"],
  ...[1, 2, 4, 7].map((rsv) => [`reserved bits ${rsv}`, [{ opcode: TEXT, rsv }], 1002, "5.2"] as const),
  ...[1, 2].map((rsv) =>
    [`reserved bits ${rsv} beside deflate`, [{ opcode: TEXT, rsv }], 1002, "5.2", { fields: OFFER }] as const
  ),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) =>
    [`opcode ${opcode}`, [{ opcode }], 1002, "5.2"] as const
  ),
  ["16 bits for a length of 125", [{ opcode: TEXT, payload: text(125), extended: 2 }], 1002, "5.2"],
  ["64 bits for a length of 125", [{ opcode: TEXT, payload: text(125), extended: 8 }], 1002, "5.2"],
  ["64 bits for a length of 65535", [{ opcode: BINARY, length: 65_535, extended: 8 }], 1002, "5.2", {
    options: { maxMessageSize: 1e6 },
  }],
  ["a length of 2^63", [{ opcode: TEXT, length: 2 ** 63, extended: 8 }], 1002, "5.2"],
  ["a continuation of nothing", [{ opcode: CONTINUATION, payload: "a" }], 1002, "5.4"],
  [
    "a continuation behind the last fragment",
    [{ opcode: TEXT, payload: "a" }, { opcode: CONTINUATION }],
    1002,
    "5.4",
  ],
  ["a message within another", [{ opcode: TEXT, fin: false }, { opcode: TEXT, payload: "a" }], 1002, "5.4"],
  [
    "a binary message within a text",
    [{ opcode: TEXT, fin: false }, { opcode: BINARY, fin: false }],
    1002,
    "5.4",
  ],
  ...[CLOSE, PING, PONG].flatMap((opcode) => [
    [`control frame ${opcode} in fragments`, [{ opcode, fin: false }], 1002, "5.5"] as const,
    [`control frame ${opcode} of 126 bytes`, [{ opcode, payload: text(126) }], 1002, "5.5"] as const,
    [`control frame ${opcode} with RSV1`, [{ opcode, rsv: 4 }], 1002, "5.2", { fields: OFFER }] as const,
  ]),
  ["a Close frame of one byte", [{ opcode: CLOSE, payload: [3] }], 1002, "7.4"],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code) =>
    [`close code ${code}`, [{ opcode: CLOSE, payload: [code >> 8, code & 255] }], 1002, "7.4"] as const
  ),
  ["a reason that is not UTF-8", [{ opcode: CLOSE, payload: [3, 0xe8, 0xff] }], 1007, "8.1"],
  ["a byte that begins no character", [bad("61 80 62")], 1007, "8.1"],
  ["0xFF", [bad("ff")], 1007, "8.1"],
  ["an overlong encoding of two bytes", [bad("c0 af")], 1007, "8.1"],
  ["an overlong encoding of three bytes", [bad("e0 80 af")], 1007, "8.1"],
  ["an overlong encoding of four bytes", [bad("f0 80 80 af")], 1007, "8.1"],
  ["a surrogate", [bad("ed a0 80")], 1007, "8.1"],
  ["a character above U+10FFFF", [bad("f4 90 80 80")], 1007, "8.1"],
  ["a sequence of five bytes", [bad("f8 88 80 80 80")], 1007, "8.1"],
  ["a character that is cut short", [bad("61 e2 82")], 1007, "8.1"],
  [
    "a fragment that is no text, before the last has come",
    [
      { opcode: TEXT, fin: false, payload: hex("61 ff") },
      { opcode: PING },
    ],
    1007,
    "8.1",
  ],
  [
    "a character that is wrong across two fragments",
    [
      { opcode: TEXT, fin: false, payload: hex("f4") },
      { opcode: CONTINUATION, fin: false, payload: hex("90") },
      { opcode: PING },
    ],
    1007,
    "8.1",
  ],
  [
    "a character that is cut short in the last fragment",
    [
      { opcode: TEXT, fin: false, payload: hex("e2") },
      { opcode: CONTINUATION, payload: hex("82") },
    ],
    1007,
    "8.1",
  ],
  [
    "a text that is wrong when it is inflated",
    [{ opcode: TEXT, rsv: 4, payload: compress(Uint8Array.of(0xff)) }],
    1007,
    "8.1",
    { fields: OFFER },
  ],
  [
    "data that cannot be inflated",
    [{ opcode: TEXT, rsv: 4, payload: hex("ff ff ff ff") }],
    1007,
    "7.2.2 of RFC 7692",
    { fields: OFFER },
  ],
  [
    "RSV1 on a continuation",
    [
      { opcode: TEXT, rsv: 4, fin: false, payload: hex("f2 48 cd") },
      { opcode: CONTINUATION, rsv: 4, payload: hex("c9 c9 07 00") },
    ],
    1002,
    "5.2",
    { fields: OFFER },
  ],
  ["a message above the limit, by its header", [{ opcode: BINARY, length: LIMIT + 1 }], 1009, "7.4.1"],
  ["a message of 2^53 bytes, by its header", [{ opcode: BINARY, length: 2 ** 53 }], 1009, "7.4.1"],
  [
    "fragments that are above the limit together",
    [
      { opcode: BINARY, fin: false, payload: text(LIMIT) },
      { opcode: CONTINUATION, payload: "a" },
    ],
    1009,
    "7.4.1",
  ],
  [
    "a message above the limit when it is inflated",
    [
      { opcode: TEXT, rsv: 4, payload: compress(text(LIMIT + 1)) },
    ],
    1009,
    "7.4.1",
    { fields: OFFER },
  ],
  ["a bomb", [{ opcode: BINARY, rsv: 4, payload: compress(new Uint8Array(900_000)) }], 1009, "7.4.1", {
    fields: OFFER,
  }],
];
for (const [name, frames, code, section, way] of violations) {
  Deno.test(`${name} fails the connection with ${code} (RFC 6455 §${section})`, async () => {
    const before = frames[0]?.opcode === TEXT && frames[0].payload === "a" && frames[0].mask !== false
      ? ["a"]
      : [];
    const outcome = await play([...frames, { opcode: TEXT, payload: "behind" }], way);
    assertEquals(outcome.close?.[0], code, `the server said ${JSON.stringify(outcome.frames)}`);
    assert((outcome.close?.[1].length ?? 0) > 10, "the reason says what is wrong");
    assertEquals(outcome.frames.filter(({ opcode }) => opcode === CLOSE).length, 1);
    assertEquals(outcome.closed, { code, wasClean: false });
    assert(outcome.failed, "an error event tells it");
    assertEquals(outcome.messages, before, "nothing behind it is taken");
  });
}

// The closing handshake

for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999]) {
  Deno.test(`Close with ${code} is answered with the same (RFC 6455 §5.5.1)`, async () => {
    const reason = "because";
    const payload = [code >> 8, code & 255, ...new TextEncoder().encode(reason)];
    const outcome = await play([{ opcode: CLOSE, payload }]);
    assertEquals(outcome.close, [code, reason]);
    assertEquals(outcome.closed, { code, wasClean: true });
  });
}

Deno.test("Close without a code is answered without one, and is 1005 to the handler (RFC 6455 §7.1.5)", async () => {
  const outcome = await play([{ opcode: CLOSE }]);
  assertEquals([outcome.close, outcome.closed], [[null, ""], { code: 1005, wasClean: true }]);
});

Deno.test("nothing behind a Close frame is read (RFC 6455 §5.5.1)", async () => {
  const outcome = await play([CLOSE_NORMAL, { opcode: TEXT, payload: "late" }, { opcode: PING }]);
  assertEquals(outcome.messages, []);
  assertEquals(outcome.frames.map(({ opcode }) => opcode), [CLOSE]);
});

const cuts: readonly (readonly [name: string, bytes: Uint8Array])[] = [
  ["before any frame", new Uint8Array(0)],
  ["in a header", encodeClientFrame({ opcode: TEXT, payload: text(200) }).subarray(0, 3)],
  ["in a message", encodeClientFrame({ opcode: TEXT, payload: text(200) }).subarray(0, 50)],
  ["between fragments", encodeClientFrame({ opcode: TEXT, fin: false, payload: "a" })],
];
for (const [where, bytes] of cuts) {
  Deno.test(`a client that ends ${where} is 1006, and gives no message (RFC 6455 §7.1.5)`, async () => {
    const outcome = await play([bytes]);
    assertEquals([outcome.messages, outcome.closed], [[], { code: 1006, wasClean: false }]);
  });
}
