/** RFC 8441 and RFC 9113 §8.5: CONNECT, extended and plain, and the connection that a handler is given for its stream. */

import type { Connection, Handler } from "../../mod.ts";
import { assert, assertEquals, assertOneOf, rejection } from "../support/assert.ts";
import { pass, turns, until, within } from "../support/deadline.ts";
import {
  ErrorCode,
  type Fields,
  Flag,
  FrameType,
  Gate,
  type Http2Client,
  type Http2Harness,
  initialWindow,
  nameOf,
  Settings,
  withHttp2,
} from "../support/http2_client.ts";
import type { ServerOptions } from "../support/server.ts";
import { Recorder } from "../support/vectors.ts";
import { everyMethod } from "../support/server.ts";

const extended: Fields = [
  [":method", "CONNECT"],
  [":protocol", "websocket"],
  [":scheme", "http"],
  [":path", "/chat"],
  [":authority", "a"],
];
const plain: Fields = [[":method", "CONNECT"], [":authority", "example.com:443"]];

const options: ServerOptions = { extendedConnect: true, allowedMethods: everyMethod };

// §3: the setting

Deno.test("SETTINGS_ENABLE_CONNECT_PROTOCOL is 1 with the option extendedConnect (RFC 8441 §3)", async () => {
  await withHttp2(() => new Response(), { extendedConnect: true }, async ({ connect }) => {
    const client = connect();
    await client.acknowledged();
    assertEquals(client.log.settings.get(Settings.ENABLE_CONNECT_PROTOCOL), 1);
  });
});

Deno.test("SETTINGS_ENABLE_CONNECT_PROTOCOL is not sent, or is 0, without it (RFC 8441 §3)", async () => {
  await withHttp2(() => new Response(), {}, async ({ connect }) => {
    const client = connect();
    await client.acknowledged();
    assertEquals(client.log.settings.get(Settings.ENABLE_CONNECT_PROTOCOL) ?? 0, 0);
  });
});

Deno.test("without the option an extended CONNECT is malformed (RFC 8441 §3, RFC 9113 §8.3)", async () => {
  const recorder = new Recorder();
  await withHttp2(recorder.handler, { allowedMethods: everyMethod }, async ({ connect }) => {
    const client = connect();
    client.headers(1, extended, { endStream: false });
    await client.expectMalformed(1);
    assertEquals(recorder.seen, []);
  });
});

// §4: the request

const without = (name: string): Fields => extended.filter((field) => field[0] !== name);

/** Extended CONNECT, not quite. */
const malformed: readonly (readonly [name: string, fields: Fields])[] = [
  ["without :scheme", without(":scheme")],
  ["without :path", without(":path")],
  ["without :authority", without(":authority")],
  ["with an empty :path", extended.map((field) => field[0] === ":path" ? [":path", ""] : field)],
  ["with an empty :protocol", extended.map((field) => field[0] === ":protocol" ? [":protocol", ""] : field)],
  ["with a :protocol that is no token", extended.map((f) => f[0] === ":protocol" ? [":protocol", "a b"] : f)],
  ["with two :protocol", [[":protocol", "websocket"], ...extended]],
  ["with :protocol behind a field", [...without(":protocol"), ["x-a", "1"], [":protocol", "websocket"]]],
  ["with GET in its place", extended.map((field) => field[0] === ":method" ? [":method", "GET"] : field)],
  ["with connection: upgrade", [...extended, ["connection", "upgrade"]]],
  ["with upgrade: websocket", [...extended, ["upgrade", "websocket"]]],
];

for (const [name, fields] of malformed) {
  Deno.test(`an extended CONNECT ${name} is malformed (RFC 8441 §4, §5)`, async () => {
    const recorder = new Recorder();
    await withHttp2(recorder.handler, options, async ({ connect }) => {
      const client = connect();
      client.headers(1, fields, { endStream: false });
      await client.expectMalformed(1);
      assertEquals(recorder.seen, []);
    });
  });
}

