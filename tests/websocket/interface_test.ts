/** A server's socket beside the web's class (WHATWG WebSockets §3.1): its members, its types, its events. */

import { assertThrows } from "@std/assert";
import { Hono } from "hono";
import { upgradeWebSocket as denoHelper } from "hono/deno";
import { type Handler, HttpServer } from "../../mod.ts";
import { ServerWebSocket, upgradeWebSocket } from "../../websocket/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { until, within } from "../support/deadline.ts";
import { withServer } from "../support/server.ts";
import { closeNormal, echo, Opcodes, RawSocket, withSockets } from "../support/websocket_server.ts";
import { handshake } from "../support/websocket_wire.ts";

const { TEXT, BINARY } = Opcodes;

Deno.test("a socket is an instance of the web's class, and the web's of no server's", async () => {
  await withSockets(echo, {}, async ({ port, sockets }) => {
    await using _ = await RawSocket.open(port);
    const [socket] = sockets;
    assert(socket instanceof WebSocket, "instanceof WebSocket");
    assert(socket instanceof EventTarget, "instanceof EventTarget");
    assert(!(Object.create(WebSocket.prototype) instanceof ServerWebSocket), "not the other way round");
    assertEquals(Object.prototype.toString.call(socket), "[object WebSocket]");
    assert(Deno.inspect(socket).includes("readyState: 1"), Deno.inspect(socket));
  });
});

Deno.test("every member of the web's class is the server's own, so that none asks for the web's inner state", async () => {
  const names = Object.getOwnPropertyNames(WebSocket.prototype);
  assert(names.includes("readyState") && names.includes("send"), `${names}`);
  await withSockets(echo, {}, async ({ port, sockets }) => {
    await using _ = await RawSocket.open(port);
    for (const name of names) {
      const isOwn = Object.hasOwn(ServerWebSocket.prototype, name) || Object.hasOwn(sockets[0]!, name);
      assert(isOwn, `${name} is inherited from the web's class`);
    }
  });
});

Deno.test("the constants are on the class and on its instances, and cannot be set", async () => {
  const constants = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 } as const;
  await withSockets(echo, {}, async ({ port, sockets }) => {
    await using _ = await RawSocket.open(port);
    for (const [name, value] of Object.entries(constants) as [keyof typeof constants, number][]) {
      assertEquals<number[]>([ServerWebSocket[name], sockets[0]![name], WebSocket[name]], [
        value,
        value,
        value,
      ]);
      assert(!Reflect.set(sockets[0]!, name, 9), `${name} was set`);
    }
    assertEquals(sockets[0]!.readyState, sockets[0]!.OPEN);
  });
});

Deno.test("binaryType is arraybuffer, as of Deno's server sockets, and other texts do not set it", async () => {
  const seen: unknown[] = [];
  const use = (socket: ServerWebSocket) => {
    seen.push(socket.binaryType);
    Reflect.set(socket, "binaryType", "nodebuffer");
    seen.push(socket.binaryType);
    socket.onmessage = ({ data }) => {
      seen.push(data instanceof ArrayBuffer ? data.byteLength : data instanceof Blob ? data.size : data);
      socket.binaryType = "blob";
      seen.push(socket.binaryType);
    };
  };
  await withSockets(use, {}, async ({ port, codes }) => {
    await using raw = await RawSocket.open(port);
    await raw.send({ opcode: BINARY, payload: [1, 2, 3] }, { opcode: BINARY, payload: [1] }, closeNormal);
    await until("the close", () => codes.length === 1);
  });
  assertEquals(seen, ["arraybuffer", "arraybuffer", 3, "blob", 1, "blob"]);
});

