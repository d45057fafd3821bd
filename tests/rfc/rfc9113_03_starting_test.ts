/** RFC 9113 §3: how a connection begins to be HTTP/2, and how it does not. */

import { assert, assertEquals, assertLacks, assertOneOf } from "../support/assert.ts";
import { turns } from "../support/deadline.ts";
import {
  ErrorCode,
  Flag,
  frameBytes,
  FrameType,
  hpackBlock,
  preface,
  type RawFrame,
  requestFields,
  Settings,
  settingsPayload,
  uint,
  withHttp2,
} from "../support/http2_client.ts";
import { withServer } from "../support/server.ts";
import { Recorder } from "../support/vectors.ts";

Deno.test("a connection that begins with the preface is HTTP/2 (RFC 9113 §3.3)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, {}, async ({ connect }) => {
    const client = connect();
    const response = await client.response(client.request({ path: "/a" }));
    assertEquals(response.status, 200);
    assertEquals(recorder.seen.map(({ method, target }) => [method, target]), [["GET", "/a"]]);
  });
});

Deno.test("the first frame of a server is SETTINGS (RFC 9113 §3.4)", async () => {
  await withHttp2(() => new Response(), {}, async ({ connect }) => {
    const client = connect();
    await client.acknowledged();
    const [first] = client.log.frames;
    assertEquals([first?.type, first?.flags, first?.streamId], [FrameType.SETTINGS, 0, 0]);
  });
});

Deno.test("a server acknowledges the SETTINGS of the preface behind its own (RFC 9113 §3.4)", async () => {
  await withHttp2(() => new Response(), {}, async ({ connect }) => {
    const client = connect({ settings: [[Settings.INITIAL_WINDOW_SIZE, 100_000]] });
    await client.acknowledged();
    const settings = client.log.frames.filter(({ type }) => type === FrameType.SETTINGS);
    assertEquals(settings.map(({ flags }) => flags), [0, Flag.ACK]);
  });
});

Deno.test("a client may send requests without waiting for the server's preface (RFC 9113 §3.4)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, {}, async ({ connect }) => {
    const client = connect();
    const ids = ["/1", "/2", "/3"].map((path) => client.request({ path }));
    for (const id of ids) assertEquals((await client.response(id)).status, 200);
    assertEquals(recorder.seen.map(({ target }) => target), ["/1", "/2", "/3"]);
  });
});

for (const step of [1, 2, 5, 23, 24, 25]) {
  Deno.test(`the preface and what follows may come ${step} bytes at a time (RFC 9113 §3.4)`, async () => {
    const recorder = new Recorder();
    await withHttp2(recorder.handler, {}, async ({ connect }) => {
      const client = connect({ step });
      const id = client.request({ method: "POST", path: "/a", body: "hello" });
      assertEquals((await client.response(id)).text, "5 bytes");
      assertEquals(recorder.seen[0]?.body, "hello");
    });
  });
}

Deno.test("a connection whose ALPN protocol is h2 is HTTP/2 (RFC 9113 §3.2)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, {}, async ({ connect }) => {
    const client = connect({ alpn: "h2" });
    assertEquals((await client.response(client.request())).status, 200);
  });
});

Deno.test("a server sends its preface to an h2 client that has sent nothing (RFC 9113 §3.2, §3.4)", async () => {
  await withHttp2(() => new Response(), {}, async ({ connect }) => {
    const client = connect({ alpn: "h2", first: "" });
    await client.until("SETTINGS", () => client.log.frames[0]);
    client.begin();
    assertEquals((await client.response(client.request())).status, 200);
  });
});

Deno.test("over TLS only ALPN makes HTTP/2, not the preface (RFC 9113 §3.3)", async () => {
  const recorder = new Recorder();
  await withServer(recorder.handler, {}, async ({ connect }) => {
    const raw = connect({ encrypted: true });
    raw.offer(preface);
    const response = await raw.readResponse({ method: "PRI" });
    assert(response.status >= 400, `the status is ${response.status}`);
    await raw.expectEnd();
    assertEquals(recorder.seen, []);
  });
});