for (const [kind, fields] of [["extended", extended], ["plain", plain]] as const) {
  Deno.test(`a handler sees ${kind} CONNECT as what it is (RFC 8441 §4, RFC 9113 §8.5)`, async () => {
    const seen: unknown[] = [];
    const handler: Handler = (request, exchange) => {
      seen.push(request.method, exchange.extendedProtocol, exchange.target, request.headers.get("x-a"));
      return new Response(null, { status: 403 });
    };
    await withHttp2(handler, options, async ({ connect }) => {
      const client = connect();
      client.headers(1, [...fields, ["x-a", "1"]], { endStream: false });
      assertEquals((await client.response(1)).status, 403);
      const target = kind === "plain" ? "example.com:443" : "/chat";
      assertEquals(seen, ["CONNECT", kind === "plain" ? null : "websocket", target, "1"]);
    });
  });

  Deno.test(`a handler that does not upgrade answers ${kind} CONNECT as any request (RFC 9113 §8.5)`, async () => {
    await withHttp2(() => new Response("no", { status: 404 }), options, async ({ connect }) => {
      const client = connect();
      client.headers(1, fields, { endStream: false });
      const response = await client.response(1);
      assertEquals([response.status, response.text], [404, "no"]);
      await client.expectAlive();
    });
  });
}

Deno.test("the URL of an extended CONNECT is of its scheme, authority and path (RFC 8441 §4)", async () => {
  const urls: string[] = [];
  const handler: Handler = (request) => {
    urls.push(request.url);
    return new Response();
  };
  await withHttp2(handler, options, async ({ connect }) => {
    const client = connect();
    client.headers(1, extended, { endStream: false });
    await client.response(1);
    assertEquals(urls, ["http://a/chat"]);
  });
});

// The tunnel

/** A server whose handler gives out the connection of each upgraded stream. */
class Tunnels {
  readonly #connections: PromiseWithResolvers<Connection>[] = [];
  #given = 0;
  /** Settles the promise that the upgrade handler returned. */
  readonly done = Promise.withResolvers<void>();
  completed: Promise<void> | null = null;
  signal: AbortSignal | null = null;

  readonly handler: Handler = (request, exchange) => {
    if (exchange.target === "/plain") return new Response("plain");
    this.completed = exchange.completed;
    this.completed.catch(() => {});
    this.signal = request.signal;
    exchange.upgrade((connection) => {
      this.#at(this.#given++).resolve(connection);
      return this.done.promise;
    });
    return new Response(null, { status: 200, headers: { "x-tunnel": "1" } });
  };

  #at(index: number): PromiseWithResolvers<Connection> {
    return this.#connections[index] ??= Promise.withResolvers();
  }

  /** The connection of a stream, by its place among those that were upgraded. */
  async connection(index = 0): Promise<Connection> {
    return await within("the upgrade", this.#at(index).promise);
  }
}

interface Tunnel extends Http2Harness {
  readonly client: Http2Client;
  readonly id: number;
  readonly connection: Connection;
  readonly tunnels: Tunnels;
}

/** Runs a test with a tunnel. */
async function withTunnel(
  fields: Fields,
  run: (tunnel: Tunnel) => Promise<void>,
  further: ServerOptions = {},
): Promise<void> {
  const tunnels = new Tunnels();
  await withHttp2(tunnels.handler, { ...options, ...further }, async (harness) => {
    const client = harness.connect();
    const id = client.takeId();
    client.headers(id, fields, { endStream: false });
    const head = await client.head(id);
    assertEquals(head.status, 200);
    const connection = await tunnels.connection();
    try {
      await run({ ...harness, client, id, connection, tunnels });
    } finally {
      tunnels.done.resolve();
    }
  });
}

/** The next bytes of a connection as text, or `null` at its end. */
async function readText(connection: Connection): Promise<string | null> {
  const buffer = new Uint8Array(1_000);
  const count = await within("a read", connection.read(buffer));
  return count === null ? null : new TextDecoder().decode(buffer.subarray(0, count));
}

/** The error that a read fails with; that it does not is told to who awaits it, and to nobody before. */
function failedRead(connection: Connection): Promise<Error> {
  const failed = rejection(connection.read(new Uint8Array(10)), "a read");
  failed.catch(() => {});
  return failed;
}

async function writeAll(connection: Connection, data: string | Uint8Array): Promise<void> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  for (let at = 0; at < bytes.length;) at += await within("a write", connection.write(bytes.subarray(at)));
}