Deno.test("a function for the web's socket takes the server's, and its listeners have their types", async () => {
  const seen: unknown[] = [];
  const late = ({ data }: MessageEvent<string>) => seen.push(`late ${data}`);
  function useAny(socket: WebSocket): void { // this test fails in `deno check` where the types differ
    socket.onopen = function (event) {
      seen.push(event.constructor.name, event.type, this === socket, event.target === socket);
    };
    socket.onmessage = (event) => seen.push(event.constructor.name, event.data);
    socket.onclose = ({ code, reason, wasClean, constructor }) =>
      seen.push(constructor.name, code, reason, wasClean);
  }
  const use = (socket: ServerWebSocket) => {
    useAny(socket);
    socket.addEventListener("message", late);
    socket.removeEventListener("message", late);
    socket.addEventListener("close", ({ code }) => seen.push(code), { once: true });
  };
  await withSockets(use, {}, async ({ port, codes }) => {
    await using raw = await RawSocket.open(port);
    await raw.send({ opcode: TEXT, payload: "hello" }, {
      opcode: 8,
      payload: [0x0f, 0xa0, 0x62, 0x79, 0x65],
    });
    await until("the close", () => codes.length === 1);
  });
  const opened = ["Event", "open", true, true];
  assertEquals(seen, [...opened, "MessageEvent", "hello", "CloseEvent", 4000, "bye", true, 4000]);
});

Deno.test("the error event has its cause, and comes before close, when the socket is closed already", async () => {
  const seen: unknown[] = [];
  const use = (socket: ServerWebSocket) => {
    socket.onerror = (event) => {
      assert(event instanceof ErrorEvent, "an ErrorEvent");
      seen.push(
        event.type,
        event.error instanceof Error,
        event.error.message === event.message,
        socket.readyState,
      );
    };
    socket.onclose = ({ code, wasClean }) => seen.push(code, wasClean, socket.readyState);
  };
  await withSockets(use, {}, async ({ port, codes }) => {
    await using raw = await RawSocket.open(port);
    await raw.send({ opcode: TEXT, mask: false });
    await until("the close", () => codes.length === 1);
  });
  assertEquals(seen, ["error", true, true, 3, 1002, false, 3]);
});

Deno.test("what is neither bytes nor a Blob is sent as text, and each kind of bytes as bytes", async () => {
  const bytes = Uint8Array.of(0, 1, 2, 3, 4, 5);
  const messages:
    readonly (readonly [message: unknown, opcode: number, payload: string | readonly number[]])[] = [
      [5, TEXT, "5"],
      [null, TEXT, "null"],
      [{ toString: () => "an object" }, TEXT, "an object"],
      ["\ud800", TEXT, "\ufffd"],
      [bytes, BINARY, [0, 1, 2, 3, 4, 5]],
      [bytes.buffer, BINARY, [0, 1, 2, 3, 4, 5]],
      [bytes.subarray(2, 4), BINARY, [2, 3]],
      [new DataView(bytes.buffer, 1, 2), BINARY, [1, 2]],
      [new Uint16Array(bytes.buffer, 2, 1), BINARY, [2, 3]],
      [new SharedArrayBuffer(2), BINARY, [0, 0]],
      [new Blob([bytes.subarray(3)]), BINARY, [3, 4, 5]],
      [new Uint8Array(0), BINARY, []],
      ["", TEXT, ""],
    ];
  const use = (socket: ServerWebSocket) => {
    socket.onopen = () => messages.forEach(([message]) => Reflect.apply(socket.send, socket, [message]));
  };
  await withSockets(use, {}, async ({ port }) => {
    await using raw = await RawSocket.open(port);
    const frames = await raw.until(messages.length);
    const seen = frames.map(({ opcode, payload }) => [
      opcode,
      opcode === TEXT ? new TextDecoder().decode(payload) : [...payload],
    ]);
    assertEquals(seen, messages.map(([, opcode, payload]) => [opcode, payload]));
  });
});

Deno.test("a message that waits for a Blob is sent as it was given, in its turn, and counts in bufferedAmount", async () => {
  const amounts: number[] = [];
  const use = (socket: ServerWebSocket) => {
    socket.onopen = () => {
      const bytes = Uint8Array.of(1, 2, 3);
      socket.send(new Blob(["x".repeat(1000)]));
      socket.send(bytes);
      socket.send("é");
      bytes.fill(0); // as the web's class has it, this changes nothing
      amounts.push(socket.bufferedAmount);
    };
  };
  await withSockets(use, {}, async ({ port, sockets }) => {
    await using raw = await RawSocket.open(port);
    const [blob, bytes, text] = await raw.until(3);
    assertEquals([blob?.payload.length, [...bytes!.payload], [...text!.payload]], [1000, [1, 2, 3], [
      0xc3,
      0xa9,
    ]]);
    assertEquals(amounts, [1005]);
    await until("all is sent", () => sockets[0]!.bufferedAmount === 0);
  });
});

