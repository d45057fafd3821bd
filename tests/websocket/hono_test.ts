/** `honoWebSocket()` in apps of npm's Hono, with npm's ws as the client. */

import { type Context, Hono } from "hono";
import type { UpgradeWebSocket } from "hono/ws";
import WsClient from "ws";
import { HttpServer } from "../../mod.ts";
import { honoWebSocket, type ServerWebSocket, type WebSocketOptions } from "../../websocket/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { until, within } from "../support/deadline.ts";

const upgradeWebSocket: UpgradeWebSocket<ServerWebSocket, WebSocketOptions> = honoWebSocket;

/** Runs a test against an app, which is given its origin without the scheme. */
async function withApp(app: Hono, run: (host: string) => Promise<void>): Promise<void> {
  const server = new HttpServer(app.fetch, { log: () => {} });
  const { port } = server.listen({ hostname: "127.0.0.1", port: 0 }).addr as Deno.NetAddr;
  try {
    await run(`127.0.0.1:${port}`);
  } finally {
    await within("the stop", server.stop(500));
    assertEquals(server.clients.size, 0);
  }
}

async function open(url: string, protocols: string[] = []): Promise<WsClient> {
  const client = new WsClient(url, protocols);
  await within("open", new Promise((resolve) => client.once("open", resolve)));
  return client;
}

async function answer(client: WsClient, message: string | Uint8Array): Promise<string> {
  const data = new Promise<Uint8Array>((resolve) => client.once("message", resolve));
  client.send(message);
  return new TextDecoder().decode(await within("the answer", data));
}

async function close(client: WsClient): Promise<void> {
  const end = new Promise((resolve) => client.once("close", resolve));
  client.close(4000, "enough");
  await within("close", end);
}

Deno.test("a handler of Hono's gets the events of its socket, with its context", async () => {
  const seen: unknown[] = [];
  const app = new Hono();
  app.get(
    "/rooms/:room",
    upgradeWebSocket((c) => ({
      onOpen: ({ type }, ws) => seen.push(type, ws.readyState, ws.url?.pathname, ws.protocol, ws.binaryType),
      onMessage: ({ data }, ws) => {
        const text = data instanceof ArrayBuffer ? `${data.byteLength} bytes` : data;
        ws.send(`${c.req.param("room")} ${c.req.query("who")}: ${text}`);
      },
      onClose: ({ code, reason, wasClean }, ws) => seen.push(code, reason, wasClean, ws.raw?.readyState),
    })),
  );
  await withApp(app, async (host) => {
    const client = await open(`ws://${host}/rooms/kitchen?who=me`, ["chat", "other"]);
    assertEquals(client.protocol, "chat");
    assertEquals(await answer(client, "hello"), "kitchen me: hello");
    assertEquals(await answer(client, new Uint8Array(3)), "kitchen me: 3 bytes");
    await close(client);
    await until("onClose", () => seen.length === 9);
    assertEquals(seen, ["open", 1, "/rooms/kitchen", "chat", "arraybuffer", 4000, "enough", true, 3]);
  });
});

Deno.test("event handlers may be made later, and middleware may stand around them", async () => {
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    c.header("x-middleware", "was here");
  });
  const events = () =>
    Promise.resolve({ onOpen: (_: Event, ws: { send(text: string): void }) => ws.send("late") });
  app.get("/", upgradeWebSocket(events));
  await withApp(app, async (host) => {
    const client = new WsClient(`ws://${host}/`);
    const field = new Promise((resolve) =>
      client.once(
        "upgrade",
        ({ headers }: { headers: Record<string, string> }) => resolve(headers["x-middleware"]),
      )
    );
    const greeting = new Promise((resolve) =>
      client.once("message", (data: Uint8Array) => resolve(`${data}`))
    );
    assertEquals(await within("the head", field), "was here");
    assertEquals(await within("the greeting", greeting), "late");
    await close(client);
  });
});

Deno.test("onError comes before onClose where the client is lost (RFC 6455 §7.1.5)", async () => {
  const seen: unknown[] = [];
  const app = new Hono();
  app.get(
    "/",
    upgradeWebSocket(() => ({
      onError: (event) => seen.push(event.type, event instanceof ErrorEvent),
      onClose: ({ code }) => seen.push(code),
    })),
  );
  await withApp(app, async (host) => {
    const client = await open(`ws://${host}/`);
    client.terminate();
    await until("onClose", () => seen.length === 3);
    assertEquals(seen, ["error", true, 1006]);
  });
});

Deno.test("a request that asks for no WebSocket goes to the next handler, a faulty one is refused (RFC 6455 §4.2.1)", async () => {
  const app = new Hono();
  app.get("/", upgradeWebSocket(() => ({})), (c) => c.text("a page"));
  await withApp(app, async (host) => {
    assertEquals(await (await fetch(`http://${host}/`)).text(), "a page");
    using raw = await Deno.connect({ hostname: "127.0.0.1", port: Number(host.split(":")[1]) });
    const head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    await raw.write(new TextEncoder().encode(head));
    const buffer = new Uint8Array(1000);
    const answer = new TextDecoder().decode(
      buffer.subarray(0, await within("an answer", raw.read(buffer)) ?? 0),
    );
    assertEquals(answer.slice(0, 12), "HTTP/1.1 426");
    assertEquals(answer.toLowerCase().includes("sec-websocket-version: 13\r\n"), true);
  });
});

Deno.test("the options of upgradeWebSocket() are those of the helper", async () => {
  const app = new Hono();
  const sendBack = { onMessage: ({ data }: MessageEvent, ws: { send(data: string): void }) => ws.send(data) };
  app.get("/", honoWebSocket(() => sendBack, { maxMessageSize: 10, compress: false, protocol: "b" }));
  await withApp(app, async (host) => {
    const client = await open(`ws://${host}/`, ["a", "b"]);
    assertEquals([client.protocol, client.extensions], ["b", ""]);
    assertEquals(await answer(client, "x".repeat(10)), "x".repeat(10));
    const end = new Promise((resolve) => client.once("close", resolve));
    client.send("x".repeat(11));
    assertEquals(await within("close", end), 1009);
  });
});

Deno.test("a handler may upgrade by itself, with the context and the events", async () => {
  const app = new Hono();
  app.get("/", (c) => upgradeWebSocket(c, { onOpen: (_, ws) => ws.send("by hand") }));
  await withApp(app, async (host) => {
    const client = new WsClient(`ws://${host}/`);
    const greeting = new Promise((resolve) =>
      client.once("message", (data: Uint8Array) => resolve(`${data}`))
    );
    assertEquals(await within("the greeting", greeting), "by hand");
    await close(client);
  });
});

Deno.test("the helper takes a context of Hono's without a type of Hono's around it", async () => {
  const app = new Hono();
  app.get(
    "/:name",
    honoWebSocket((c: Context) => ({ onOpen: (_, ws) => ws.send(c.req.param("name") ?? "") })),
  );
  await withApp(app, async (host) => {
    const client = new WsClient(`ws://${host}/me`);
    const greeting = new Promise((resolve) =>
      client.once("message", (data: Uint8Array) => resolve(`${data}`))
    );
    assertEquals(await within("the greeting", greeting), "me");
    await close(client);
  });
});