for (const [kind, fields] of [["extended", extended], ["plain", plain]] as const) {
  const section = kind === "plain" ? "RFC 9113 §8.5" : "RFC 8441 §4, §5";

  Deno.test(`the response to ${kind} CONNECT is a head that does not end the stream (${section})`, async () => {
    await withTunnel(fields, async ({ client, id }) => {
      const frame = client.log.frames.find(({ type, streamId }) =>
        type === FrameType.HEADERS && streamId === id
      );
      assertEquals((frame?.flags ?? 0) & Flag.END_STREAM, 0);
      const names = client.stream(id).head?.fields.map((field) => field[0]) ?? [];
      assertEquals([names.includes("content-length"), client.stream(id).field("x-tunnel")], [false, "1"]);
      await client.expectAlive();
    });
  });

  Deno.test(`DATA of ${kind} CONNECT is what its connection reads, and what it writes is DATA (${section})`, async () => {
    await withTunnel(fields, async ({ client, id, connection }) => {
      client.data(id, "hello");
      assertEquals(await readText(connection), "hello");
      await writeAll(connection, "world");
      await client.content(id, 5);
      client.data(id, "again");
      assertEquals(await readText(connection), "again");
      assertEquals(client.stream(id).text, "world");
    });
  });

  Deno.test(`END_STREAM of ${kind} CONNECT is the end of what its connection reads, and it may still write (${section})`, async () => {
    await withTunnel(fields, async ({ client, id, connection }) => {
      client.data(id, "last", true);
      assertEquals(await readText(connection), "last");
      assertEquals(await readText(connection), null);
      await writeAll(connection, "still");
      await client.content(id, 5);
      await connection.closeWrite?.();
      assertEquals((await client.response(id)).text, "still");
      await client.expectAlive();
      assertEquals(client.stream(id).resets, []);
    });
  });

  Deno.test(`closeWrite() is END_STREAM on the stream of ${kind} CONNECT, which may still be read (${section})`, async () => {
    await withTunnel(fields, async ({ client, id, connection }) => {
      await writeAll(connection, "bye");
      await connection.closeWrite?.();
      assertEquals((await client.response(id)).text, "bye");
      await client.sync();
      assertEquals(client.stream(id).resets, []);
      client.data(id, "still here", true);
      assertEquals(await readText(connection), "still here");
      assertEquals(await readText(connection), null);
      await client.expectAlive();
    });
  });

  Deno.test(`close() ends the stream of ${kind} CONNECT (${section})`, async () => {
    await withTunnel(fields, async ({ client, id, connection }) => {
      await writeAll(connection, "bye");
      connection.close();
      const stream = await client.over(id);
      assertEquals(stream.text, "bye");
      const allowed = stream.ended ? ["NO_ERROR", "CANCEL"] : ["CANCEL", "CONNECT_ERROR", "NO_ERROR"];
      for (const code of stream.resets) assertOneOf(nameOf(code), allowed, "the code");
      await client.expectAlive();
      assertEquals((await client.response(client.request({ path: "/plain" }))).text, "plain");
    });
  });

  Deno.test(`RST_STREAM of ${kind} CONNECT fails reads and writes of its connection (${section})`, async () => {
    await withTunnel(fields, async ({ client, id, connection }) => {
      const reading = failedRead(connection);
      client.reset(id, ErrorCode.CANCEL);
      await within("the rejection", reading);
      await within("the rejection", rejection(connection.write(new Uint8Array(10)), "a write"));
      await client.expectAlive();
      assertEquals(client.stream(id).resets, []);
    });
  });

  Deno.test(`the end of the HTTP/2 connection fails the connection of ${kind} CONNECT (${section})`, async () => {
    await withTunnel(fields, async ({ client, connection }) => {
      const reading = failedRead(connection);
      await client.close();
      await within("the rejection", reading);
    });
  });

  Deno.test(`a server answers HEADERS on the stream of ${kind} CONNECT with a stream error (RFC 9113 §8.5)`, async () => {
    await withTunnel(fields, async ({ client, id, connection }) => {
      const reading = failedRead(connection);
      client.headers(id, [["x-t", "1"]]);
      const { PROTOCOL_ERROR, INTERNAL_ERROR, STREAM_CLOSED, CONNECT_ERROR } = ErrorCode;
      await client.expectStreamError(id, PROTOCOL_ERROR, INTERNAL_ERROR, STREAM_CLOSED, CONNECT_ERROR);
      await within("the rejection", reading);
    });
  });

  Deno.test(`PRIORITY and WINDOW_UPDATE are taken on the stream of ${kind} CONNECT (RFC 9113 §8.5)`, async () => {
    await withTunnel(fields, async ({ client, id, connection }) => {
      client.frame({ type: FrameType.PRIORITY, streamId: id, payload: [0, 0, 0, 0, 1] });
      client.grant(id, 10);
      client.data(id, "fine");
      assertEquals(await readText(connection), "fine");
      await client.expectAlive();
    });
  });
}

Deno.test("a connection of a stream has the addresses of the client's (RFC 8441 §4)", async () => {
  await withTunnel(extended, async ({ client, connection }) => {
    assertEquals(connection.remoteAddr, client.peer.connection.remoteAddr);
    assertEquals(connection.localAddr, client.peer.connection.localAddr);
    await client.expectAlive();
  });
});

