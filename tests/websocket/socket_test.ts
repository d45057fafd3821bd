/** `upgradeWebSocket()` with Deno's own client, with npm's ws, and over HTTP/2 with Node's. */

import WsClient from "ws";
import { type Handler, HttpServer } from "../../mod.ts";
import { type ServerWebSocket, upgradeWebSocket } from "../../websocket/mod.ts";
import { assertThrows } from "@std/assert";
import { assert, assertEquals } from "../support/assert.ts";
import { steady, until, within } from "../support/deadline.ts";
import { findTool, runTool, testWithTool } from "../support/tools.ts";
import { echo, withSockets } from "../support/websocket_server.ts";

/** A client of the platform's that is open. */
async function open(url: string, protocols?: string[]): Promise<WebSocket> {
  const socket = new WebSocket(url, protocols);
  socket.binaryType = "arraybuffer";
  await within("open", new Promise((resolve) => socket.onopen = resolve));
  return socket;
}

function closed(socket: WebSocket): Promise<CloseEvent> {
  return within("close", new Promise((resolve) => socket.onclose = resolve));
}

function message(socket: WebSocket): Promise<MessageEvent> {
  return within("a message", new Promise((resolve) => socket.onmessage = resolve));
}

Deno.test("messages of each type and length come back as they were (RFC 6455 §5.6)", async () => {
  await withSockets(echo, {}, async ({ url, codes }) => {
    const socket = await open(url);
    for (const size of [0, 1, 41, 42, 125, 126, 65_535, 65_536, 300_000]) {
      const text = "é€x".repeat(size).slice(0, size);
      socket.send(text);
      assertEquals((await message(socket)).data, text);
      const bytes = Uint8Array.from({ length: size }, (_, index) => index);
      socket.send(bytes);
      assertEquals(new Uint8Array((await message(socket)).data), bytes);
    }
    const end = closed(socket);
    socket.close(3001, "enough");
    const { code, reason, wasClean } = await end;
    assertEquals([code, reason, wasClean], [3001, "enough", true]);
    await until("the server's close", () => codes.length === 1);
    assertEquals(codes, [3001]);
  });
});

Deno.test("a subprotocol is agreed on, and one that was not named is refused (RFC 6455 §4.2.2)", async () => {
  await withSockets(echo, { options: { protocol: "b" } }, async ({ url, sockets }) => {
    const socket = await open(url, ["a", "b"]);
    assertEquals([socket.protocol, sockets[0]?.protocol], ["b", "b"]);
    const end = closed(socket);
    socket.close();
    await end;
    const refused = new WebSocket(url, ["c"]);
    await within("the refusal", new Promise((resolve) => refused.onerror = resolve));
  });
});

Deno.test("the server closes with a code of its own, before or after the socket is open (RFC 6455 §7.1.2)", async () => {
  for (const early of [true, false]) {
    const use = (socket: ServerWebSocket) => {
      if (early) socket.close(4000, "early");
      else socket.onopen = () => socket.close(4001, "late");
    };
    await withSockets(use, {}, async ({ url, sockets }) => {
      const { code, reason, wasClean } = await closed(new WebSocket(url));
      assertEquals([code, reason, wasClean], early ? [4000, "early", true] : [4001, "late", true]);
      await until("the end", () => sockets[0]?.readyState === 3);
    });
  }
});

Deno.test("stop() closes sockets with 1001 (RFC 6455 §7.4.1)", async () => {
  await withSockets(echo, {}, async ({ url, server }) => {
    const socket = await open(url);
    const end = closed(socket);
    await within("the stop", server.stop(60_000), 3_000);
    assertEquals((await end).code, 1001);
  });
});

Deno.test("a message at maxMessageSize is taken, and one beyond it refused with 1009 (RFC 6455 §7.4.1)", async () => {
  await withSockets(echo, { options: { maxMessageSize: 1000 } }, async ({ url, codes }) => {
    const socket = await open(url);
    socket.send("x".repeat(1000));
    assertEquals((await message(socket)).data.length, 1000);
    const end = closed(socket);
    socket.send("x".repeat(1001));
    assertEquals((await end).code, 1009);
    await until("the server's close", () => codes.length === 1);
    assertEquals(codes, [1009]);
  });
});