// One request, one socket.

Deno.test("a request is upgraded once: a second call fails with what to do", async () => {
  const handler: Handler = (request) => {
    const { response } = upgradeWebSocket(request);
    assertThrows(() => upgradeWebSocket(request), TypeError, "upgraded before");
    return response;
  };
  await withServer(handler, {}, async ({ connect }) => {
    const raw = connect();
    raw.offer(handshake());
    assertEquals((await raw.readHead()).status, 101);
    await raw.close();
  });
});

const others: readonly (readonly [name: string, make: () => Handler])[] = [
  ["Deno.upgradeWebSocket()", () => (request) => Deno.upgradeWebSocket(request).response],
  ["the helper of hono/deno", () => new Hono().get("/", denoHelper(() => ({}))).fetch],
];
for (const [name, make] of others) {
  Deno.test(`${name} in a handler fails with a sentence that says what to use`, async () => {
    await withServer(make(), {}, async ({ connect, log }) => {
      const raw = connect();
      raw.offer(handshake());
      assertEquals((await raw.readHead()).status, 500);
      assert(
        Deno.inspect(log).includes("import { upgradeWebSocket } from"),
        Deno.inspect(log),
      );
      await raw.close();
    });
  });
}

for (
  const [what, answer, status] of [
    ["an error", () => new Response("no", { status: 403 }), 403],
    ["a page", () => new Response("a page"), 101], // a 2xx response of its own is answered 101, as with exchange.upgrade()
    ["a failure", () => Promise.reject(new TypeError("a fault of the handler")), 500],
  ] as const
) {
  Deno.test(`a socket whose handler answers ${what} (${status}) ${status === 101 ? "opens" : "has error and close, and never opens"}`, async () => {
    const events: unknown[] = [];
    const handler: Handler = (request) => {
      const { socket } = upgradeWebSocket(request);
      for (const type of ["open", "error", "close"]) socket.addEventListener(type, () => events.push(type));
      return answer();
    };
    await withServer(handler, { log: () => {} }, async ({ connect }) => {
      const raw = connect();
      raw.offer(handshake());
      assertEquals((await raw.readHead()).status, status);
      const expected = status === 101 ? ["open"] : ["error", "close"];
      await until("the events", () => events.length >= expected.length);
      assertEquals(events, expected);
      await raw.close();
    });
  });
}

Deno.test("a socket whose client leaves before the response has error and close at once, and leaves no timer", async () => {
  const events: string[] = [];
  const asked = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  const handler: Handler = async (request) => {
    const { socket, response } = upgradeWebSocket(request);
    for (const type of ["open", "error", "close"]) socket.addEventListener(type, () => events.push(type));
    socket.close(4000, "early");
    asked.resolve();
    await answered.promise;
    return response;
  };
  await withServer(handler, { log: () => {} }, async ({ connect }) => {
    const raw = connect();
    raw.offer(handshake());
    await asked.promise;
    await raw.close();
    await until("the events", () => events.length === 2);
    answered.resolve();
    await raw.serverClosed();
    assertEquals(events, ["error", "close"]);
  });
});

Deno.test("CONNECT is a handshake only as an extended CONNECT for websocket (RFC 8441 §5)", async () => {
  const faults: string[] = [];
  const handler: Handler = (request) => {
    try {
      return upgradeWebSocket(request).response;
    } catch (error) {
      faults.push(error instanceof Error ? error.message : "");
      throw error;
    }
  };
  await using server = new HttpServer(handler, { allowedMethods: ["CONNECT"], log: () => {} });
  const { addr } = server.listen({ hostname: "127.0.0.1", port: 0 });
  assert(addr.transport === "tcp", "the listener has a port");
  using raw = await Deno.connect({ hostname: "127.0.0.1", port: addr.port });
  await raw.write(
    new TextEncoder().encode("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nSec-WebSocket-Version: 13\r\n\r\n"),
  );
  const buffer = new Uint8Array(1000);
  const count = await within("an answer", raw.read(buffer)) ?? 0;
  assertEquals(new TextDecoder().decode(buffer.subarray(0, count)).slice(0, 12), "HTTP/1.1 405");
  assertEquals(faults, ["A WebSocket is opened by GET (RFC 6455 §4.2.1)"]);
});