Deno.test("without the option http2 the preface is no HTTP (RFC 9112 §2.2)", async () => {
  const recorder = new Recorder();
  await withServer(recorder.handler, { http2: false }, async ({ connect }) => {
    const raw = connect();
    raw.offer(preface);
    const response = await raw.readResponse({ method: "PRI" });
    assertOneOf(response.status, [400, 505], "the status");
    await raw.expectClosedAfter(response);
    assertEquals(recorder.seen, []);
  });
});

Deno.test("HTTP/1 is spoken beside HTTP/2 (RFC 9113 §3.3)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, {}, async ({ connect, connectHttp1 }) => {
    const client = connect();
    const raw = connectHttp1();
    assertEquals((await raw.request("GET /one HTTP/1.1\r\nHost: a\r\n\r\n")).status, 200);
    assertEquals((await client.response(client.request({ path: "/two" }))).status, 200);
    assertEquals(recorder.seen.map(({ target }) => target), ["/one", "/two"]);
  });
});

for (const bytes of ["P", "PR", "PRI", "PRI * HTTP/2.0\r\n\r\nSM"]) {
  Deno.test(`a client that leaves behind ${JSON.stringify(bytes)} is no request (RFC 9113 §3.4)`, async () => {
    const recorder = new Recorder();
    await withServer(recorder.handler, {}, async ({ connect }) => {
      const raw = connect();
      await raw.send(bytes);
      await raw.end();
      await raw.serverClosed();
      assertEquals(recorder.seen, []);
    });
  });
}