const REFUSED_CODES = [0, 999, 1004, 1005, 1006, 1010, 1015, 1016, 2999, 5000, 66_536, NaN, 1000.5];

Deno.test("send() and close() check their arguments as the web's do", async () => {
  const faults: string[] = [];
  const attempt = (act: () => void) => {
    try {
      act();
    } catch (error) {
      faults.push((error as DOMException).name);
    }
  };
  const use = (socket: ServerWebSocket) => {
    attempt(() => socket.send("too early"));
    socket.onopen = () => {
      for (const code of REFUSED_CODES) attempt(() => socket.close(code));
      attempt(() => socket.close(1000, "é".repeat(62)));
      socket.close(1000, "e".repeat(123));
    };
  };
  await withSockets(use, {}, async ({ url }) => {
    assertEquals((await closed(new WebSocket(url))).reason.length, 123);
    const refused = REFUSED_CODES.map(() => "InvalidAccessError");
    assertEquals(faults, ["InvalidStateError", ...refused, "SyntaxError"]);
  });
});

// Deno's client takes 1014 for an error: it is left out here
for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 3000, 4999]) {
  Deno.test(`a server may close with ${code} (RFC 6455 §7.4)`, async () => {
    await withSockets((socket) => socket.onopen = () => socket.close(code, "why"), {}, async ({ url }) => {
      const end = await closed(new WebSocket(url));
      assertEquals([end.code, end.reason, end.wasClean], [code, "why", true]);
    });
  });
}

Deno.test("a message event has the origin of the socket's URL, as the web's has (RFC 6455 §3)", async () => {
  const origins: string[] = [];
  const note = (socket: ServerWebSocket) => {
    socket.onmessage = ({ origin }) => {
      origins.push(origin);
      socket.close();
    };
  };
  await withSockets(note, {}, async ({ url }) => {
    const socket = await open(`${url}path?query`);
    const end = closed(socket);
    socket.send("a");
    await end;
    assertEquals(origins, [new URL(url).origin]);
  });
});

Deno.test("a Blob is sent in its turn", async () => {
  const use = (socket: ServerWebSocket) => {
    socket.onopen = () => {
      socket.send(new Blob(["a blob"]));
      socket.send("behind it");
      socket.close();
    };
  };
  await withSockets(use, {}, async ({ url }) => {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    const seen: unknown[] = [];
    socket.onmessage = ({ data }) => seen.push(typeof data === "string" ? data : data.byteLength);
    await closed(socket);
    assertEquals(seen, [6, "behind it"]);
  });
});

Deno.test("options that make no sense are refused by name", async () => {
  const handler: Handler = (request) => {
    assertThrows(() => upgradeWebSocket(request, { idleTimeout: -1 }), RangeError, "idleTimeout");
    assertThrows(() => upgradeWebSocket(request, { maxMessageSize: 1.5 }), RangeError, "maxMessageSize");
    assertThrows(() => upgradeWebSocket(new Request("http://a/")), TypeError, "that the handler got");
    return new Response("checked");
  };
  await using server = new HttpServer(handler);
  const { port } = server.listen({ hostname: "127.0.0.1", port: 0 }).addr as Deno.NetAddr;
  assertEquals(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "checked");
});

Deno.test("an idle peer that does not answer a ping is given up with 1006 (RFC 6455 §5.5.2)", async () => {
  await withSockets(echo, { options: { idleTimeout: 0.2 } }, async ({ port, codes, sockets }) => {
    using raw = await Deno.connect({ hostname: "127.0.0.1", port });
    const head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    await raw.write(new TextEncoder().encode(head));
    await until("the socket's end", () => codes.length === 1, 3_000);
    assertEquals([codes[0], sockets[0]?.readyState], [1006, 3]);
    const buffer = new Uint8Array(1000);
    const count = await raw.read(buffer) ?? 0;
    assertEquals([...buffer.subarray(count - 2, count)], [0x89, 0], "a ping came before");
  });
});

