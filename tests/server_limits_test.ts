/** Servers with several listeners: what limits them together, and how their accept loops go on and end. */

import { assertEquals } from "@std/assert";
import { type Connection, HttpServer } from "../mod.ts";
import { connectionPair } from "../testing.ts";
import { exhausted, ScriptedListener, withListener } from "./attacks/faulty_connection.ts";
import { turns, within } from "./support/deadline.ts";
import { RawClient } from "./support/raw_client.ts";
import { withServer, withTcpServer } from "./support/server.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const LAST = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/** Makes a server listen to what a test has made. */
async function listenTo(server: HttpServer, script: readonly (Connection | Error)[]): Promise<void> {
  await withListener(new ScriptedListener(script), () => {
    server.listen({ hostname: "127.0.0.1", port: 0 });
    return Promise.resolve();
  });
}

Deno.test("HttpServer: every listener goes on after it has run out of descriptors together with the others", async () => {
  const server = new HttpServer(() => new Response("ok"));
  const pairs = [connectionPair(), connectionPair(), connectionPair()];
  for (const pair of pairs) await listenTo(server, [exhausted(), exhausted(), exhausted(), pair.server]);
  for (const pair of pairs) {
    const raw = new RawClient(pair.client);
    assertEquals((await raw.request(GET)).text, "ok");
    await raw.close();
  }
  await within("the stop", server.stop(1_000));
});

Deno.test("HttpServer: a listener that fails rests for 5 ms, twice as long each time, up to a second", async () => {
  const server = new HttpServer(() => new Response("ok"));
  const pair = connectionPair();
  const pauses: number[] = [];
  const { setTimeout: later } = globalThis;
  Reflect.set(globalThis, "setTimeout", (callback: () => void, pause: number) => {
    // Others are the turns of the event loop, and the deadlines of the test.
    if (pause === 0 || pause > 1_000) return later(callback, pause);
    pauses.push(pause);
    return later(callback, 0);
  });
  try {
    const failures = Array.from({ length: 10 }, exhausted);
    await listenTo(server, [...failures, pair.server, exhausted()]);
    const raw = new RawClient(pair.client, 10_000);
    await raw.request(GET);
    await raw.close();
  } finally {
    Reflect.set(globalThis, "setTimeout", later);
  }
  assertEquals(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000, 5]);
  await within("the stop", server.stop(1_000));
});

Deno.test("HttpServer.stop() ends the rests of all listeners", async () => {
  const server = new HttpServer(() => new Response("ok"));
  for (let index = 0; index < 3; index++) {
    await listenTo(server, Array.from({ length: 1_000 }, exhausted));
  }
  await turns();
  await within("the stop", server.stop(0));
});

Deno.test("connectionLimit holds for all listeners together, and all are served in the end", async () => {
  const gate = Promise.withResolvers<void>();
  const counts: number[] = [];
  const handler = async () => {
    counts.push(server.clients.size);
    await gate.promise;
    return new Response("ok");
  };
  const server = new HttpServer(handler, { connectionLimit: 2 });
  const ports = [0, 0, 0, 0, 0].map((port) => {
    const { addr } = server.listen({ hostname: "127.0.0.1", port });
    return "port" in addr ? addr.port : 0;
  });
  const clients = await Promise.all(Array.from({ length: 20 }, async (_, index) => {
    const port = ports[index % ports.length]!;
    return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }));
  const answers = clients.map(async (client) => {
    const { text } = await client.request(LAST);
    await client.close();
    return text;
  });
  await turns();
  assertEquals([server.clients.size, server.stats.runningHandlers], [2, 2]);
  gate.resolve();
  assertEquals(await Promise.all(answers), clients.map(() => "ok"));
  assertEquals([counts.length, Math.max(...counts)], [20, 2]);
  await within("the stop", server.stop(1_000));
});

Deno.test("HttpServer.accept() closes a connection above connectionLimit at once", async () => {
  await withServer(() => new Response("ok"), { connectionLimit: 1 }, async ({ connect, server }) => {
    const first = connect();
    const second = connect();
    assertEquals(await second.readToEnd(), "");
    assertEquals([server.stats.clients, server.stats.refused], [1, 1]);
    assertEquals((await first.request(LAST)).text, "ok");
    await first.close();
    await first.serverClosed();
    assertEquals((await connect().request(GET)).text, "ok");
  });
});

const PATIENT: Readonly<Record<string, (server: HttpServer) => Promise<void>>> = {
  "HttpServer.stop(Infinity)": (server) => server.stop(Infinity),
  "HttpServer.stop() with more than a timer can wait": (server) => server.stop(2 ** 31),
  "client.stop() with more than a timer can wait": async (server) => {
    for (const client of server.clients) await client.stop(2 ** 31);
  },
};

for (const [name, stop] of Object.entries(PATIENT)) {
  Deno.test(`${name} waits for what runs, however long`, async () => {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const handler = async () => {
      begun.resolve();
      await gate.promise;
      return new Response("late");
    };
    await withTcpServer(handler, {}, async ({ connect, server }) => {
      const raw = await connect();
      await raw.send(GET);
      await begun.promise;
      const stopped = stop(server);
      await turns(20);
      gate.resolve();
      assertEquals((await raw.readResponse()).text, "late");
      await raw.close();
      await within("the stop", stopped);
    });
  });
}