Deno.test("PRI is a method of HTTP/1 like any other where no preface follows (RFC 9113 §3.4)", async () => {
  await withServer(() => new Response(), {}, async ({ connect }) => {
    const response = await connect().request("PRI /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assertEquals(response.status, 200);
  });
});

/** Bytes that are no preface, to a server that takes nothing else than HTTP/2. */
const wrongPrefaces = [
  ["HTTP/1.1", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a preface in lower case", preface.toLowerCase()],
  ["a preface of another version", preface.replace("2.0", "2.1")],
  ["a preface whose last line differs", "PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n"],
  ["a preface with one byte more ahead", ` ${preface}`],
  ["frames without a preface", String.fromCharCode(0, 0, 0, 4, 0, 0, 0, 0, 0).repeat(4)],
] as const;

for (const [name, first] of wrongPrefaces) {
  Deno.test(`a server rejects ${name} where only HTTP/2 is spoken (RFC 9113 §3.4)`, async () => {
    const recorder = new Recorder();
    await withHttp2(recorder.handler, { http2: "only" }, async ({ connect }) => {
      const client = connect({ first: first + fromFrame({ type: FrameType.SETTINGS }) });
      client.request();
      const goaway = await client.closed();
      assertOneOf(goaway?.code ?? ErrorCode.PROTOCOL_ERROR, [ErrorCode.PROTOCOL_ERROR], "the code of GOAWAY");
      assertEquals(recorder.seen, []);
    });
  });
}

for (const tail of ["XX\r\n\r\n", "SM\r\nX\r\n", "\r\n\r\n\r\n"]) {
  Deno.test(`a preface that ends in ${JSON.stringify(tail)} is not taken for HTTP/2 (RFC 9113 §3.4)`, async () => {
    const recorder = new Recorder();
    await withServer(recorder.handler, {}, async ({ connect }) => {
      const raw = connect();
      raw.offer(`PRI * HTTP/2.0\r\n\r\n${tail}${"x".repeat(20)}\r\n\r\n`);
      const answer = await raw.readToEnd();
      assertLacks(answer, "200 OK", "the answer");
      assertEquals(recorder.seen, []);
    });
  });
}

function fromFrame(frame: RawFrame): string {
  return String.fromCharCode(...frameBytes(frame));
}

/** Frames that must not be the first behind the 24 octets of the preface. */
const firstFrames: readonly (readonly [name: string, frame: RawFrame])[] = [
  ["PING", { type: FrameType.PING, payload: "12345678" }],
  ["HEADERS", {
    type: FrameType.HEADERS,
    flags: Flag.END_HEADERS | Flag.END_STREAM,
    streamId: 1,
    payload: hpackBlock(requestFields()),
  }],
  ["WINDOW_UPDATE", { type: FrameType.WINDOW_UPDATE, payload: uint(1) }],
  ["PRIORITY", { type: FrameType.PRIORITY, streamId: 1, payload: [0, 0, 0, 0, 0] }],
  ["GOAWAY", { type: FrameType.GOAWAY, payload: [...uint(0), ...uint(0)] }],
  ["DATA", { type: FrameType.DATA, streamId: 1, payload: "a" }],
  ["a frame of an unknown type", { type: 0xee }],
  ["SETTINGS with ACK", { type: FrameType.SETTINGS, flags: Flag.ACK }],
];

for (const [name, frame] of firstFrames) {
  Deno.test(`a server rejects ${name} as the first frame (RFC 9113 §3.4)`, async () => {
    const recorder = new Recorder();
    await withHttp2(recorder.handler, {}, async ({ connect }) => {
      const client = connect({ first: preface });
      client.frame(frame);
      client.settings([]);
      client.request({ id: 3 });
      const goaway = await client.closed();
      assertOneOf(goaway?.code ?? ErrorCode.PROTOCOL_ERROR, [ErrorCode.PROTOCOL_ERROR], "the code of GOAWAY");
      assertEquals(recorder.seen, []);
    });
  });
}

const upgrade = "GET /first HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" +
  `HTTP2-Settings: ${base64url(settingsPayload([[Settings.INITIAL_WINDOW_SIZE, 7]]))}\r\n\r\n`;

function base64url(bytes: readonly number[]): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

Deno.test("a server does not take an upgrade to h2c, which is obsolete, by default (RFC 9113 §3.1)", async () => {
  const recorder = new Recorder();
  await withServer(recorder.handler, {}, async ({ connect }) => {
    const raw = connect();
    const response = await raw.request(upgrade);
    assertEquals([response.status, response.interim], [200, []]);
    await raw.expectOpen();
  });
});

Deno.test("with the option http2Upgrade an upgrade to h2c is answered on stream 1 (RFC 9113 §3.1)", async () => {
  await withHttp2(() => new Response("hello, world"), { http2Upgrade: true }, async ({ connect }) => {
    const client = connect({ first: upgrade, upgrades: true });
    client.log.open(1, "GET");
    await client.until("101", () => client.http1Head || undefined);
    assert(client.http1Head.startsWith("HTTP/1.1 101 "), client.http1Head);
    client.begin();
    await client.content(1, 7);
    await client.sync();
    assertEquals(client.stream(1).text, "hello, ");
    client.grant(1, 5);
    assertEquals((await client.response(1)).text, "hello, world");
    assertEquals((await client.head(client.request({ id: 3 }))).status, 200);
  });
});

Deno.test("stream 1 is taken after an upgrade to h2c (RFC 9113 §3.1, §5.1.1)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, { http2Upgrade: true }, async ({ connect }) => {
    const client = connect({ first: upgrade, upgrades: true });
    client.log.open(1, "GET");
    await client.until("101", () => client.http1Head || undefined);
    client.begin();
    await client.response(1);
    client.request({ id: 1, path: "/again" });
    await turns();
    assertEquals(recorder.seen.map(({ target }) => target), ["/first"]);
  });
});

/** Requests that ask for h2c and do not get it. */
const refusedUpgrades = [
  ["without HTTP2-Settings", upgrade.replace(/HTTP2-Settings: .*\r\n/, "")],
  ["with two HTTP2-Settings", upgrade.replace(/(HTTP2-Settings: .*\r\n)/, "$1$1")],
  ["with settings that are no base64url", upgrade.replace(/(HTTP2-Settings: ).*/, "$1*")],
  ["in HTTP/1.0", upgrade.replace("HTTP/1.1", "HTTP/1.0")],
] as const;

for (const [name, bytes] of refusedUpgrades) {
  Deno.test(`an upgrade to h2c ${name} is not taken (RFC 9113 §3.1)`, async () => {
    await withServer(() => new Response(), { http2Upgrade: true }, async ({ connect }) => {
      const raw = connect();
      raw.offer(bytes);
      const version = bytes.includes("HTTP/1.0") ? "HTTP/1.0" : "HTTP/1.1";
      const response = await raw.readResponse({ method: "GET", version });
      assertOneOf(response.status, [200, 400], "the status");
      assertEquals(response.interim, []);
    });
  });
}