Deno.test("a client that answers pings is kept (RFC 6455 §5.5.3)", async () => {
  await withSockets(echo, { options: { idleTimeout: 0.2 } }, async ({ url }) => {
    const socket = await open(url);
    await steady(() => socket.readyState, 700);
    socket.send("still here");
    assertEquals((await message(socket)).data, "still here");
    const end = closed(socket);
    socket.close();
    await end;
  });
});

Deno.test("an echo to a client that does not read is bounded (RFC 6455 §10.4)", async () => {
  await withSockets(echo, {}, async ({ port, sockets, server }) => {
    const raw = await Deno.connect({ hostname: "127.0.0.1", port });
    const head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    await raw.write(new TextEncoder().encode(head));
    const frame = new Uint8Array(14 + 100_000);
    frame.set([0x82, 0x80 | 127, 0, 0, 0, 0, 0, 1, 0x86, 0xa0, 0, 0, 0, 0]);
    let written = 0;
    const writing = (async () => {
      for (;;) written += await raw.write(frame.subarray(written % frame.length));
    })().catch(() => {});
    await steady(() => written, 300);
    assert(written < 64 * 2 ** 20, `${written} bytes were taken`);
    assert(sockets[0]!.bufferedAmount < 2 ** 21, `${sockets[0]!.bufferedAmount} bytes wait`);
    raw.close();
    await writing;
    await until("the client's end", () => server.clients.size === 0);
  });
});

Deno.test("a thousand sockets are opened and closed, and none is left (RFC 6455 §7)", async () => {
  await withSockets(echo, {}, async ({ url, server, codes }) => {
    for (let batch = 0; batch < 10; batch++) {
      const all = Array.from({ length: 100 }, async (_, index) => {
        const socket = await open(url);
        socket.send(`${index}`);
        assertEquals((await message(socket)).data, `${index}`);
        const end = closed(socket);
        socket.close();
        await end;
      });
      await Promise.all(all);
    }
    await until("the clients' end", () => server.clients.size === 0);
    assertEquals(codes.length, 1000);
    assertEquals(server.stats.runningHandlers, 0);
  });
});

Deno.test("npm's ws as a client, with permessage-deflate and fragments (RFC 7692 §7.2)", async () => {
  await withSockets(echo, {}, async ({ url }) => {
    const socket = new WsClient(url);
    await within("open", new Promise((resolve) => socket.once("open", resolve)));
    assertEquals(socket.extensions, "permessage-deflate");
    const answers: string[] = [];
    socket.on("message", (data: Uint8Array) => answers.push(new TextDecoder().decode(data)));
    const large = "compress me ".repeat(20_000);
    socket.send(large);
    socket.send("in ", { fin: false });
    socket.send("fragments", { fin: true });
    await until("the answers", () => answers.length === 2);
    assertEquals(answers, [large, "in fragments"]);
    const end = new Promise((resolve) => socket.once("close", resolve));
    socket.close();
    await within("close", end);
  });
});

/** A program for `node -e`: a socket by extended CONNECT. */
const program = `
const http2 = require("node:http2");
const session = http2.connect(process.argv[1]);
session.on("remoteSettings", () => {
  const stream = session.request({
    ":method": "CONNECT", ":protocol": "websocket", ":path": "/", "sec-websocket-version": "13",
  });
  const seen = [];
  stream.on("response", (headers) => {
    seen.push(headers[":status"]);
    stream.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]));
  });
  stream.on("data", (data) => {
    seen.push(data.toString("hex"));
    if (data[0] === 0x81) stream.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]));
  });
  stream.on("end", () => stream.end());
  stream.on("close", () => {
    console.log(JSON.stringify(seen));
    session.close();
  });
});
`;

testWithTool(
  findTool("node"),
  "node",
  "a socket by extended CONNECT over HTTP/2 (RFC 8441 §5)",
  async (path) => {
    const limits = { extendedConnect: true };
    await withSockets(echo, { limits }, async ({ port, codes }) => {
      const { code, stdout, stderr } = await runTool(path, ["-e", program, `http://127.0.0.1:${port}`]);
      assertEquals(code, 0, stderr);
      assertEquals(JSON.parse(stdout), [200, "81026869", "880203e8"]);
      await until("the socket's end", () => codes.length === 1);
      assertEquals(codes, [1000]);
    });
  },
);