Deno.test("DATA that comes ahead of the response is for the connection (RFC 8441 §5)", async () => {
  const gate = Promise.withResolvers<void>();
  const tunnels = new Tunnels();
  const handler: Handler = async (request, exchange) => {
    await gate.promise;
    return tunnels.handler(request, exchange);
  };
  await withHttp2(handler, options, async ({ connect }) => {
    const client = connect();
    client.headers(1, extended, { endStream: false });
    client.data(1, "early");
    await client.sync();
    gate.resolve();
    const connection = await tunnels.connection();
    assertEquals(await readText(connection), "early");
    tunnels.done.resolve();
    connection.close();
    await client.over(1);
  });
});

Deno.test("an extended CONNECT that ends at once is a connection without a byte to read (RFC 8441 §5)", async () => {
  const tunnels = new Tunnels();
  await withHttp2(tunnels.handler, options, async ({ connect }) => {
    const client = connect();
    client.headers(1, extended);
    const connection = await tunnels.connection();
    assertEquals(await readText(connection), null);
    await writeAll(connection, "one way");
    await connection.closeWrite?.();
    assertEquals((await client.response(1)).text, "one way");
    tunnels.done.resolve();
  });
});

// Flow control of tunnels

Deno.test("what a connection writes waits for the window (RFC 9113 §6.9, §8.5)", async () => {
  await withTunnel(extended, async ({ client, id, connection }) => {
    const size = 1_000_000;
    const writing = writeAll(connection, new Uint8Array(size));
    await client.content(id, initialWindow);
    await turns();
    await client.expectAlive();
    assertEquals(client.stream(id).size, initialWindow);
    client.grant(0, size);
    client.grant(id, size);
    await client.content(id, size);
    await within("the write", writing);
  });
});

Deno.test("a write does not take more than fits, while the window is closed (RFC 9113 §8.5)", async () => {
  const run = async ({ client, id, connection }: Tunnel) => {
    let written = 0;
    const writing = (async () => {
      for (;;) written += await connection.write(new Uint8Array(10_000));
    })();
    writing.catch(() => {});
    await client.content(id, initialWindow);
    await turns(50);
    assert(written <= initialWindow + 4 * 20_000, `${written} bytes were taken`);
    client.reset(id);
    await within("the rejection", rejection(writing, "the writes"));
  };
  await withTunnel(extended, run, { softStreamCap: 20_000 });
});

Deno.test("the window of a tunnel is filled again only as its connection is read (RFC 9113 §6.9, §8.5)", async () => {
  const further: ServerOptions = { streamWindowSize: 10_000 };
  await withTunnel(extended, async ({ client, id, connection }) => {
    await client.upload(id, new Uint8Array(10_000), false);
    await turns();
    await client.sync();
    assertEquals(client.log.credit(id), 0);
    const buffer = new Uint8Array(10_000);
    for (let read = 0; read < 10_000;) read += await within("a read", connection.read(buffer)) ?? 10_000;
    await client.until("credit", () => client.log.credit(id) >= 5_000 || undefined);
  }, further);
});

Deno.test("reads into small buffers lose nothing (RFC 9113 §8.5)", async () => {
  await withTunnel(extended, async ({ client, id, connection }) => {
    const text = "abcdefghijklmnopqrstuvwxyz".repeat(40);
    client.data(id, text.slice(0, 500));
    client.data(id, text.slice(500), true);
    let read = "";
    const buffer = new Uint8Array(7);
    for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
      assert(count > 0, "a read gave nothing");
      read += new TextDecoder().decode(buffer.subarray(0, count));
    }
    assertEquals(read, text);
    await client.expectAlive();
  });
});

Deno.test("tunnels are not held to the limits of requests (RFC 9113 §8.5)", async () => {
  const further: ServerOptions = {
    bodySizeLimit: 100,
    streamTimeout: 200,
    http2Timeout: 200,
    minimumBodyRateGrace: 100,
  };
  await withTunnel(extended, async ({ client, id, connection }) => {
    client.data(id, "x".repeat(1_000));
    let read = 0;
    while (read < 1_000) read += (await readText(connection))?.length ?? 1_000;
    await pass(800); // four times as long as anything may be idle
    client.data(id, "still");
    assertEquals(await readText(connection), "still");
    await client.expectAlive();
  }, further);
});

// Many at once, and the end

Deno.test("tunnels and requests go side by side (RFC 8441 §4)", async () => {
  const tunnels = new Tunnels();
  await withHttp2(tunnels.handler, options, async ({ connect }) => {
    const client = connect();
    const ids = [1, 2, 3].map(() => client.takeId());
    for (const id of ids) client.headers(id, extended, { endStream: false });
    for (const id of ids) await client.head(id);
    for (const [index, id] of ids.entries()) client.data(id, `to ${index}`);
    for (const index of ids.keys()) {
      assertEquals(await readText(await tunnels.connection(index)), `to ${index}`);
    }
    assertEquals((await client.response(client.request({ path: "/plain" }))).text, "plain");
    for (const index of ids.keys()) (await tunnels.connection(index)).close();
    for (const id of ids) await client.over(id);
    tunnels.done.resolve();
    await client.expectAlive();
  });
});

Deno.test("a tunnel counts as a stream (RFC 9113 §5.1.2)", async () => {
  await withTunnel(extended, async ({ client, id, connection }) => {
    await client.expectStreamError(client.request({ path: "/plain" }), ErrorCode.REFUSED_STREAM);
    connection.close();
    await client.over(id);
    if (client.stream(id).resets.length === 0) client.reset(id);
    await until("the end of the tunnel", () => client.peer.pendingResponseCount === 0);
    await client.sync();
    assertEquals((await client.response(client.request({ path: "/plain" }))).text, "plain");
  }, { concurrentStreamLimit: 1 });
});

Deno.test("stop() lets a tunnel go on until its time is over (RFC 9113 §6.8)", async () => {
  await withTunnel(extended, async ({ client, id, connection, server }) => {
    const stopped = server.stop(2_000);
    await client.goneAway();
    client.data(id, "still");
    assertEquals(await readText(connection), "still");
    await writeAll(connection, "here");
    await client.content(id, 4);
    await connection.closeWrite?.();
    client.data(id, "", true);
    assertEquals(await readText(connection), null);
    assertEquals((await client.closed())?.code, ErrorCode.NO_ERROR);
    await client.close();
    await within("stop()", stopped);
  });
});

Deno.test("stop() cuts a tunnel when its time is over (RFC 9113 §5.4.3)", async () => {
  await withTunnel(extended, async ({ connection, server }) => {
    const reading = failedRead(connection);
    await within("stop()", server.stop(100));
    await within("the rejection", reading);
  });
});

Deno.test("upgrade() of a request that is no CONNECT throws (RFC 9113 §8.6)", async () => {
  const messages: string[] = [];
  const handler: Handler = (_, exchange) => {
    try {
      exchange.upgrade(() => {});
    } catch (error) {
      assert(error instanceof TypeError, `${error}`);
      messages.push(error.message);
    }
    return new Response("a");
  };
  await withHttp2(handler, options, async ({ connect }) => {
    const client = connect();
    assertEquals((await client.response(client.request())).text, "a");
    assertEquals(messages.length, 1);
  });
});

Deno.test("a response of an error is sent although the handler has asked for an upgrade (RFC 9113 §8.5)", async () => {
  let upgraded = false;
  const handler: Handler = (_, exchange) => {
    exchange.upgrade(() => void (upgraded = true));
    return new Response("no", { status: 502 });
  };
  await withHttp2(handler, options, async ({ connect }) => {
    const client = connect();
    client.headers(1, extended, { endStream: false });
    const response = await client.response(1);
    assertEquals([response.status, response.text, upgraded], [502, "no", false]);
  });
});

Deno.test("an upgrade handler that fails ends its stream, not the connection (RFC 9113 §5.4.2)", async () => {
  const handler: Handler = (_, exchange) => {
    exchange.upgrade(() => Promise.reject(new Error("a bug")));
    return new Response();
  };
  await withHttp2(handler, options, async ({ connect, log }) => {
    const client = connect();
    client.headers(1, extended, { endStream: false });
    const stream = await client.over(1);
    for (const code of stream.resets) {
      assertOneOf(nameOf(code), ["INTERNAL_ERROR", "CANCEL", "CONNECT_ERROR"], "code");
    }
    assertEquals(log.length, 1, "errors that were logged");
    await client.expectAlive();
  });
});

Deno.test("a CONNECT that waits for its handler is refused like any stream when there are too many (RFC 9113 §5.1.2)", async () => {
  const gate = new Gate();
  await withHttp2(gate.handler, { ...options, concurrentStreamLimit: 1 }, async ({ connect }) => {
    const client = connect();
    client.request({ id: 1, path: "/held" });
    client.headers(3, extended, { endStream: false });
    await client.expectStreamError(3, ErrorCode.REFUSED_STREAM);
    gate.open("/held");
  });
});
